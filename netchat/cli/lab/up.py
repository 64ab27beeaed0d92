"""`netchat lab up`: create the hosts and the network between them."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netchat.cli.lab.permissions import require_network_rights
from netchat.cli.lab.status import show_directions
from netchat.cli.params.impairment import impair_options
from netchat.exit_codes import INTERRUPTED

if TYPE_CHECKING:
    from netchat.channels.impairment import Impairments
    from netchat.lab.lab import Lab

__all__ = ["up"]


@click.command(short_help="Create the hosts and the network between them.")
@click.option(
    "--hosts", default=2, show_default=True, type=click.IntRange(2, 64),
    help="Number of hosts, named h1, h2 and so on.",
)  # fmt: skip
@click.option(
    "--channel", metavar="SPEC",
    help="Channel that flips bits in IP packets, headers included, such as bsc:1e-5 or "
    "gilbert-elliott:P_GB,P_BG,E_GOOD,E_BAD.",
)  # fmt: skip
@impair_options
@click.option(
    "--mystery", metavar="SEED",
    help="Create a network in which something is wrong; SEED is a number or a name.",
)  # fmt: skip
@click.option(
    "--level", type=click.IntRange(1, 5), default=2, show_default=True,
    help="Difficulty of the mystery.",
)  # fmt: skip
@click.option(
    "--captures", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
    help="Folder for a mystery's captures.  [default: mystery]",
)  # fmt: skip
@click.option("--detach", is_flag=True, help="Run in the background until `lab down`.")
@click.pass_context
def up(
    ctx: click.Context,
    hosts: int,
    channel: str | None,
    loss: float,
    burst: float | None,
    duplicate: float,
    reorder: float,
    delay: float,
    seed: int | None,
    mystery: str | None,
    level: int,
    captures: Path | None,
    detach: bool,
) -> int:
    """Create hosts on this machine, and a bridge between them that applies the impairments.

    The impairments apply once to each frame from host to host, independently in each direction.
    The lab stays up until Ctrl-C, or with --detach until `netchat lab down`. Both remove everything;
    the next lab removes the remains of a killed one.

    With --mystery, the lab has three hosts whose programs chat and call each other, and one fault. Find
    it in the captures of all three cables, and answer with `netchat lab solve`.

    \b
    Examples:
      sudo netchat lab up                                       two hosts, and a perfect network
      sudo netchat lab up --hosts 3 --channel bsc:1e-5 --loss 0.01 --delay 20ms
      sudo netchat lab up --duplicate 0.01 --reorder 0.1 --seed 1
      sudo netchat lab up --loss 0.05 --burst 4 --detach        bursts of four lost packets
      sudo netchat lab up --mystery Ada --level 3               find out what is wrong
    """
    name = ctx.obj
    from netchat.channels.impairment import Impairments

    _require_mystery(ctx, mystery)
    try:
        impairments = Impairments(channel, loss, burst, duplicate, reorder, delay)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    ready_fd = os.open(os.devnull, os.O_WRONLY)
    if detach:
        ready_fd, status = _fork()
        if status is not None:
            return status
    with require_network_rights():
        from netchat.lab.lab import Lab

        created: Lab
        if mystery is None:
            created = Lab(name, [f"h{number}" for number in range(1, hosts + 1)], impairments, seed)
        else:
            from netchat.mystery.drawing import draw
            from netchat.mystery.mystery_lab import MysteryLab

            folder = (captures or Path("mystery")).absolute()
            created = MysteryLab(draw(mystery, level), folder, name)
        stopping, stop = os.pipe()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: os.write(stop, b"."))
        with created as lab:
            if mystery is None:
                _show(lab, impairments, detach=detach)
            else:
                _show_mystery(lab, captures or Path("mystery"), detach=detach)
            os.write(ready_fd, b".")
            if detach:
                _detach_from_terminal()
            lab.serve(stopping)
            state = lab.state()
            click.echo("\nEnding the programs on the hosts.", err=True)  # new line after ^C
    show_directions(state, err=True)
    click.echo("The lab is down; everything has been removed.", err=True)
    return 0


def _require_mystery(ctx: click.Context, mystery: str | None) -> None:
    """Reject options that the other kind of lab does not have.

    Raises:
        click.UsageError: One of them is given.
    """

    def is_given(option: str) -> bool:
        source = ctx.get_parameter_source(option)
        return source not in (None, click.core.ParameterSource.DEFAULT)

    if mystery is None:
        if any(map(is_given, ("level", "captures"))):
            raise click.UsageError("--level and --captures require --mystery SEED.")
        return
    if not mystery.strip():
        raise click.UsageError("--mystery must be a number or a name, got an empty text.")
    others = ("hosts", "channel", "loss", "burst", "duplicate", "reorder", "delay", "seed")
    if given := [f"--{option}" for option in others if is_given(option)]:
        raise click.UsageError(
            f"--mystery selects hosts and faults itself; omit {', '.join(given)}."
        )


def _fork() -> tuple[int, int | None]:
    """Fork into the background.

    Returns:
        In the child: a file descriptor to write a byte to when the lab is up, and None. In the
        parent: -1 and the exit code, once the lab is up or has failed.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.setsid()
        return writing, None
    os.close(writing)
    try:
        if os.read(reading, 1):
            return -1, 0
    except KeyboardInterrupt:
        os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    return -1, max(os.waitstatus_to_exitcode(status), 0) or INTERRUPTED


def _detach_from_terminal() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)


def _show(lab: Lab, impairments: Impairments, *, detach: bool) -> None:
    hosts = lab.network.hosts.values()
    command = _command(lab)
    lines = [f"{host.name:<4} {host.address:<12} {host.address6}" for host in hosts]
    lines += [
        f"Between any two, each way: {impairments} (--seed {lab.seed}).",
        "",
        f"{command} exec h1 -- netchat serve --lan --udp --ephemeral",
        f"{command} exec h2 -- netchat client h1 --name Nova",
        f"{command} sniff",
        f"{command} down" if detach else "Ctrl-C removes the lab and ends its programs.",
    ]
    click.echo("\n".join(lines), err=True)


def _show_mystery(lab: Lab, folder: Path, *, detach: bool) -> None:
    hosts = lab.network.hosts.values()
    lines = [f"{host.name:<4} {host.address:<12} {host.address6}" for host in hosts]
    program = _command(lab)
    plain = program.removeprefix("sudo ")
    inspect = plain.split(" lab", maxsplit=1)[0] + " inspect"
    lines += [
        "Something is wrong in this network. h1 runs a chat server, h2 and h3 chat, and all three call",
        f"each other (UDP port 5004). The captures in {folder} grow; wait for half a minute.",
        "",
        f"{inspect} {folder}/h1.pcapng --stats --tcp",
        f"{inspect} {folder}/h2.pcapng --compare {folder}/h1.pcapng",
        f"{plain} solve",
        f"{program} down" if detach else "Ctrl-C removes the lab and ends its programs.",
    ]
    click.echo("\n".join(lines), err=True)


def _command(lab: Lab) -> str:
    """Return the start of commands to copy.

    It has sudo unless the lab was created by root, and a path if netchat is not in PATH.
    """
    found = shutil.which("netchat") == shutil.which(sys.argv[0])
    command = ("sudo " if "SUDO_UID" in os.environ else "") + ("netchat" if found else sys.argv[0])
    return command + (" lab" if lab.network.name == "lab" else f" lab --name {lab.network.name}")
