"""Execution of a program on a host of the lab, as the user who called sudo."""

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
    """Return the command line that runs a command on a host; see `execute`."""
    code = (
        "import sys; from netchat.lab.execute import execute; execute(*sys.argv[1:3], sys.argv[3:])"
    )
    # -P: do not import from the working directory.
    return [sys.executable, "-P", "-c", code, host.namespace, host.name, *command]


def execute(
    namespace: str, hostname: str, command: Sequence[str], *, as_root: bool = False
) -> NoReturn:
    """Replace this process with a program on a host.

    The environment and the working directory stay the same. `netchat` and `python` are those of this
    installation, even if sudo has set another PATH.

    Args:
        namespace: Namespace of the host.
        hostname: Name of the host.
        command: The program and its arguments; empty for the user's shell.
        as_root: Whether to stay root, rather than become the user who called sudo.

    Raises:
        NotPermitted: This process may not enter the namespace.
        LabError: The host does not exist.
        OSError: The program does not exist, or may not be executed.
    """
    environment = dict(os.environ)
    path = [sysconfig.get_path("scripts"), environment.get("PATH", os.defpath)]
    environment["PATH"] = os.pathsep.join(path)
    try:
        enter(namespace, hostname)
    except PermissionError as error:
        raise NotPermitted("This process may not enter a host of the lab.") from error
    except FileNotFoundError as error:
        raise LabError(f"host {hostname} no longer exists") from error
    if not as_root and os.geteuid() == 0:
        environment |= _become_user()
    program = list(command) or [environment.get("SHELL", "/bin/sh")]
    os.execvpe(program[0], program, environment)  # noqa: S606 - the program is the user's own choice


def _become_user() -> dict[str, str]:
    """Drop privileges to the user who called sudo; return the new variables."""
    uid = int(os.environ.get("SUDO_UID", "0"))
    if uid == 0:
        return {}
    gid = int(os.environ.get("SUDO_GID", str(uid)))
    try:
        user = pwd.getpwuid(uid)
    except KeyError:  # a container may know only the number
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
