"""Tests of the sandbox: it kills every process started in it, and shows only permitted files."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from netchat.course import sandbox
from netchat.course.syscall_filter import compile_filter

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandboxes are Linux's")

SHELL = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}


class Sandbox:
    """`sh -c COMMAND` in a sandbox."""

    def __init__(self, level: str, script: str, scratch: Path | None = None, **order) -> None:
        theirs, self.lifeline = os.pipe()
        order = {
            "level": level,
            "command": ["/bin/sh", "-c", script],
            "lifeline": theirs,
            "readable": [],
            "copies": [],
            "kernels": [],
            "variables": SHELL,
            "filter": compile_filter().hex(),
            "seconds": 60,
            **order,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-I", sandbox.__file__, json.dumps(order)],
            pass_fds=[theirs], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
            env={**os.environ, "TMPDIR": str(scratch)} if scratch else None,
        )  # fmt: skip
        os.close(theirs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut()
        self.process.wait(10)
        self.process.stdout.close()
        self.process.stderr.close()

    def cut(self) -> None:
        if self.lifeline is not None:
            os.close(self.lifeline)
            self.lifeline = None


def output(level: str, command: str, **order) -> str:
    with Sandbox(level, command, **order) as one:
        out, problem = one.process.communicate(timeout=20)
    assert not problem
    return out


def works(level: str) -> bool:
    with Sandbox(level, "echo here") as one:
        return one.process.communicate(timeout=20)[0] == "here\n"


@pytest.fixture(scope="module", params=sandbox.LEVELS)
def level(request):
    if not works(request.param):
        pytest.skip(f"this machine does not permit {request.param}")
    return request.param


@pytest.fixture(scope="module")
def namespaces():
    if not works("namespaces"):
        pytest.skip("this machine does not permit namespaces")


#: A child that leaves the process group, the session and its parent, and ignores signals.
DETACHED = "(setsid sh -c 'trap \"\" HUP INT TERM; echo up; sleep {0} & sleep {0}' &); "


def alive(argument: str) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if argument in (p.info["cmdline"] or ())]


@pytest.mark.parametrize("ending", ["of itself", "cut off", "killed"])
def test_nothing_outlives_a_sandbox(level, ending, tmp_path):
    if (level, ending) != ("namespaces", "killed") and ending == "killed":
        pytest.skip("only a PID namespace ends with a launcher that is killed")
    seconds = f"{1000 + os.getpid()}.5"  # identified by its argument
    command = DETACHED.format(seconds) + ("sleep 0.3" if ending == "of itself" else "sleep 1234")
    tmp_path.chmod(0o755)
    with Sandbox(level, command, tmp_path if ending == "killed" else None) as one:
        assert one.process.stdout.readline() == "up\n"
        begun = time.monotonic()
        if ending == "cut off":
            one.cut()
        elif ending == "killed":
            one.process.kill()
        one.process.wait(10)
        while ending == "killed" and alive(seconds) and time.monotonic() < begun + 5:
            time.sleep(0.01)
        assert alive(seconds) == []
        assert time.monotonic() - begun < 2 or ending == "killed"


def test_the_exit_code_is_that_of_the_program(level):
    with Sandbox(level, "exit 7") as one:
        assert one.process.wait(20) == 7


def test_copies_exist_and_scratch_is_removed(level, tmp_path):
    tmp_path.chmod(0o700)
    folder = tmp_path / "checks"
    folder.mkdir(mode=0o700)
    (folder / "a.txt").write_text("for anybody")
    (folder / "a.txt").chmod(0o600)
    copies = [(str(folder), "course/checks")]
    said = output(
        level, "cat $NETCHAT_COURSE/checks/a.txt; echo; pwd > $HOME/here; echo $HOME", copies=copies
    )
    text, home = said.splitlines()
    assert text == "for anybody"
    assert home == "/tmp" or not Path(home).exists()


def test_namespaces_show_only_what_is_readable(namespaces, tmp_path):
    shown, secret = tmp_path / "shown", tmp_path / "secret"
    for folder in (shown, secret):
        folder.mkdir()
        (folder / "text").write_text("text")
    shown.chmod(0o755)
    (shown / "text").chmod(0o644)
    tries = f"cat {shown}/text; ls {tmp_path}; cat /etc/shadow; touch {shown}/x /usr/x /x; ls /root"
    with Sandbox("namespaces", tries, readable=[str(shown)]) as one:
        out, problem = one.process.communicate(timeout=20)
    assert out == "textshown\n"
    assert problem.count("\n") >= 4
    assert not (shown / "x").exists()


def test_one_limit_holds_for_all_writable_folders(namespaces, tmp_path):
    tmp_path.chmod(0o755)
    kernels = [tmp_path / "one", tmp_path / "two"]
    for folder in kernels:
        folder.mkdir()
        folder.chmod(0o755)
        (folder / "made.nbi").write_text("compiled")
        (folder / "made.nbi").chmod(0o644)
    folders = [*map(str, kernels), "/tmp", "/dev/shm"]
    every = " ".join(folders)
    script = f"cat {kernels[0]}/made.nbi; echo; for d in {every}; do echo new > $d/new; done; "
    script += f"stat -c %d {every}; df -k --output=size {every} | tail -n +2; "
    script += (
        f"for d in {every}; do for n in 1 2; do fallocate -l 150M $d/$n && echo took; done; done"
    )
    order = {"kernels": [*map(str, kernels)], "readable": [str(tmp_path)]}
    with Sandbox("namespaces", script, **order) as one:
        out, problem = one.process.communicate(timeout=20)
    text, *lines = out.split()
    assert text == "compiled"
    assert len(set(lines[:4])) == 1  # one file system
    assert lines[4:8] == [str(2**20)] * 4  # of 1 GiB
    assert lines[8:] == ["took"] * 6  # a seventh would exceed it
    assert problem.count("No space left on device") == 2
    assert sorted(file.name for file in kernels[0].iterdir()) == ["made.nbi"]


def test_namespaces_have_processes_and_a_network_of_their_own(namespaces):
    script = "ls /proc | grep -c '^[0-9]'; cut -d: -f1 /proc/net/dev | tail -n +3; "
    script += "grep CapEff /proc/self/status | cut -f2"
    count, *interfaces, capabilities = output("namespaces", script).split()
    assert int(count) <= 5
    assert interfaces[0] == "lo"
    assert "eth0" not in interfaces
    assert int(capabilities, 16) == 0
    assert output("namespaces", "id -u").strip() != "0"


def python(level: str, script: str) -> str:
    """Run a Python program in a sandbox, and return its output."""
    interpreter = "/usr/bin/python3"  # that of an environment may be in a home directory
    if level == "namespaces":
        interpreter = os.path.realpath(sys.executable)
    elif not os.access(interpreter, os.X_OK):
        pytest.skip("the system has no Python")
    command = [interpreter, "-I", "-c", textwrap.dedent(script)]
    with Sandbox(level, "", command=command, readable=[sys.base_prefix]) as one:
        out, problem = one.process.communicate(timeout=20)
    assert not problem
    return out


def test_the_filter_refuses_calls_that_no_lesson_needs(level):
    script = """
        import ctypes, os, socket
        libc = ctypes.CDLL(None, use_errno=True)
        def errno(name, *arguments):
            return ctypes.get_errno() if getattr(libc, name)(*arguments) < 0 else 0
        print(errno("unshare", 0x10000000), errno("ptrace", 0, 0, 0, 0), errno("chroot", b"/"))
        print(errno("syscall", 435, 0, 0), errno("syscall", 425, 1, 0))
        for family in (socket.AF_PACKET, 40, 38):
            try:
                socket.socket(family, socket.SOCK_RAW)
            except OSError as error:
                print(error.errno)
        for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_NETLINK):
            socket.socket(family, socket.SOCK_DGRAM).close()
        with open("/proc/self/status") as status:
            print(*[line.split()[1] for line in status if line.startswith("Seccomp:")])
        if not os.fork():
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.wait()[1]))
    """
    assert python(level, script).split() == ["1", "1", "1", "38", "38", "1", "1", "1", "2", "0"]


def test_cpu_time_is_limited(level):
    with Sandbox(level, "while :; do :; done", seconds=1) as one:
        assert one.process.wait(20) == -signal.SIGKILL & 0xFF


def test_another_user_owns_nothing(level):
    if level == "rights":
        assert output(level, "id -u").strip() == str(os.getuid())
    elif not os.getuid():
        assert int(output(level, "id -u")) >= 65534


def test_a_sandbox_that_cannot_be_created_is_an_error():
    with Sandbox("rights", "", command=["/nowhere/program"]) as one:
        _, problem = one.process.communicate(timeout=20)
    assert "FileNotFoundError" in problem
    assert one.process.returncode
