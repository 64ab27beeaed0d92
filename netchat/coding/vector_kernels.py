"""Vectors of 64 small integers for kernels: the same value of 64 blocks, in SIMD registers.

LLVM vectorises loops over small integers poorly, because Numba adds them in 64 bits. These functions
compile to one vector operation each, on any processor: `load` and `store` access 64 consecutive entries
of a flat array, and the others combine two vectors of the same type, unsigned or signed, of 8 or 16 bits.

    vectors.store(out, at, vectors.add_saturated(vectors.load(a, at), vectors.load(b, at)))

With NUMBA_DISABLE_JIT the functions work on NumPy arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils as _cgutils
from numba.core import config
from numba.extending import intrinsic, models, register_model

from netchat.jit import kernel, part

__all__ = [
    "LANES",
    "REGISTER",
    "REGISTERS",
    "REGISTER_WORD",
    "add",
    "add_saturated",
    "bits_at",
    "bits_below",
    "both",
    "choose",
    "count_differences",
    "either",
    "load",
    "load_quantised",
    "load_register",
    "maximum",
    "minimum",
    "negative",
    "quantise",
    "read_rows",
    "shift_right",
    "spread_bits",
    "store",
    "subtract",
    "subtract_saturated",
    "take",
    "transpose",
    "widen_like",
    "write_rows",
    "xor",
]

cgutils: Any = _cgutils  # it has no types

#: Number of entries of a vector.
LANES = 64
#: Number of entries that fit a SIMD register of 512 or 256 bits. A kernel with many values at once, or with
#: arrays that exceed the cache, takes one register of each vector after the other.
REGISTER = 64 if binding.get_host_cpu_features().get("avx512bw") else 32
#: Number of registers of a vector.
REGISTERS = LANES // REGISTER
#: Type of a word with a bit for each entry of a register.
REGISTER_WORD = np.dtype(f"u{REGISTER // 8}").type

_BITS = ir.VectorType(ir.IntType(1), LANES)


class _Vector(types.Type):
    """Numba's type of a vector."""

    def __init__(self, element: Any, lanes: int = LANES) -> None:
        self.element, self.lanes = element, lanes
        super().__init__(name=f"Vector({element}, {lanes})")


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    """Representation of a vector in LLVM."""

    def __init__(self, manager: Any, kind: _Vector) -> None:
        vector = ir.VectorType(ir.IntType(kind.element.bitwidth), kind.lanes)
        super().__init__(manager, kind, vector)  # type: ignore[no-untyped-call]


def _pointer(context: Any, builder: Any, kind: Any, array: Any, index: Any, vector: Any) -> Any:
    start = builder.gep(context.make_array(kind)(context, builder, array).data, [index])
    return builder.bitcast(start, context.get_value_type(vector).as_pointer())


def _loading(lanes: int) -> Any:
    """Return a function that loads a vector with this number of lanes."""

    @intrinsic
    def load(typing: Any, array: Any, index: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            vector, kind, (data, at) = signature.return_type, signature.args[0], values
            return builder.load(_pointer(context, builder, kind, data, at, vector), align=1)

        return _Vector(array.dtype, lanes)(array, types.intp), generate

    return load


_load, _load_register = _loading(LANES), _loading(REGISTER)


@intrinsic
def _store(typing: Any, array: Any, index: Any, vector: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        (kind, _, vector), (data, at, value) = signature.args, values
        builder.store(value, _pointer(context, builder, kind, data, at, vector), align=1)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


def _combined(signed: str, unsigned: str) -> Any:
    """Return a function of two vectors that is an intrinsic function of LLVM."""

    @intrinsic
    def combine(typing: Any, one: Any, two: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
            element, vector = signature.args[0].element, values[0].type
            name = signed if element.signed else unsigned
            function = cgutils.get_or_insert_function(
                builder.module,
                ir.FunctionType(vector, [vector, vector]),
                f"llvm.{name}.v{vector.count}i{element.bitwidth}",
            )
            return builder.call(function, values)

        return one(one, one), generate

    return combine


_minimum, _maximum = _combined("smin", "umin"), _combined("smax", "umax")
_add_saturated = _combined("sadd.sat", "uadd.sat")
_subtract_saturated = _combined("ssub.sat", "usub.sat")


def _wrapping(operation: str) -> Any:
    """Return a function of two vectors whose result wraps around; it is faster than a saturated one."""

    @intrinsic
    def combine(typing: Any, one: Any, two: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
            return getattr(builder, operation)(*values)

        return one(one, one), generate

    return combine


_add, _subtract = _wrapping("add"), _wrapping("sub")


@intrinsic
def _bits_below(typing: Any, one: Any, two: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        signed = signature.args[0].element.signed
        compare = builder.icmp_signed if signed else builder.icmp_unsigned
        word = builder.bitcast(compare("<", *values), ir.IntType(values[0].type.count))
        return builder.zext(word, ir.IntType(64)) if values[0].type.count < LANES else word

    return types.uint64(one, one), generate


@intrinsic
def _bits_at(typing: Any, vector: Any, place: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        shifted = builder.lshr(values[0], _splat(builder, values[0].type, values[1]))
        return builder.bitcast(builder.trunc(shifted, _BITS), ir.IntType(LANES))

    return types.uint64(vector, types.intp), generate


@intrinsic
def _shift_right(typing: Any, vector: Any, places: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        return builder.lshr(values[0], _splat(builder, values[0].type, values[1]))

    return vector(vector, types.intp), generate


def _splat(builder: Any, vector: Any, value: Any) -> Any:
    """Return a vector with an integer or float in all lanes."""
    if isinstance(vector.element, ir.IntType) and value.type.width > vector.element.width:
        value = builder.trunc(value, vector.element)
    single = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(single, ir.Constant(vector, ir.Undefined), places)


@intrinsic
def _load_quantised(typing: Any, array: Any, index: Any, scale: Any, limit: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        floats = ir.VectorType(ir.FloatType(), LANES)
        wide = ir.VectorType(ir.IntType(32), LANES)
        kind, (data, at, factor, top) = signature.args[0], values
        start = builder.gep(context.make_array(kind)(context, builder, data).data, [at])
        value = builder.load(builder.bitcast(start, floats.as_pointer()), align=4)
        value = builder.fmul(value, _splat(builder, floats, factor))

        def call(name: str, *arguments: Any) -> Any:
            function = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(floats, [floats] * len(arguments)),
                f"llvm.{name}.v{LANES}f32",
            )  # fmt: skip
            return builder.call(function, arguments)

        size = call("minnum", call("fabs", value), _splat(builder, floats, top))
        half = ir.Constant(floats, [0.5] * LANES)
        rounded = builder.fptosi(builder.fadd(size, half), wide)
        zeros = ir.Constant(floats, [0.0] * LANES)
        least = builder.zext(builder.fcmp_ordered("!=", value, zeros), wide)
        rounded = builder.select(builder.icmp_signed("<", rounded, least), least, rounded)
        below = builder.fcmp_ordered("<", value, zeros)
        rounded = builder.select(below, builder.neg(rounded), rounded)
        return builder.trunc(rounded, ir.VectorType(ir.IntType(8), LANES))

    signature = _Vector(types.int8)(array, types.intp, types.float32, types.float32)
    return signature, generate


def _interleaved(first: int) -> Any:
    """Return a function that interleaves half of the lanes of two vectors, from `first` on."""
    order = [lane + side * LANES for lane in range(first, first + LANES // 2) for side in (0, 1)]

    @intrinsic
    def interleave(typing: Any, one: Any, two: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
            places = ir.Constant(ir.VectorType(ir.IntType(32), LANES), order)
            return builder.shuffle_vector(*values, places)

        return one(one, one), generate

    return interleave


_interleave_low: Any = _interleaved(0)
_interleave_high: Any = _interleaved(LANES // 2)
#: The same without a type, because an intrinsic function's has its first argument.
_load_from: Any = _load
_store_to: Any = _store


@part
def _transpose(square: Any, spare: Any) -> None:
    for _ in range(3):
        for source, target in ((square, spare), (spare, square)):
            for low in range(LANES // 2):
                one = _load_from(source, low * LANES)
                two = _load_from(source, (low + LANES // 2) * LANES)
                _store_to(target, 2 * low * LANES, _interleave_low(one, two))
                _store_to(target, (2 * low + 1) * LANES, _interleave_high(one, two))


@intrinsic
def _choose(typing: Any, one: Any, two: Any, yes: Any, no: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        signed = signature.args[0].element.signed
        compare = builder.icmp_signed if signed else builder.icmp_unsigned
        return builder.select(compare("<", *values[:2]), *values[2:])

    return yes(one, one, yes, yes), generate


def _bitwise(operation: str) -> Any:
    """Return a function that applies an operation to each bit of two vectors."""

    @intrinsic
    def combine(typing: Any, one: Any, two: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
            return getattr(builder, operation)(*values)

        return one(one, one), generate

    return combine


_xor, _both, _either = _bitwise("xor"), _bitwise("and_"), _bitwise("or_")


@intrinsic
def _spread_bits(typing: Any, word: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        target = context.get_value_type(signature.return_type)
        return builder.zext(builder.bitcast(values[0], _BITS), target)

    return _Vector(types.uint8)(types.uint64), generate


@intrinsic
def _negative(typing: Any, vector: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        return builder.neg(values[0])

    return vector(vector), generate


@intrinsic
def _widen_like(typing: Any, vector: Any, array: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        target = context.get_value_type(signature.return_type)
        same = signature.args[0].element.bitwidth == signature.return_type.element.bitwidth
        return values[0] if same else builder.zext(values[0], target)

    return _Vector(array.dtype, vector.lanes)(vector, array), generate


def _numpy_saturated(function: Callable[..., Any]) -> Callable[..., Any]:
    def combine(one: Any, two: Any) -> Any:
        limits = np.iinfo(one.dtype)
        wide = function(one.astype(np.int64), two.astype(np.int64))
        return np.clip(wide, limits.min, limits.max).astype(one.dtype)

    return combine


def _numpy_quantised(array: Any, index: int, scale: float, limit: float) -> Any:
    value = array[index : index + LANES] * np.float32(scale)
    size = np.minimum(np.abs(value), np.float32(limit)) + np.float32(0.5)
    return (np.sign(value) * np.maximum(size.astype(np.int32), value != 0)).astype(np.int8)


def _numpy_transpose(square: Any, spare: Any) -> None:  # noqa: ARG001
    square[:] = square.reshape(LANES, LANES).T.copy().ravel()


def _numpy_spread(word: Any) -> Any:
    return np.unpackbits(np.array([word], "<u8").view(np.uint8), bitorder="little")


def _bits(lanes: Any) -> Any:
    return np.packbits(lanes, bitorder="little").view(f"<u{len(lanes) // 8}")[0]


def _numpy_store(array: Any, index: int, vector: Any) -> None:
    array[index : index + len(vector)] = vector


if config.DISABLE_JIT:  # type: ignore[attr-defined] # pragma: no cover - in a process of its own
    load: Any = lambda array, index: array[index : index + LANES].copy()  # noqa: E731
    load_register: Any = lambda array, index: array[index : index + REGISTER].copy()  # noqa: E731
    store: Any = _numpy_store
    minimum: Any = np.minimum
    maximum: Any = np.maximum
    add: Any = np.add
    subtract: Any = np.subtract
    add_saturated: Any = _numpy_saturated(np.add)
    subtract_saturated: Any = _numpy_saturated(np.subtract)
    bits_below: Any = lambda one, two: _bits(one < two)  # noqa: E731
    bits_at: Any = lambda vector, place: _bits((vector >> place) & 1)  # noqa: E731
    shift_right: Any = lambda vector, places: vector >> places  # noqa: E731
    load_quantised: Any = _numpy_quantised
    transpose: Any = _numpy_transpose
    xor: Any = np.bitwise_xor
    both: Any = np.bitwise_and
    either: Any = np.bitwise_or
    spread_bits: Any = _numpy_spread
    choose: Any = lambda one, two, yes, no: np.where(one < two, yes, no)  # noqa: E731
    negative: Any = np.negative
    widen_like: Any = lambda vector, array: vector.astype(array.dtype)  # noqa: E731
else:
    load, load_register, store = _load, _load_register, _store
    minimum, maximum = _minimum, _maximum
    add, subtract = _add, _subtract
    add_saturated, subtract_saturated = _add_saturated, _subtract_saturated
    bits_below, choose, negative, widen_like = _bits_below, _choose, _negative, _widen_like
    bits_at, shift_right, load_quantised, transpose = (
        _bits_at, _shift_right, _load_quantised, _transpose,
    )  # fmt: skip
    xor, both, either, spread_bits = _xor, _both, _either, _spread_bits


#: Squares of 64 ratios of 64 blocks at a time: 1 KiB of a block, which processors fetch ahead.
_SQUARES = 4
#: Ratios of a block from which its scale is computed.
_SAMPLE = 256


@kernel
def _scale(ratios: Any, limit: Any) -> Any:
    """Return the factor that maps twice the mean finite magnitude of a block to the limit."""
    total, count = 0.0, 0
    stride = len(ratios) // _SAMPLE + 1
    while stride:
        for at in range(0, len(ratios), stride):
            magnitude = abs(ratios[at])
            if 0 < magnitude < np.inf:
                total += magnitude
                count += 1
        if count:
            return np.float32(limit * count / (2 * total))
        stride = 0 if stride == 1 else 1
    return np.float32(1.0)


@kernel
def quantise(
    ratios: Any, first: Any, blocks: Any, sources: Any, limit: Any, largest: Any, out: Any
) -> None:
    """Quantise the ratios of 64 blocks: a row of 64 integers for each position.

    Only a ratio of exactly 0 becomes 0, so that the signs are the hard decisions.

    Args:
        ratios: (batch, n) Ratios, float32.
        first: First block.
        blocks: Number of blocks, at most 64.
        sources: (n,) Row of `out` for each position.
        limit: Integer for twice the mean magnitude of a block.
        largest: Largest integer, at most 127.
        out: (rows * 64) int8 array, to be filled.
    """
    n, lanes = ratios.shape[1], LANES
    flat, top = ratios.reshape(-1), np.float32(largest)
    scales = np.ones(lanes, np.float32)
    for lane in range(blocks):
        scales[lane] = _scale(ratios[first + lane], limit)
    rest = np.zeros(lanes, np.float32)
    squares, spare = np.zeros((_SQUARES, lanes * lanes), np.int8), np.zeros(lanes * lanes, np.int8)
    for start in range(0, n, _SQUARES * lanes):
        count = min(_SQUARES, (n - start + lanes - 1) // lanes)
        for lane in range(blocks):
            for square in range(count):
                column = start + square * lanes
                at, width = (first + lane) * n + column, min(lanes, n - column)
                if width == lanes:
                    few = load_quantised(flat, at, scales[lane], top)
                else:
                    rest[:width] = flat[at : at + width]
                    few = load_quantised(rest, 0, scales[lane], top)
                store(squares[square], lane * lanes, few)
        for square in range(count):
            transpose(squares[square], spare)
            begin = start + square * lanes
            for column in range(min(lanes, n - begin)):
                row = load(squares[square], column * lanes)
                store(out, sources[begin + column] * lanes, row)


@kernel
def write_rows(
    first: Any, blocks: Any, words: Any, places: Any, square: Any, spare: Any, rows: Any
) -> None:
    """Write bits of 64 blocks, each as a word of 64 bits, as rows of a byte each.

    Args:
        first: First block.
        blocks: Number of blocks, at most 64.
        words: Words of 64 bits.
        places: (width,) Word of each position in a row.
        square: Working memory of 64 * 64 uint8.
        spare: The same.
        rows: (batch, width) uint8 array, to be filled.
    """
    width_all, flat = rows.shape[1], rows.reshape(-1)
    for start in range(0, width_all, LANES):
        width = min(LANES, width_all - start)
        for column in range(width):
            store(square, column * LANES, spread_bits(words[places[start + column]]))
        transpose(square, spare)
        for lane in range(blocks):
            at = (first + lane) * width_all + start
            if width == LANES:
                store(flat, at, load(square, lane * LANES))
            else:
                flat[at : at + width] = square[lane * LANES : lane * LANES + width]


@kernel
def read_rows(
    first: Any, blocks: Any, rows: Any, places: Any, square: Any, spare: Any, words: Any
) -> None:
    """Read rows of bits as words of 64 blocks: the inverse of `write_rows`."""
    width_all, flat = rows.shape[1], rows.reshape(-1)
    for start in range(0, width_all, LANES):
        width = min(LANES, width_all - start)
        for lane in range(blocks):
            at = (first + lane) * width_all + start
            if width == LANES:
                store(square, lane * LANES, load(flat, at))
            else:
                square[lane * LANES : lane * LANES + width] = flat[at : at + width]
        transpose(square, spare)
        for column in range(width):
            words[places[start + column]] = bits_at(load(square, column * LANES), 0)


@kernel
def take(words: Any, blocks: Any, out: Any) -> None:
    """Copy the bits of some blocks.

    Args:
        words: Words of 64 blocks.
        blocks: Word with a bit for each block to copy.
        out: As many words, to be filled.
    """
    for at in range(len(out)):
        old = out[at]
        out[at] = old ^ ((old ^ words[at]) & blocks)


@kernel
def count_differences(
    first: Any,
    blocks: Any,
    hard: Any,
    lost: Any,
    words: Any,
    sent: Any,
    passed: Any,
    corrected: Any,
) -> None:
    """Count the positions in which the decoded words of 64 blocks differ from the hard decisions.

    Args:
        first: First block.
        blocks: Number of blocks, at most 64.
        hard: (n,) Hard decisions, a word of 64 blocks for each position.
        lost: (n,) Set where the ratio is 0.
        words: Decoded words, a word of 64 blocks for each variable.
        sent: (n,) Variable of each position.
        passed: Word with a bit for each block that was decoded; the others get -1.
        corrected: (batch,) int64 array, to be filled.
    """
    digits = np.zeros(32, np.uint64)  # of one counter per block, in binary
    for at in range(len(sent)):
        carry, digit = (hard[at] ^ words[sent[at]]) | lost[at], 0
        while carry:
            old = digits[digit]
            digits[digit] = old ^ carry
            carry &= old
            digit += 1
    for lane in range(blocks):
        total = np.int64(-1)
        if (passed >> np.uint64(lane)) & np.uint64(1):
            total = np.int64(0)
            for digit in range(32):
                total += np.int64((digits[digit] >> np.uint64(lane)) & np.uint64(1)) << digit
        corrected[first + lane] = total
