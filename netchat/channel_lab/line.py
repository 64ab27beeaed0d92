"""The line: text, frame, codewords, channel, decoder, text, with the fate of each bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchat.channel_lab.codec import build_channel, build_code, uses_ratios
from netchat.channel_lab.frame_fields import frame_of, received_text, show_fields
from netchat.channel_lab.limits import MAX_CELLS
from netchat.channel_lab.state import LabState, StateError
from netchat.channel_lab.transmission import Transmission, constellation, transmit
from netchat.channels import Channel
from netchat.coding import Code
from netchat.coding.arrays import Bools, Decoded, Floats, Rows
from netchat.wording import many

__all__ = [
    "Passage",
    "compute_beliefs",
    "compute_line",
    "compute_passage",
    "received_data",
    "show_bits",
    "show_line",
]


@dataclass(slots=True)
class Passage:
    """A message on its way; rows are blocks, in the order of the code before the interleaver."""

    state: LabState
    code: Code
    channel: Channel
    """Channel at the rate of the code."""
    data: bytes
    """Bytes that are encoded."""
    message: Rows
    """(blocks, k) Symbols of the messages; zeros follow the data."""
    word: Rows
    """(blocks, n) Codewords."""
    order: NDArray[np.intp] | None
    """(bits,) Coded position of each position on the line; None without an interleaver."""
    line: Transmission
    """Received bits, in the order of the line."""
    decoded: Decoded
    """Result of the library's decoder."""
    hard: Rows
    """(blocks, n bits) Received bits; zeros where they are erased."""
    erased: Bools
    """(blocks, n bits) Whether a bit is erased."""
    ratios: Floats
    """(blocks, n bits) Log-likelihood ratios."""
    is_soft: bool
    """Whether the decoder gets the ratios."""

    @property
    def blocks(self) -> int:
        """Number of codewords."""
        return len(self.message)

    @property
    def block_bits(self) -> int:
        """Number of bits in a codeword."""
        return self.code.n * self.code.bits_per_symbol

    def bits(self, rows: Rows) -> Rows:
        """Return rows of symbols as rows of bits."""
        return np.unpackbits(rows, axis=1) if self.code.alphabet == "byte" else rows

    def symbols(self, rows: Rows) -> Rows:
        """Return rows of bits as rows of symbols."""
        return np.packbits(rows, axis=1) if self.code.alphabet == "byte" else rows


def compute_passage(state: LabState, plugins: Mapping[str, str]) -> Passage:
    """Send the text of a state through encoder, channel and decoder.

    Raises:
        StateError: The code or channel is not allowed, or there are too many bits.
    """
    code = build_code(state.code, plugins)
    channel = build_channel(state.channel, code)
    data = frame_of(state.text) if state.carry == "frame" else state.text.encode()
    message = _messages(code, data, state)
    word = code.encode(message)
    octets = code.alphabet == "byte"
    coded = (np.unpackbits(word, axis=1) if octets else word).reshape(-1)
    order = None
    if state.depth:
        order = _interleaved(len(word), code.n, state.depth, code.bits_per_symbol)
    line = transmit(
        coded if order is None else coded[order], channel, state.seed, code.bits_per_symbol
    )
    line.touch(state.touched)
    shape = len(word), code.n * code.bits_per_symbol
    place = np.arange(len(coded)) if order is None else np.argsort(order)
    erased, ratios = line.erased[place].reshape(shape), line.ratios[place].reshape(shape)
    hard = np.where(
        erased, np.uint8(0), line.hard[place].reshape(shape)
    )  # the decoder must not see what was erased
    is_soft = uses_ratios(code, channel)
    lost = erased.reshape(len(word), code.n, -1).any(axis=2)
    received = np.packbits(hard, axis=1) if octets else hard
    decoded = code.decode(received, lost, ratios if is_soft else None)
    return Passage(
        state, code, channel, data, message, word, order, line, decoded, hard, erased, ratios, is_soft
    )  # fmt: skip


def _messages(code: Code, data: bytes, state: LabState) -> Rows:
    """Split data into full messages; zeros follow the data."""
    octets = np.frombuffer(data, np.uint8)
    symbols = octets if code.alphabet == "byte" else np.unpackbits(octets)
    blocks = max(1, -(-len(symbols) // code.k))
    cells = blocks * code.n * code.bits_per_symbol
    if cells > MAX_CELLS:
        what = "frame" if state.carry == "frame" else "text"
        raise StateError(
            f"the {what} becomes {cells} bits on the line with {state.code}; at most {MAX_CELLS} are "
            "shown. Shorten the text, or use a code of a higher rate",
            "text",
        )
    message = np.zeros(blocks * code.k, np.uint8)
    message[: len(symbols)] = symbols
    return message.reshape(blocks, code.k)


def _interleaved(blocks: int, n: int, depth: int, bits: int) -> NDArray[np.intp]:
    """Return the coded position of each position on the line.

    As with `interleave:DEPTH` in a specification, each group of codewords is written as the rows of a table,
    whose columns are sent; the last group can have fewer rows.
    """
    groups = [
        (np.arange(first, min(first + depth, blocks))[:, None] * n + np.arange(n)).T.reshape(-1)
        for first in range(0, blocks, depth)
    ]
    symbols = np.concatenate(groups)
    return (symbols[:, None] * bits + np.arange(bits)).reshape(-1)


def compute_line(state: LabState, plugins: Mapping[str, str]) -> dict[str, Any]:
    """Return the line of a state as a JSON object; `docs/CHANNEL_LAB.md` describes it.

    Raises:
        StateError: The code or channel is not allowed, or there are too many bits.
    """
    return show_line(compute_passage(state, plugins))


def received_data(passage: Passage) -> bytes:
    """Return the decoded bytes, as many as were sent."""
    decided = passage.bits(passage.decoded.message).reshape(-1)
    return np.packbits(decided[: 8 * len(passage.data)]).tobytes()


def show_line(passage: Passage) -> dict[str, Any]:
    """Return a passage as a JSON object."""
    state, code, line = passage.state, passage.code, passage.line
    sent, decided = passage.bits(passage.message), passage.bits(passage.decoded.message)
    coded = passage.bits(passage.word).reshape(-1)
    believed, is_open = compute_beliefs(passage)
    order = np.arange(len(coded)) if passage.order is None else passage.order
    on_line = coded[order]
    after, still_open = believed.reshape(-1)[order], is_open.reshape(-1)[order]
    is_data = _data_bits(passage)
    cells = _cells(
        on_line, line.hard, line.erased, after, still_open,
        np.ones(len(coded), np.bool_) if is_data is None else np.tile(is_data, passage.blocks)[order],
    )  # fmt: skip
    data = received_data(passage)
    text, problem = data, ""
    if state.carry == "frame":
        text, problem = received_text(data, passage.data)
    outcome = _outcome(passage, believed, is_open)
    arrived = text == state.text.encode() and not problem
    is_ok = arrived and not passage.decoded.failed.any()
    frame = frame_of(state.text)
    shown = text.decode(errors="replace")
    return {
        "state": state.as_dict(),
        "frame": {"bytes": frame.hex(), "fields": show_fields(frame)},
        "received_frame": {"bytes": data.hex(), "problem": problem} if state.carry == "frame" else None,
        "sent": show_bits(sent.reshape(-1)),
        "padding": sent.size - 8 * len(passage.data),
        "blocks": _blocks(passage, is_data),
        "coded": show_bits(on_line),
        "order": None if passage.order is None else order.tolist(),
        "received": show_bits(line.hard, line.erased),
        "soft": None if line.values is None else np.round(line.values, 3).tolist(),
        "llr": np.round(line.ratios.astype(np.float64), 2).tolist(),
        "decoder_input": "soft" if passage.is_soft else "hard",
        "symbols": None if line.symbols is None else np.round(line.symbols, 3).tolist(),
        **(constellation(passage.channel) or {}),
        "decoded": show_bits(decided.reshape(-1)),
        "corrected": show_bits(after, still_open),
        "outcome": outcome,
        "cells": cells,
        "text": shown,
        "ok": is_ok,
        "code": {
            "n": code.n * code.bits_per_symbol, "k": code.k * code.bits_per_symbol,
            "bits_per_symbol": code.bits_per_symbol, "rate": round(code.rate, 4), "name": code.name,
            "corrects": code.corrects,
        },
        "summary": _summary(cells, outcome, shown, problem, arrived=arrived),
    }  # fmt: skip


def compute_beliefs(passage: Passage) -> tuple[Rows, Bools]:
    """Return the codeword bits that the decoder believes in, and which of them it leaves open.

    Of a block that could not be decoded, it believes what was received, except for the message of a
    systematic code.
    """
    code, decoded = passage.code, passage.decoded
    believed = passage.bits(code.encode(decoded.message))
    is_open = np.zeros_like(passage.erased)
    failed = decoded.failed
    if failed.any():
        kept = passage.hard.copy()
        open_bits = passage.erased.copy()
        data = _data_bits(passage)
        if data is not None:
            places = _in_bits(code, code.data_positions)
            kept[:, places] = passage.bits(decoded.message)
            open_bits[:, places] &= kept[:, places] == passage.hard[:, places]
        believed = np.where(failed[:, None], kept, believed)
        is_open = np.where(failed[:, None], open_bits, is_open)
    return believed, is_open


def _in_bits(code: Code, positions: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return positions of symbols as positions of bits."""
    size = code.bits_per_symbol
    return (np.asarray(positions)[:, None] * size + np.arange(size)).reshape(-1)


def _data_bits(passage: Passage) -> Bools | None:
    """Return which bits of a codeword are those of the message; None if it is not systematic."""
    code = passage.code
    if not code.systematic:
        return None
    found = np.zeros(passage.block_bits, np.bool_)
    found[_in_bits(code, code.data_positions)] = True
    return found


def _cells(
    sent: Rows, hard: Rows, erased: Bools, believed: Rows, is_open: Bools, is_data: Bools
) -> str:
    """Return a letter for each position on the line."""
    right = (believed == sent) & ~is_open
    letters = np.where(is_data, ord("."), ord(",")).astype(np.uint8)
    letters[~right] = ord("n")
    wrong = hard != sent
    letters[wrong] = np.where(right[wrong], ord("f"), ord("x"))
    letters[erased] = np.where(right[erased], ord("e"), ord("E"))
    return letters.tobytes().decode()


def show_bits(bits: Rows, erased: Bools | None = None) -> str:
    """Return bits as a string of 0 and 1, with ? for those that are erased."""
    letters = bits.astype(np.uint8) + np.uint8(ord("0"))
    if erased is not None:
        letters[erased] = ord("?")
    return letters.tobytes().decode()


def _blocks(passage: Passage, is_data: Bools | None) -> list[dict[str, Any]]:
    """Return where each codeword is, in positions before the interleaver."""
    size, width = passage.block_bits, passage.code.k * passage.code.bits_per_symbol
    data = parity = None
    if is_data is not None:
        data, parity = np.flatnonzero(is_data), np.flatnonzero(~is_data)
    return [
        {
            "from": block * size,
            "to": (block + 1) * size,
            "data": None if data is None else (data + block * size).tolist(),
            "parity": None if parity is None else (parity + block * size).tolist(),
            "message_from": block * width,
            "message_to": (block + 1) * width,
        }
        for block in range(passage.blocks)
    ]


def _outcome(passage: Passage, believed: Rows, is_open: Bools) -> list[dict[str, Any]]:
    sent = passage.bits(passage.word)
    flips = ((passage.hard != sent) | passage.erased).sum(axis=1)
    left = ((believed != sent) | is_open).sum(axis=1)
    right = (passage.decoded.message == passage.message).all(axis=1)
    return [
        {
            "ok": bool(right[block]) and count >= 0,
            "claimed": "failed" if count < 0 else "corrected" if count else "decoded",
            "flips": int(flips[block]),
            "left": int(left[block]),
        }
        for block, count in enumerate(passage.decoded.corrected.tolist())
    ]


def _summary(
    cells: str, outcome: list[dict[str, Any]], text: str, problem: str, *, arrived: bool
) -> str:  # fmt: skip
    """Return the line in words, for screen readers."""
    flipped, erased = (sum(map(cells.count, letters)) for letters in ("fx", "eE"))
    damage = [many(flipped, "bit") + " flipped"] if flipped else []
    damage += [many(erased, "bit") + " erased"] if erased else []
    failed = sum(one["claimed"] == "failed" for one in outcome)
    mistaken = sum(not one["ok"] and one["claimed"] != "failed" for one in outcome)
    fixed = sum(one["ok"] and one["claimed"] == "corrected" for one in outcome)
    parts = [many(fixed, "block") + " corrected"] if fixed else []
    parts += [many(failed, "block") + " reported as undecodable"] if failed else []
    parts += (
        [many(mistaken, "block") + " decoded to a wrong message without notice"] if mistaken else []
    )
    result = f"; the text became {text!r}"
    if arrived:
        result = (
            "; the text is right, but the receiver cannot know" if failed else "; the text arrived"
        )
    return (
        f"{many(len(cells), 'bit')} on the line in {many(len(outcome), 'block')}, "
        f"{' and '.join(damage) or 'none damaged'}{': ' if parts else ''}{', '.join(parts)}{result}"
        f"{f'. The receiver rejects the frame: {problem}' if problem else ''}."
    )
