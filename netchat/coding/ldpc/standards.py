"""LDPC codes of standards, built from the base matrices in `data/`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netchat.arguments import whole_number
from netchat.coding.ldpc.encoder import independent_columns
from netchat.coding.ldpc.graph import Graph, base_matrix, expanded, parse_qc
from netchat.wording import cut

__all__ = ["LIFTINGS", "STANDARDS", "Design", "base_graph_1", "design"]

_DATA = Path(__file__).with_name("data")

#: Lifting sizes of 5G NR by their set (3GPP TS 38.212, table 5.3.2-1).
LIFTINGS = {
    a << j: index
    for index, a in enumerate((2, 3, 5, 7, 9, 11, 13, 15))
    for j in range(8)
    if a << j <= 384
}

#: Starts of the redundancy versions in units of Ncb / 66 and Ncb / 50 (table 5.4.2.1-2).
_STARTS = {1: (0, 17, 33, 56), 2: (0, 13, 25, 43)}


#: Lengths of WiMAX.
_WIMAX = range(576, 2305, 96)


@dataclass(frozen=True, slots=True)
class Design:
    """Code of a standard."""

    name: str
    """Name shown in tables."""
    graph: Graph
    """Parity-check matrix."""
    message: NDArray[np.intp]
    """(k,) Variables that hold the message."""
    sent: NDArray[np.intp]
    """(n,) Variables in the order in which they are sent; one can occur several times."""
    citation: str
    """Standard."""
    distance: int = 1
    """Minimum distance, or a lower bound."""


def design(kind: str, arguments: tuple[int | str, ...]) -> Design:
    """Create the code of a standard.

    Raises:
        ValueError: The arguments are not those of the standard.
    """
    most = len(inspect.signature(STANDARDS[kind]).parameters)
    if len(arguments) > most:
        raise ValueError(f"{kind} takes at most {most} arguments, got {len(arguments)}.")
    return STANDARDS[kind](*arguments)


@cache
def _text(name: str) -> list[str]:
    return (_DATA / name).read_text("utf-8").splitlines()


def _plain(
    name: str, graph: Graph, sent: NDArray[np.bool_] | None, citation: str, distance: int = 1
) -> Design:
    """Return a code whose message is in its first variables and whose checks are independent."""
    order = np.arange(graph.columns) if sent is None else np.flatnonzero(sent)
    k = graph.columns - graph.checks
    return Design(f"{name} ({len(order)},{k})", graph, np.arange(k), order, citation, distance)


def _wifi(n: int | str = 648, rate: int | str = "1/2") -> Design:
    lines = _text("wifi.txt")
    header = next(
        (at for at, line in enumerate(lines) if line.split()[:2] == [str(n), str(rate)]), None
    )
    if header is None:
        raise ValueError(
            "Arguments of wifi must be 648, 1296 or 1944 and 1/2, 2/3, 3/4 or 5/6, got "
            f"{cut(f'{n},{rate}')}."
        )
    height = 24 - 24 * int(str(rate)[0]) // int(str(rate)[2])
    base = base_matrix(lines[header + 1 : header + 1 + height])
    graph = expanded(base, int(lines[header].split()[2]))
    return _plain("LDPC 802.11n", graph, None, "IEEE 802.11-2012, annex F: Wi-Fi")


def _wimax(n: int | str = 576) -> Design:
    if n not in _WIMAX:
        raise ValueError(
            f"Argument of wimax must be a multiple of 96 from 576 to 2304, got {cut(str(n))}."
        )
    lifting = int(n) // 24
    # The standard lists the shifts for the largest size, 96, and scales them for the others.
    base = [
        [tuple(shift * lifting // 96 for shift in entry) for entry in row]
        for row in base_matrix(_text("wimax.txt"))
    ]
    graph = expanded(base, lifting)
    return _plain("LDPC WiMAX", graph, None, "IEEE 802.16-2009, section 8.4.9.2.5: WiMAX")


def _ccsds(n: int | str = 128) -> Design:
    if n != 128:
        raise ValueError(f"Argument of ccsds must be 128, got {cut(str(n))}.")
    graph, _ = parse_qc(_text("ccsds_128.qc"))
    return _plain("LDPC CCSDS", graph, None, "CCSDS 231.0-B: telecommand", 14)


def _ar4ja(n: int | str = 8192) -> Design:
    if n != 8192:
        raise ValueError(f"Argument of ar4ja must be 8192, got {cut(str(n))}.")
    graph, sent = parse_qc(_text("ar4ja_8192.qc"))
    return _plain("LDPC AR4JA", graph, sent, "CCSDS 131.0-B: telemetry")


def _nr(
    k: int | str = 1024, n: int | str = 2048, version: int | str = 0, base: int | str = 0
) -> Design:
    """Return a code of 5G NR for k bits, CRC included, and n sent bits (3GPP TS 38.212)."""
    numbers = [
        whole_number(name, value) if not isinstance(value, str) else None
        for name, value in (("k", k), ("n", n), ("version", version), ("base", base))
    ]
    if None in numbers:
        raise ValueError(
            "Arguments of nr must be integers: k, n, redundancy version and base graph."
        )
    k, n, version, base = (int(number) for number in numbers if number is not None)
    if base not in (0, 1, 2) or version not in range(4):
        raise ValueError(
            "Arguments of nr must be a redundancy version from 0 to 3 and a base graph 1 or 2 (0 for "
            f"that of the standard), got {version} and {base}."
        )
    if not base:  # section 6.2.2
        rate = k / max(n, 1)
        base = 2 if k <= 292 or (k <= 3824 and rate <= 0.67) or rate <= 0.25 else 1
    most = 8448 if base == 1 else 3840
    if not 1 <= k <= most or not k < n <= 1 << 17:
        raise ValueError(
            f"Arguments of nr must be k from 1 to {most} and a larger n, got {k} and {n}."
        )
    columns, blocks = (68, 22) if base == 1 else (52, 10)
    used = 22 if base == 1 else 10 if k > 640 else 9 if k > 560 else 8 if k > 192 else 6
    lifting = min(size for size in LIFTINGS if used * size >= k)
    entries = np.array([line.split() for line in _text(f"nr_bg{base}.txt")], np.int64)
    shifts = entries[:, 2 + LIFTINGS[lifting]] % lifting
    rows: list[list[tuple[int, ...]]] = [
        [()] * columns for _ in range(int(entries[:, 0].max()) + 1)
    ]
    for (row, column), shift in zip(entries[:, :2].tolist(), shifts.tolist(), strict=True):
        rows[row][column] = (shift,)
    graph = expanded(rows, lifting)
    # The first two columns are not sent; filler bits, which are zero, are skipped.
    buffer = np.arange(2 * lifting, columns * lifting)
    start = _STARTS[base][version] * lifting
    order = np.concatenate([buffer[start:], buffer[:start]])
    order = order[(order < k) | (order >= blocks * lifting)]
    sent = np.resize(order, n)
    graph, kept = _needed(graph, k, blocks * lifting, 4 * lifting, sent)
    place = np.full(columns * lifting, -1)
    place[kept] = np.arange(len(kept))
    return Design(
        f"LDPC 5G ({n},{k})", graph, np.arange(k), place[sent],
        f"3GPP TS 38.212, section 5.3.2: 5G NR, base graph {base}",
    )  # fmt: skip


def base_graph_1(lifting: int) -> list[tuple[int, int, int]]:
    """Return the entries of 5G's base graph 1 for a lifting size: row, column and shift, by row."""
    entries = np.array([line.split() for line in _text("nr_bg1.txt")], np.int64)
    shifts = entries[:, 2 + LIFTINGS[lifting]] % lifting
    return [
        (row, column, shift)
        for (row, column), shift in zip(entries[:, :2].tolist(), shifts.tolist(), strict=True)
    ]


def _needed(
    graph: Graph, k: int, message: int, core: int, sent: NDArray[np.intp]
) -> tuple[Graph, NDArray[np.intp]]:
    """Remove filler bits, and checks beyond the core whose parity bit is not sent.

    Returns:
        The smaller graph, and its variables in the larger one.
    """
    is_sent = np.zeros(graph.columns, np.bool_)
    is_sent[sent] = True
    exists = np.ones(graph.columns, np.bool_)
    exists[k:message] = False
    checks = []
    for number in range(graph.checks):
        own = message + number  # each check beyond the core has a parity bit of its own
        if number < core or is_sent[own]:
            check = graph.variables[graph.starts[number] : graph.starts[number + 1]]
            checks.append(check[exists[check]])
        else:
            exists[own] = False
    kept = np.flatnonzero(exists)
    place = np.cumsum(exists) - 1
    return Graph.of(len(kept), [place[check] for check in checks]), kept


#: Checks of Gallager's code; each variable is in one of every five.
_GALLAGER = (
    (0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11), (12, 13, 14, 15), (16, 17, 18, 19),
    (0, 4, 8, 12), (1, 5, 9, 16), (2, 6, 13, 17), (3, 10, 14, 18), (7, 11, 15, 19),
    (0, 5, 11, 17), (1, 6, 10, 15), (2, 7, 12, 18), (3, 8, 13, 16), (4, 9, 14, 19),
)  # fmt: skip


def _gallager() -> Design:
    """Return the first LDPC code, small enough to draw."""
    graph = Graph.of(20, [np.array(check) for check in _GALLAGER])
    message = np.setdiff1d(np.arange(20), independent_columns(graph))
    return Design(
        f"LDPC Gallager (20,{len(message)})", graph, message, np.arange(20),
        "Gallager, Low-density parity-check codes (1962), figure 1", 6,
    )  # fmt: skip


STANDARDS: dict[str, Callable[..., Design]] = {
    "wifi": _wifi, "nr": _nr, "wimax": _wimax, "ccsds": _ccsds, "ar4ja": _ar4ja,
    "gallager": _gallager,
}  # fmt: skip
