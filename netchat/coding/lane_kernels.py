"""Operations between the 64 lanes of a vector, which belong to several paths of a block.

    order = lanes.load_order(...)                     # lane that each lane takes its value from
    vectors.store(out, at, lanes.permute(vectors.load(values, at), order))

With NUMBA_DISABLE_JIT the functions work on NumPy arrays, as those of `vector_kernels`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils as _cgutils
from numba.core import config
from numba.extending import intrinsic

from netchat.coding.vector_kernels import LANES

__all__ = ["choose_bits", "permute", "permute_bits"]

cgutils: Any = _cgutils  # it has no types

_BITS = ir.VectorType(ir.IntType(1), LANES)
_BYTES = ir.VectorType(ir.IntType(8), LANES)
_HALF = ir.VectorType(ir.IntType(8), 32)


@intrinsic
def _choose_bits(typing: Any, word: Any, yes: Any, no: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        return builder.select(builder.bitcast(values[0], _BITS), *values[1:])

    return yes(types.uint64, yes, yes), generate


def _permuted(context: Any, builder: Any, vector: Any, order: Any) -> Any:
    """Return the vector with lane i taken from lane order[i] of another."""
    features = context.codegen().magic_tuple()[2].split(",")
    if "+avx512vbmi" in features:
        return _call(builder, "llvm.x86.avx512.permvar.qi.512", _BYTES, vector, order)
    if "+avx2" in features:
        return _from_quarters(builder, vector, order)
    result = ir.Constant(_BYTES, ir.Undefined)
    for lane in range(LANES):
        place = builder.zext(builder.extract_element(order, _at(lane)), ir.IntType(64))
        result = builder.insert_element(result, builder.extract_element(vector, place), _at(lane))
    return result


def _from_quarters(builder: Any, vector: Any, order: Any) -> Any:
    """Permute with shuffles of 16 bytes, each of which gives 0 for the lanes of other quarters."""
    empty = ir.Constant(_BYTES, ir.Undefined)
    halves = []
    for half in (0, 32):
        places = _shuffled(builder, order, empty, range(half, half + 32))
        total = ir.Constant(_HALF, [0] * 32)
        for quarter in range(0, LANES, 16):
            source = _shuffled(builder, vector, empty, [*range(quarter, quarter + 16)] * 2)
            # 0x70 to 0x7f for the lanes of this quarter, and at least 0x80 for the others
            index = builder.xor(places, ir.Constant(_HALF, [quarter] * 32))
            index = builder.add(index, ir.Constant(_HALF, [0x70] * 32))
            found = _call(builder, "llvm.x86.avx2.pshuf.b", _HALF, source, index)
            total = builder.or_(total, found)
        halves.append(total)
    return _shuffled(builder, halves[0], halves[1], range(LANES))


def _shuffled(builder: Any, one: Any, two: Any, order: Any) -> Any:
    kind = ir.VectorType(ir.IntType(32), len(order))
    return builder.shuffle_vector(one, two, ir.Constant(kind, list(order)))


def _call(builder: Any, name: str, kind: Any, *values: Any) -> Any:
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(kind, [kind, kind]), name
    )
    return builder.call(function, values)


def _at(lane: int) -> Any:
    return ir.IntType(64)(lane)


@intrinsic
def _permute(typing: Any, vector: Any, order: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        return _permuted(context, builder, *values)

    return vector(vector, order), generate


@intrinsic
def _permute_bits(typing: Any, word: Any, order: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        spread = builder.sext(builder.bitcast(values[0], _BITS), _BYTES)
        moved = _permuted(context, builder, spread, values[1])
        zeros = ir.Constant(_BYTES, [0] * LANES)
        return builder.bitcast(builder.icmp_signed("<", moved, zeros), ir.IntType(LANES))

    return types.uint64(types.uint64, order), generate


def _lanes(word: Any) -> Any:
    return np.unpackbits(np.array([word], "<u8").view(np.uint8), bitorder="little")


def _word(lanes: Any) -> Any:
    return np.packbits(lanes, bitorder="little").view("<u8")[0]


if config.DISABLE_JIT:  # type: ignore[attr-defined] # pragma: no cover - in a process of its own
    choose_bits: Any = lambda word, yes, no: np.where(_lanes(word) == 1, yes, no)  # noqa: E731
    permute: Any = lambda vector, order: vector[order.astype(np.intp)]  # noqa: E731
    permute_bits: Any = lambda word, order: _word(_lanes(word)[order.astype(np.intp)])  # noqa: E731
else:
    choose_bits, permute, permute_bits = _choose_bits, _permute, _permute_bits
