"""Run a program on a host of the lab, as the user who asked for it."""

from __future__ import annotations

import os
import pwd
import sys
import sysconfig
from collections.abc import Sequence
from typing import NoReturn

from netchat.errors import LabError, NotPermitted
from netchat.lab.namespaces import enter
from netchat.lab.network import Host

__all__ = ["execute", "host_command"]


def host_command(host: Host, command: Sequence[str]) -> list[str]:
    """The command line that runs a command on a host; see `execute`."""
    code = (
        "import sys; from netchat.lab.execute import execute; execute(*sys.argv[1:3], sys.argv[3:])"
    )
    # -P: not what happens to lie in this folder, which is the programs' own.
    return [sys.executable, "-P", "-c", code, host.namespace, host.name, *command]


def execute(
    namespace: str, hostname: str, command: Sequence[str], *, as_root: bool = False
) -> NoReturn:
    """Become a program on a host. Its environment is that of this process, and so is its folder.

    `netchat` and `python` are there those of this installation, also under a sudo that has set a
    PATH of its own.

    Args:
        namespace: the host's namespace.
        hostname: what the host is called.
        command: the program and its arguments; none is the user's shell.
        as_root: stay root, rather than become the user who has called sudo.

    Raises:
        NotPermitted: this process may not enter it.
        LabError: there is no such host.
        OSError: there is no such program, or it may not be run.
    """
    environment = dict(os.environ)
    path = [sysconfig.get_path("scripts"), environment.get("PATH", os.defpath)]
    environment["PATH"] = os.pathsep.join(path)
    try:
        enter(namespace, hostname)
    except PermissionError as error:
        raise NotPermitted("This process has no right to enter a host.") from error
    except FileNotFoundError as error:
        raise LabError(f"There is no host {hostname} any more.") from error
    if not as_root and os.geteuid() == 0:
        environment |= _become_user()
    program = list(command) or [environment.get("SHELL", "/bin/sh")]
    os.execvpe(program[0], program, environment)  # noqa: S606 - the program is the user's own choice


def _become_user() -> dict[str, str]:
    """Become who has called sudo, so that files are theirs; returns what they expect to be set."""
    uid = int(os.environ.get("SUDO_UID", "0"))
    if uid == 0:
        return {}
    gid = int(os.environ.get("SUDO_GID", str(uid)))
    try:
        user = pwd.getpwuid(uid)
    except KeyError:  # of a container that knows the number only
        os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
        return {}
    os.initgroups(user.pw_name, gid)
    os.setgid(gid)
    os.setuid(uid)
    return {
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "SHELL": user.pw_shell or "/bin/sh",
    }
