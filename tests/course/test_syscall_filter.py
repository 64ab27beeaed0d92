"""Tests of the seccomp filter: an interpreter of its program, and the kernel's own tables."""

import errno
import re
import struct
from pathlib import Path

import pytest

from netchat.course.syscall_filter import DENIED, compile_filter

#: Headers of the kernel (package linux-libc-dev); aarch64 has the generic numbers.
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOWED, REFUSED, UNKNOWN = 0x7FFF0000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS


def decide(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """Interpret a program of classic BPF, as bpf(4) describes it."""
    data = struct.pack("<iIQ6Q", number, architecture, 0, *(*arguments, *[0] * 6)[:6])
    code = [struct.unpack("=HBBI", program[i : i + 8]) for i in range(0, len(program), 8)]
    at = value = 0
    while True:
        operation, yes, no, constant = code[at]
        at += 1
        match operation:
            case 0x20:
                (value,) = struct.unpack_from("<I", data, constant)
            case 0x06:
                return constant
            case _:
                tests = {0x15: value == constant, 0x35: value >= constant, 0x45: value & constant}
                at += yes if tests[operation] else no


@pytest.mark.parametrize(("machine", "column"), [("x86_64", 0), ("aarch64", 1)])
def test_each_listed_call_is_refused(machine, column):
    program = compile_filter(machine)
    for numbers in DENIED.values():
        if numbers[column] is not None:
            assert decide(program, ARCHITECTURE[machine], numbers[column]) == REFUSED
    assert decide(program, ARCHITECTURE[machine], 435) == UNKNOWN
    assert decide(program, 0x40000003, 1) == UNKNOWN  # a 32-bit call
    assert len(program) // 8 < 4096  # the kernel's limit


@pytest.mark.parametrize(
    ("machine", "clone", "ioctl", "socket", "read"),
    [("x86_64", 56, 16, 41, 0), ("aarch64", 220, 29, 198, 63)],
)
def test_arguments_decide(machine, clone, ioctl, socket, read):
    program, architecture = compile_filter(machine), ARCHITECTURE[machine]

    def answer(*call: int) -> int:
        return decide(program, architecture, *call)

    assert answer(read) == ALLOWED
    assert answer(clone, 0x11) == ALLOWED  # fork
    assert answer(clone, 0x3D0F00) == ALLOWED  # a thread
    for flag in (
        0x00020000,
        0x02000000,
        0x04000000,
        0x08000000,
        0x10000000,
        0x20000000,
        0x40000000,
    ):
        assert answer(clone, flag | 0x11) == REFUSED
    assert [answer(socket, family) for family in (1, 2, 10, 16)] == [ALLOWED] * 4
    assert [answer(socket, family) for family in (0, 17, 38, 40)] == [REFUSED] * 4
    assert answer(ioctl, 0, 0x5401) == ALLOWED
    assert answer(ioctl, 0, 0x5412) == REFUSED
    # The kernel ignores the upper half of an int: it must not hide a value.
    assert answer(ioctl, 0, 0x5412 | 1 << 40) == REFUSED


def test_x32_calls_do_not_exist():
    assert decide(compile_filter("x86_64"), ARCHITECTURE["x86_64"], 0x40000000 | 520) == UNKNOWN


def test_an_unknown_architecture_has_no_filter():
    assert compile_filter("riscv64") == b""


@pytest.mark.parametrize(("machine", "column"), [("x86_64", 0), ("aarch64", 1)])
def test_the_numbers_are_those_of_the_kernel(machine, column):
    if not HEADERS[machine].is_file():
        pytest.skip(f"{HEADERS[machine]} is not installed")
    header = HEADERS[machine].read_text()
    known = {name: int(n) for name, n in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header)}
    for name, numbers in DENIED.items():
        assert numbers[column] == known.get(name), name
