"""Blocks before and after a channel and a decoder, drawn symbol by symbol."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from netchat.chat.text import show_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netchat.coding import Code, Decoded

__all__ = ["BlockStages", "blocks_of", "print_blocks", "print_text", "symbols_text"]

#: Columns of the line labels, and of the space between two blocks.
_MARGIN, _GAP = 10, 2

_DATA: dict[str, Any] = {"fg": "cyan"}
_PARITY: dict[str, Any] = {"fg": "yellow"}
_FLIPPED: dict[str, Any] = {"fg": "red", "reverse": True}
_CORRECTED: dict[str, Any] = {"fg": "green", "bold": True}
_GOOD: dict[str, Any] = {"fg": "green"}
_WRONG: dict[str, Any] = {"fg": "red", "bold": True}


@dataclass(frozen=True, slots=True)
class BlockStages:
    """One block at each stage; arrays have one entry per symbol of the codeword."""

    symbols: int
    bits: int
    """Bits per symbol: 1 or 8."""
    is_data: NDArray[np.bool_]
    sent: NDArray[np.uint8] | None
    """Symbols that were sent; None if unknown."""
    received: NDArray[np.uint8]
    lost: NDArray[np.bool_]
    decided: NDArray[np.uint8]
    """Codeword that the decoder chose; the received symbols if decoding failed."""
    corrected: int
    """Number of corrected symbols, -1 if decoding failed."""

    @property
    def good(self) -> bool:
        """Whether decoding succeeded with the codeword that was sent, if that is known."""
        return self.corrected >= 0 and (
            self.sent is None or bool((self.sent == self.decided).all())
        )

    @property
    def verdict(self) -> str:
        """Outcome in one or two words."""
        if self.corrected < 0:
            return "failed"
        if not self.good:
            return "WRONG"
        return f"{self.corrected} fixed" if self.corrected else "ok"


def blocks_of(
    code: Code, sent: Any, received: Any, lost: Any, result: Decoded
) -> list[BlockStages]:
    """Return the blocks of a batch.

    Args:
        code: Code of the batch.
        sent: Codewords, shape (batch, n), or None if unknown.
        received: Received symbols, shape (batch, n).
        lost: Erasures, bool, shape (batch, n), or None.
        result: Result of the decoder.
    """
    import numpy as np

    is_data = np.zeros(code.n, np.bool_)
    if code.systematic:
        is_data[code.data_positions] = True
    # A failed decoder has no codeword: show the received symbols.
    decided = np.where(result.failed[:, None], received, code.encode(result.message))
    none = np.zeros(code.n, np.bool_)
    return [
        BlockStages(
            code.n, code.bits_per_symbol, is_data, None if sent is None else sent[row], received[row],
            none if lost is None else lost[row], decided[row], int(result.corrected[row]),
        )
        for row in range(len(received))
    ]  # fmt: skip


def print_blocks(code: Code, blocks: list[BlockStages]) -> None:
    """Draw blocks side by side, as many as fit the terminal's width."""
    kinds = " and ".join((click.style("data", **_DATA), click.style("parity", **_PARITY)))
    columns = shutil.get_terminal_size().columns
    click.echo(click.wrap_text(code.name, columns))
    click.echo(
        f"{kinds}; corrects {code.corrects}, detects {code.detects} of {code.n} {code.alphabet}s\n"
    )
    room = max(20, columns - _MARGIN)
    line: list[tuple[BlockStages, int, int]] = []
    used = 0
    for block in blocks:
        cell = 1 if block.bits == 1 else 3
        per_line = min(block.symbols, room // cell)
        for start in range(0, block.symbols, per_line):
            stop = min(start + per_line, block.symbols)
            width = _width(block, start, stop)
            if used and used + _GAP + width > room:
                _print_line(line)
                line, used = [], 0
            line.append((block, start, stop))
            used += (_GAP if used else 0) + width
    if line:
        _print_line(line)
    if any(block.verdict != "ok" for block in blocks):
        click.echo("^ received wrong or lost, then corrected    ! still wrong\n")


def _width(block: BlockStages, start: int, stop: int) -> int:
    cells = (stop - start) * (1 if block.bits == 1 else 3) - (0 if block.bits == 1 else 1)
    return max(cells, len(block.verdict) if stop == block.symbols else 0)


def _print_line(pieces: list[tuple[BlockStages, int, int]]) -> None:
    """Print parts of blocks side by side: sent, received, marks, decoded."""
    rows: dict[str, list[str]] = {"sent": [], "received": [], "": [], "decoded": [], " ": []}
    for block, start, stop in pieces:
        width = _width(block, start, stop)
        drawn: dict[str, list[str]] = {"sent": [], "received": [], "": [], "decoded": []}
        for i in range(start, stop):
            kind = _DATA if block.is_data[i] else _PARITY
            came, decided = block.received[i], block.decided[i]
            was = None if block.sent is None else block.sent[i]
            bad = block.lost[i] or (was is not None and was != came)
            wrong = was is not None and was != decided
            if was is not None:
                drawn["sent"].append(click.style(_symbol(block, was), **kind))
            shown = "?" * (1 if block.bits == 1 else 2) if block.lost[i] else _symbol(block, came)
            drawn["received"].append(click.style(shown, **(_FLIPPED if bad else kind)))
            changed = decided != came or block.lost[i]
            mark = "!" if wrong else "^" if bad or changed else " "
            drawn[""].append(mark * len(shown))
            style = _WRONG if wrong or block.corrected < 0 else _CORRECTED if changed else kind
            drawn["decoded"].append(click.style(_symbol(block, decided), **style))
        for name, symbols in drawn.items():
            text = ("" if block.bits == 1 else " ").join(symbols)
            rows[name].append(text + " " * (width - len(click.unstyle(text))))
        verdict = block.verdict if stop == block.symbols else ""
        style = _GOOD if block.good else _WRONG
        rows[" "].append(click.style(verdict, **style) + " " * (width - len(verdict)))
    for name, texts in rows.items():
        text = (" " * _GAP).join(texts).rstrip()
        if click.unstyle(text).strip():
            click.echo(f"{name:<{_MARGIN}}{text}")
    click.echo()


def symbols_text(block: BlockStages, values: NDArray[np.uint8] | None) -> str | None:
    """Return symbols without colours: bits, or bytes in hexadecimal."""
    return None if values is None else "".join(_symbol(block, value) for value in values)


def _symbol(block: BlockStages, value: int) -> str:
    return f"{value:d}" if block.bits == 1 else f"{value:02x}"


def print_text(name: str, data: bytes, *, good: bool | None = None) -> None:
    """Print a text that may be damaged, with control characters escaped."""
    text = show_text(data.decode(errors="replace"))
    style: dict[str, Any] = {} if good is None else _GOOD if good else _WRONG
    click.echo(f"{name:<{_MARGIN}}{click.style(text, **style)}")
