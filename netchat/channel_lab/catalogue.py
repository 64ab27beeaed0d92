"""Codes, channels and interleavers that the lab suggests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from netchat.channel_lab.codec import build_code
from netchat.channel_lab.explain.kinds import kind_of
from netchat.channel_lab.limits import (
    MAX_CELLS,
    MAX_CODES,
    MAX_ERRORS,
    MAX_SPEC,
    MAX_TEXT,
    MAX_TOUCHED,
)
from netchat.channel_lab.state import StateError

__all__ = ["CHANNELS", "CODES", "catalogue"]


class _Code(NamedTuple):
    family: str
    spec: str
    title: str
    about: str


CODES = (
    _Code("none", "uncoded:8", "No code", "Every flipped bit stays wrong."),
    _Code("repetition", "repetition:3", "Repetition, 3 times", "Sends each bit three times; the majority wins."),
    _Code("repetition", "repetition:5", "Repetition, 5 times", "Corrects two errors in five bits, at a fifth of the rate."),
    _Code("Hamming", "hamming:7,4", "Hamming (7,4)", "Three parity bits name the position of one error."),
    _Code("Hamming", "hamming:15,11", "Hamming (15,11)", "Four parity bits for eleven: a higher rate, one error in fifteen bits."),
    _Code("Hamming", "hamming:8,4", "Extended Hamming (8,4)", "One more parity bit: corrects one error, detects two."),
    _Code("SECDED", "secded:22,16", "SECDED (22,16)", "Memory protection: corrects one error, detects two."),
    _Code("SECDED", "secded:72,64", "SECDED (72,64)", "ECC memory of computers: 8 check bits for 64."),
    _Code("Golay", "golay:24", "Golay (24,12)", "Corrects any three errors in 24 bits, detects four."),
    _Code("Golay", "golay:23", "Golay (23,12)", "The perfect code: every word is within three errors of one codeword."),
    _Code("BCH", "bch:15,7", "BCH (15,7)", "Corrects two errors in fifteen bits."),
    _Code("BCH", "bch:63,45", "BCH (63,45)", "Corrects three errors in 63 bits."),
    _Code("Reed-Muller", "rm:1,5", "Reed-Muller (1,5)", "32 bits for 6: the code of Mariner 9."),
    _Code("Reed-Solomon", "rs:15,11,m=4", "Reed-Solomon (15,11) over GF(16)", "Corrects two symbols of four bits, however many of their bits are wrong."),
    _Code("Reed-Solomon", "rs:15,11", "Reed-Solomon (15,11) over bytes", "Corrects two bytes of fifteen, or four erased ones."),
    _Code("Reed-Solomon", "rs:32,24", "Reed-Solomon (32,24) over bytes", "Corrects four bytes of 32."),
    _Code("Reed-Solomon", "rs:255,223", "Reed-Solomon (255,223)", "Corrects sixteen bytes of 255."),
    _Code("convolutional", "conv:7,5,k=24", "Convolutional (7,5), K = 3", "The textbook trellis with four states."),
    _Code("convolutional", "conv:voyager,k=64", "Voyager, K = 7", "The code of deep space missions, with 64 states."),
    _Code("LDPC", "ldpc:gallager", "Gallager (20,7)", "The first LDPC code, small enough to draw."),
    _Code("LDPC", "ldpc:ccsds,128", "CCSDS (128,64)", "A short LDPC code for commands to spacecraft."),
    _Code("LDPC", "ldpc:wifi,648,1/2", "Wi-Fi (648,324)", "The LDPC code of 802.11n."),
    _Code("polar", "polar:16,8", "Polar (16,8)", "A tree of 16 channels, of which the best eight carry data."),
    _Code("polar", "polar:64,32,crc=6,decoder=scl4", "Polar (64,32), list of 4", "A list of four paths; a CRC chooses among them."),
    _Code("polar", "polar:1024,512,crc=11", "Polar (1024,512)", "A long polar code with a CRC, as in 5G."),
    _Code("turbo", "turbo:40", "Turbo (132,40)", "Two decoders that advise each other: the shortest block of LTE."),
    _Code("turbo", "turbo:256", "Turbo (780,256)", "A longer block of LTE."),
    _Code("CRC", "crc:8,16", "CRC-8 of two bytes", "Detects errors, corrects none."),
    _Code("CRC", "crc:32,64", "CRC-32 of eight bytes", "The checksum of Ethernet, and of every frame of the chat."),
)  # fmt: skip

CHANNELS = (
    {"spec": "bsc:0.02", "title": "Bit flips", "about": "Each bit flips with this probability (binary symmetric channel).",
     "parameter": "probability of a flip", "min": 0, "max": 0.3, "step": 0.005, "soft": False, "modulation": None},
    {"spec": "bec:0.1", "title": "Erasures", "about": "Each bit, or byte, is lost with this probability, and the receiver knows it.",
     "parameter": "probability of an erasure", "min": 0, "max": 0.6, "step": 0.01, "soft": False, "modulation": None},
    {"spec": "gilbert-elliott:0.01,0.2,0,0.5", "title": "Bursts", "about": "Long good times, and bad ones of about five bits in which half of the bits flip.",
     "parameter": "probability that a burst begins", "min": 0, "max": 0.1, "step": 0.002, "soft": False, "modulation": None},
    {"spec": "awgn:4dB", "title": "Gaussian noise", "about": "BPSK in white noise: the decoder sees how far each value is from 1 and -1.",
     "parameter": "Eb/N0 in dB", "min": -3, "max": 12, "step": 0.25, "soft": True, "modulation": "bpsk"},
    {"spec": "awgn:4dB,qpsk", "title": "Gaussian noise, QPSK", "about": "Two bits in each symbol.",
     "parameter": "Eb/N0 in dB", "min": -3, "max": 12, "step": 0.25, "soft": True, "modulation": "qpsk"},
    {"spec": "awgn:8dB,qam16", "title": "Gaussian noise, 16-QAM", "about": "Four bits in each symbol, with Gray labels.",
     "parameter": "Eb/N0 in dB", "min": -3, "max": 20, "step": 0.25, "soft": True, "modulation": "qam16"},
    {"spec": "awgn:12dB,qam64", "title": "Gaussian noise, 64-QAM", "about": "Six bits in each symbol.",
     "parameter": "Eb/N0 in dB", "min": -3, "max": 25, "step": 0.25, "soft": True, "modulation": "qam64"},
    {"spec": "rayleigh:10dB", "title": "Fading", "about": "Rayleigh fading: a new gain for each bit, which the receiver knows.",
     "parameter": "mean Eb/N0 in dB", "min": -3, "max": 30, "step": 0.5, "soft": True, "modulation": "bpsk"},
)  # fmt: skip

INTERLEAVERS = (
    {"spec": "", "title": "No interleaver", "about": "Codewords follow each other."},
    *({"spec": f"interleave:{depth}", "title": f"Interleave {depth} codewords",
       "about": f"Writes {depth} codewords as rows and sends the columns: a burst of {depth} symbols hits each once."}
      for depth in (2, 4, 6, 8, 16)),
)  # fmt: skip


def catalogue(plugins: Mapping[str, str]) -> dict[str, Any]:
    """Return the lists of codes, channels and interleavers, and the limits.

    Args:
        plugins: Codes of the server's owner, by the name that visitors see.
    """
    codes = [_described(code, plugins) for code in CODES]
    for name in plugins:
        entry = _Code("own codes", name, name, "A code of the owner of this server.")
        try:
            codes.append(_described(entry, plugins))
        except StateError as error:
            codes.append({**entry._asdict(), "problem": str(error)})
    return {
        "codes": codes,
        "channels": list(CHANNELS),
        "interleavers": list(INTERLEAVERS),
        "texts": {
            "text": MAX_TEXT, "cells": MAX_CELLS, "touched": MAX_TOUCHED, "spec": MAX_SPEC,
            "codes": MAX_CODES, "errors": MAX_ERRORS,
        },
    }  # fmt: skip


def _described(entry: _Code, plugins: Mapping[str, str]) -> dict[str, Any]:
    code = build_code(entry.spec, plugins)
    bits = code.bits_per_symbol
    return {
        **entry._asdict(),
        "title": code.name if entry.spec in plugins else entry.title,
        "n": code.n * bits,
        "k": code.k * bits,
        "rate": round(code.rate, 4),
        "min_distance": code.minimum_distance,
        "corrects": code.corrects,
        "soft": code.soft,
        "bits_per_symbol": bits,
        "explains": kind_of(code),
    }
