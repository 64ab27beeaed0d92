"""LDPC codes with belief-propagation decoders."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from netchat.arguments import real_number, whole_number
from netchat.coding import bit_slicing
from netchat.coding.arrays import Bools, Decoded, Floats, Rows
from netchat.coding.code import Code
from netchat.coding.ldpc.encoder import Plan, independent_columns, plan
from netchat.coding.ldpc.graph import Graph, read_graph
from netchat.coding.ldpc.standards import STANDARDS, Design, design
from netchat.wording import cut

__all__ = ["LDPC", "Algorithm", "Schedule"]

Algorithm = Literal["min-sum", "offset", "sum-product", "gallager-a", "gallager-b", "bit-flipping"]
Schedule = Literal["layered", "flooding"]

_MAX_ITERATIONS = 10_000

#: Algorithms with ratios as messages, and others.
_SOFT, _HARD = get_args(Algorithm)[:3], get_args(Algorithm)[3:]

#: Scales of the decoder in integers, with the shifts that compute them.
_SHIFTS = {0.5: 1, 0.75: 2, 0.875: 3, 1.0: 7}

#: Integer for twice the mean magnitude of the received ratios.
_LIMIT = 28
#: Largest magnitude of a quantised ratio.
_LARGEST = 42
#: Largest magnitude for bit flipping.
_CERTAIN = np.float32(1e6)


class LDPC(Code):
    """Low-density parity-check code of a standard, or of a file with its parity-check matrix.

    Normalised min-sum multiplies each message of a check by `scale`. With the layered schedule and the
    scale 0.5, 0.75, 0.875 or 1, it uses integers of 8 bits, 64 blocks at a time; all other decoders use
    floats, and are slower. A decoder stops when all checks hold, and reports a failure if they do not
    after the last iteration.

    References: R. G. Gallager, "Low-density parity-check codes" (1962); D. E. Hocevar, "A reduced
    complexity decoder architecture via layered decoding of LDPC codes" (2004); J. Chen and M. P. C.
    Fossorier, "Near optimum universal belief propagation based decoding" (2002); Y. Kou, S. Lin and M. P. C.
    Fossorier, "Low-density parity-check codes based on finite geometries" (2001), for bit flipping.

    Args:
        source: wifi (n, rate), nr (k, n, redundancy version, base graph), wimax, ccsds, ar4ja or gallager;
            or the name of a file: .alist, .qc, .mtx, .npz or .npy.
        arguments: Arguments of the standard.
        iterations: Largest number of iterations.
        algorithm: "min-sum", "offset" (min-sum with an offset) or "sum-product"; for hard decisions,
            "gallager-a" or "gallager-b"; or "bit-flipping", weighted by the ratios if there are any, one
            bit per iteration.
        schedule: "layered" or "flooding".
        scale: Factor of min-sum.
        offset: Offset that "offset" subtracts from the magnitude of a message.

    Raises:
        TypeError: A number has the wrong type.
        ValueError: An argument is out of range, or the file is not valid.

    >>> code = LDPC("wifi", 648, "1/2")
    >>> code.n, code.k
    (648, 324)
    """

    iterations: int
    """Largest number of iterations."""
    algorithm: Algorithm
    """Algorithm of the decoder."""
    schedule: Schedule
    """Order in which the decoder updates the messages."""

    def __init__(
        self,
        source: str,
        *arguments: int | str,
        iterations: int = 20,
        algorithm: str = "min-sum",
        schedule: str = "layered",
        scale: float = 0.75,
        offset: float = 0.5,
    ) -> None:
        for name, value, kind in (
            ("algorithm", algorithm, Algorithm), ("schedule", schedule, Schedule)
        ):  # fmt: skip
            if value not in get_args(kind):
                allowed = ", ".join(get_args(kind))
                raise ValueError(f"Argument {name!r} must be {allowed}, got {cut(str(value))!r}.")
        self.iterations = whole_number("iterations", iterations)
        if not 1 <= self.iterations <= _MAX_ITERATIONS:
            raise ValueError(
                f"Argument 'iterations' must be from 1 to {_MAX_ITERATIONS}, got {iterations}."
            )
        self._scale, self._offset = real_number("scale", scale), real_number("offset", offset)
        if not 0 < self._scale <= 1 or not 0 <= self._offset <= 100:
            raise ValueError(
                "Arguments 'scale' and 'offset' must be from 0 to 1 and from 0 to 100, got "
                f"{scale:g} and {offset:g}."
            )
        self.algorithm, self.schedule = algorithm, schedule  # type: ignore[assignment] # checked above
        self._design = found = _design(str(source), arguments)
        self._positions = np.arange(len(found.sent))
        first = np.full(found.graph.columns, -1)
        first[found.sent[::-1]] = self._positions[::-1]
        self._data = first[found.message]
        super().__init__(
            found.name,
            k=len(found.message),
            n=len(found.sent),
            minimum_distance=found.distance,
            corrects=0,
            detects=0,
            erasure_capability=0,
            systematic=bool((self._data >= 0).all()),
            citation=found.citation,
        )
        if algorithm in _HARD:
            self.soft = algorithm == "bit-flipping"
            if sorted(found.sent.tolist()) != list(range(found.graph.columns)):
                raise ValueError(
                    f"Argument 'algorithm' must be {', '.join(_SOFT)} for a code that omits or repeats bits, "
                    f"got {algorithm!r}."
                )
        options = (
            ("iterations", self.iterations, 20), ("algorithm", algorithm, "min-sum"),
            ("schedule", schedule, "layered"), ("scale", self._scale, 0.75),
            ("offset", self._offset, 0.5),
        )  # fmt: skip
        chosen = [f"{name}={value}" for name, value, usual in options if value != usual]
        self.spec: str = f"ldpc:{','.join(map(str, (source, *arguments, *chosen)))}"

    @property
    def data_positions(self) -> NDArray[np.intp]:
        """(k,) Positions of the message symbols."""
        return self._data

    @property
    def is_fast(self) -> bool:
        """Whether the decoder works with integers of 8 bits."""
        is_layered = self.algorithm == "min-sum" and self.schedule == "layered"
        return is_layered and self._scale in _SHIFTS

    @cached_property
    def _own(self) -> NDArray[np.int32]:
        """(checks,) A variable of each check that is in no other one, or -1."""
        graph = self._design.graph
        is_single = np.bincount(graph.variables, minlength=graph.columns) == 1
        check = np.repeat(np.arange(graph.checks), np.diff(graph.starts))
        of_single = is_single[graph.variables]
        own = np.full(graph.checks, -1, np.int32)
        own[check[of_single]] = graph.variables[of_single]
        return own

    @cached_property
    def H(self) -> Rows:  # noqa: N802 - its name in every textbook
        """(checks, n) Parity-check matrix of the standard or file, if every variable is sent once."""
        graph, sent = self._design.graph, self._design.sent
        if len(sent) == graph.columns and len(set(sent.tolist())) == len(sent):
            return graph.dense()[:, sent]
        from netchat.coding.linear import parity_check_matrix

        return parity_check_matrix(self)

    @cached_property
    def _plan(self) -> Plan:
        return plan(self._design.graph, self._design.message)

    def _encode(self, message: Rows) -> Rows:
        from netchat.coding.ldpc import kernels
        from netchat.jit import read_only

        found, steps = self._design, self._plan
        word = np.empty((len(message), self.n), np.uint8)
        kernels.encode(
            read_only(message), found.message, found.graph.starts, found.graph.variables,
            steps.checks, steps.solved, steps.assumed, steps.left, steps.inverse,
            found.graph.columns, found.sent, word,
        )  # fmt: skip
        return word

    def _decode(self, received: Rows) -> Decoded:
        if self.algorithm in _HARD:
            return self._decode_hard(received, np.ones(received.shape, np.float32))
        return self._decode_ratios(np.float32(1) - 2 * received.astype(np.float32))

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        if self.algorithm in _HARD:
            return self._decode(received)
        ratios = np.float32(1) - 2 * received.astype(np.float32)
        ratios[erasures] = 0
        return self._decode_ratios(ratios)

    def _decode_soft(self, received: Rows, soft: Floats, erasures: Bools | None) -> Decoded:
        if erasures is not None and erasures.any():
            soft = np.where(erasures, np.float32(0), soft)
        if self.algorithm in _HARD:
            return self._decode_hard(received, np.minimum(np.abs(soft), _CERTAIN))
        return self._decode_ratios(soft)

    def _decode_hard(self, received: Rows, sizes: Floats) -> Decoded:
        """Decode hard decisions, which only bit flipping weighs by magnitudes."""
        from netchat.coding.ldpc import hard_kernels

        graph, sent = self._design.graph, self._design.sent
        edges = np.argsort(graph.variables, kind="stable").astype(np.int32)
        places = np.searchsorted(graph.variables[edges], np.arange(graph.columns + 1))
        place = np.argsort(sent)  # of each variable in the codeword
        rows = np.ascontiguousarray(received[:, place])
        if self.algorithm == "bit-flipping":
            owner = np.repeat(np.arange(graph.checks), np.diff(graph.starts))
            decided, failed = np.empty_like(rows), np.empty(len(rows), np.bool_)
            hard_kernels.flip(
                rows, np.ascontiguousarray(sizes[:, place]), graph.starts, graph.variables, edges,
                places, owner, self.iterations, decided, failed,
            )  # fmt: skip
        else:
            slices = bit_slicing.from_rows(rows)
            result, wrong = np.empty_like(slices), np.empty(slices.shape[1], np.uint64)
            hard_kernels.pass_bits(
                slices, graph.starts, graph.variables, edges, places, self.iterations,
                self.algorithm == "gallager-a", result, wrong,
            )  # fmt: skip
            decided = bit_slicing.to_rows(result, len(rows))
            failed = bit_slicing.to_rows(wrong[None], len(rows))[:, 0] == 1
        changed = (decided != rows).sum(axis=1)
        message = np.ascontiguousarray(decided[:, self._design.message])
        return Decoded(message, np.where(failed, -1, changed))

    def _decode_ratios(self, ratios: Floats) -> Decoded:
        from netchat.coding.ldpc import kernels
        from netchat.jit import read_only

        found, batch = self._design, len(ratios)
        message = np.empty((batch, self.k), np.uint8)
        corrected = np.empty(batch, np.int64)
        rows, graph = read_only(np.ascontiguousarray(ratios)), found.graph
        if self.is_fast:
            kernels.decode(
                rows, found.sent, self._own, self._positions, graph.columns, graph.starts,
                graph.variables, _LIMIT, _LARGEST, self.iterations, _SHIFTS[self._scale],
                found.message, message, corrected,
            )  # fmt: skip
        else:
            kernels.decode_floats(
                rows, found.sent, graph.columns, graph.starts, graph.variables, self.iterations,
                get_args(Algorithm).index(self.algorithm),
                np.float32(self._scale if self.algorithm == "min-sum" else 1),
                np.float32(self._offset if self.algorithm == "offset" else 0),
                self.schedule == "flooding", found.message, message,
                corrected,
            )  # fmt: skip
        return Decoded(message, corrected)


def fast_parameters(
    code: LDPC,
) -> tuple[Graph, NDArray[np.intp], NDArray[np.int32], int, int, int] | None:
    """Return what the decoder in integers of 8 bits works with; None if the code uses another decoder.

    Returns:
        The graph, the variables in the order in which they are sent, a variable of each check that is in no
        other one (or -1), the integer for twice the mean magnitude of the ratios, the largest one, and the
        shift of the scale.
    """
    if not code.is_fast:
        return None
    found = code._design
    return found.graph, found.sent, code._own, _LIMIT, _LARGEST, _SHIFTS[code._scale]


def design_of(code: LDPC) -> Design:
    """Return the Tanner graph of a code, and which of its variables are sent."""
    return code._design


def _design(source: str, arguments: tuple[int | str, ...]) -> Design:
    """Create the code of a standard or of a file."""
    if source in STANDARDS:
        return design(source, arguments)
    if arguments:
        raise ValueError(
            f"Argument 'source' must be {', '.join(STANDARDS)} or a file, got {cut(source)!r}."
        )
    graph, is_sent = read_graph(source)
    parity = independent_columns(graph)
    message = np.setdiff1d(np.arange(graph.columns), parity)
    sent = np.arange(graph.columns) if is_sent is None else np.flatnonzero(is_sent)
    if not len(message):
        raise ValueError(f"{cut(source)} must have more columns than independent rows.")
    return Design(
        f"LDPC ({len(sent)},{len(message)})", graph, message, sent, f"parity-check matrix {source}"
    )
