"""`netchat lab up`: make the hosts and the network between them."""

from __future__ import annotations

import os
import shutil
import signal
import sys
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


@click.command(short_help="Make the hosts and the network between them.")
@click.option(
    "--hosts", default=2, show_default=True, type=click.IntRange(2, 64),
    help="How many hosts: h1, h2 and so on.",
)  # fmt: skip
@click.option(
    "--channel", metavar="SPEC",
    help="Turn bits over in IP packets, heads included, as bsc:1e-5 or "
    "gilbert-elliott:P_GB,P_BG,E_GOOD,E_BAD does.",
)  # fmt: skip
@impair_options
@click.option("--detach", is_flag=True, help="Come back when it is up; end it with `lab down`.")
@click.pass_obj
def up(
    name: str,
    hosts: int,
    channel: str | None,
    loss: float,
    burst: float | None,
    duplicate: float,
    reorder: float,
    delay: float,
    seed: int | None,
    detach: bool,
) -> int:
    """Make hosts on this machine, and a bridge between them that does to frames what is asked for.

    It happens to each frame once on its way from host to host, in each direction by itself. The lab
    stays up until Ctrl-C (so that nobody forgets it), or with --detach until `netchat lab down`.
    Either way nothing stays behind; what a killed lab has left is removed by the next one.

    \b
    Examples:
      sudo netchat lab up                                       two hosts, and a perfect network
      sudo netchat lab up --hosts 3 --channel bsc:1e-5 --loss 0.01 --delay 20ms
      sudo netchat lab up --duplicate 0.01 --reorder 0.1 --seed 1
      sudo netchat lab up --loss 0.05 --burst 4 --detach        losses come four in a row
    """
    from netchat.channels.impairment import Impairments

    try:
        impairments = Impairments(channel, loss, burst, duplicate, reorder, delay)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    tell = os.open(os.devnull, os.O_WRONLY)
    if detach:
        tell, told = _fork()
        if told is not None:
            return told
    with require_network_rights():
        from netchat.lab.lab import Lab

        stopping, stop = os.pipe()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: os.write(stop, b"."))
        with Lab(name, [f"h{number}" for number in range(1, hosts + 1)], impairments, seed) as lab:
            _show(lab, impairments, detach=detach)
            os.write(tell, b".")
            if detach:
                _detach_from_terminal()
            lab.serve(stopping)
            state = lab.state()
            click.echo("\nEnding what runs on the hosts.", err=True)  # behind the ^C
    show_directions(state, err=True)
    click.echo("The lab is down; nothing of it is left.", err=True)
    return 0


def _fork() -> tuple[int, int | None]:
    """Go on in the background.

    Returns:
        There: where to write a byte when the lab is up, and None. In the foreground: the exit code,
        once the lab is up or has failed.
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
    # What to type: as root or by sudo, and by its path where that finds no netchat.
    found = shutil.which("netchat") == shutil.which(sys.argv[0])
    command = ("sudo " if "SUDO_UID" in os.environ else "") + ("netchat" if found else sys.argv[0])
    command += " lab" if lab.network.name == "lab" else f" lab --name {lab.network.name}"
    lines = [f"{host.name:<4} {host.address:<12} {host.address6}" for host in hosts]
    lines += [
        f"Between any two, each way: {impairments} (--seed {lab.seed}).",
        "",
        f"{command} exec h1 -- netchat serve --lan",
        f"{command} exec h2 -- netchat client h1 --name Nova",
        f"{command} sniff",
        f"{command} down" if detach else "Ctrl-C ends it, and whatever runs in it.",
    ]
    click.echo("\n".join(lines), err=True)
