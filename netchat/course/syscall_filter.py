"""Seccomp filter for notebooks: the system calls that no lesson needs, as a program for the kernel.

The sandbox is made of namespaces, and the kernel is the wall between them and the machine. The filter
removes the calls that mostly serve to climb it: mounts, new namespaces, tracing, BPF, io_uring, keys,
kernel modules, and unusual socket families. The list follows Docker's default profile
(https://docs.docker.com/engine/security/seccomp/). The numbers are those of the kernel's tables
`arch/x86/entry/syscalls/syscall_64.tbl` and `include/uapi/asm-generic/unistd.h`.
"""

from __future__ import annotations

import errno
import platform
import struct

__all__ = ["DENIED", "compile_filter"]

#: System calls that fail with EPERM, with their numbers on x86_64 and aarch64 (None: no such call).
DENIED: dict[str, tuple[int, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmget": (29, 194),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}

#: System calls that programs replace with older ones if the kernel does not have them (ENOSYS).
_MISSING = {
    "clone3": (435, 435),  # its flags are in memory, which a filter cannot read
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
}

#: System calls whose arguments are checked.
_CLONE, _IOCTL, _SOCKET = (56, 220), (16, 29), (41, 198)

#: From <linux/audit.h>.
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

#: Socket families that lessons use: Unix, IPv4, IPv6, and netlink, which lists the interfaces.
_FAMILIES = (1, 2, 10, 16)

#: Flags of clone(2) that create namespaces.
_NEW_NAMESPACES = 0x7E020000

#: Requests that type into the terminal of another process: TIOCSTI, TIOCLINUX.
_TYPING = (0x5412, 0x541C)

#: x32 calls have this bit, and other numbers.
_X32 = 0x40000000

#: From <linux/filter.h> and <linux/seccomp.h>: instructions, and offsets in `struct seccomp_data`.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_REFUSE, _UNKNOWN = _ERROR | errno.EPERM, _ERROR | errno.ENOSYS


def compile_filter(machine: str | None = None) -> bytes:
    """Return the filter as an array of `struct sock_filter`.

    Args:
        machine: Processor architecture, as `uname -m` names it; by default that of this machine.

    Returns:
        The program; empty for an architecture whose numbers are not in the table.
    """
    machine = platform.machine() if machine is None else machine
    if machine not in _ARCHITECTURES:
        return b""
    column = list(_ARCHITECTURES).index(machine)
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _UNKNOWN),  # a call of another architecture, such as int 0x80
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        program += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _UNKNOWN)]
    for table, answer in ((DENIED, _REFUSE), (_MISSING, _UNKNOWN)):
        for numbers in table.values():
            number = numbers[column]
            if number is not None:
                program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, answer)]
    checked = [
        (_CLONE[column], _FIRST, [(_ANY_BIT, 0, 1, _NEW_NAMESPACES), (_RETURN, 0, 0, _REFUSE)]),
        (_IOCTL[column], _SECOND, _refuse_equal(_TYPING)),
        (_SOCKET[column], _FIRST, _allow_equal(_FAMILIES)),
    ]
    for number, argument, rules in checked:
        body = [(_LOAD, 0, 0, argument), *rules, (_RETURN, 0, 0, _ALLOW)]
        program += [(_EQUAL, 0, len(body), number), *body]
    program.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _refuse_equal(values: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    rules = []
    for value in values:
        rules += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _REFUSE)]
    return rules


def _allow_equal(values: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    rules = []
    for value in values:
        rules += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]
    return [*rules, (_RETURN, 0, 0, _REFUSE)]
