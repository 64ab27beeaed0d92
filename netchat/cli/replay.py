"""`netchat replay`: play the clients of a capture against a server, and compare the answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from netchat.cli.numbers import FiniteRange
from netchat.cli.render.transcript import describe, frame_as_dict
from netchat.errors import CaptureError, NetchatError
from netchat.exit_codes import FAILED
from netchat.net.address import parse_address
from netchat.net.probe import Probe
from netchat.packets import read_capture
from netchat.packets.items import Item
from netchat.packets.replay.matching import Difference
from netchat.packets.replay.player import Replay, plan
from netchat.wire import DEFAULT_PORT, Message, encode
from netchat.wording import many

__all__ = ["replay"]


@click.command(short_help="Play a capture's clients against a server, compare the answers.")
@click.argument("capture", metavar="FILE", type=click.Path(path_type=Path))
@click.argument("address", metavar="[HOST[:PORT]]", default="127.0.0.1")
@click.option("--fast", is_flag=True, help="As fast as the server answers.")
@click.option(
    "--speed", type=FiniteRange(0, min_open=True), default=1.0, show_default=True,
    help="So many times faster than the capture.",
)  # fmt: skip
@click.option(
    "--port", "ports", multiple=True, type=click.IntRange(1, 65535), default=(DEFAULT_PORT,),
    show_default=True, help="The server's port in the capture, where its content does not tell.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def replay(
    ctx: click.Context,
    capture: Path,
    address: str,
    fast: bool,
    speed: float,
    ports: tuple[int, ...],
    as_json: bool,
) -> None:
    """Say to the server at HOST what the clients said in the capture FILE, in the same order.

    Before a client goes on, the server must have answered as much as it had then. Its answers are
    compared with those in the capture, all but what it chooses anew each time (times, tokens,
    session, log and sequence numbers); codes of rooms that are created are translated, and the
    clients are new devices. The exit code is 0 if all are the same, 1 if not.

    \b
    Examples:
      netchat replay chat.pcapng                        at its own pace
      netchat replay chat.pcapng 127.0.0.1:7000 --fast
      netchat replay chat.pcapng --speed 10 --json
    """
    if fast and ctx.get_parameter_source("speed") is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError("--fast and --speed exclude each other.")
    try:
        host, port = parse_address(address, DEFAULT_PORT)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="HOST[:PORT]") from error
    items = list[Item]()
    try:
        items.extend(read_capture(capture, ports))
    except CaptureError as error:
        if not items:
            raise
        click.echo(f"netchat: {error}; the part in front of it is replayed", err=True)
    steps, left_out = plan(items)
    for reason in left_out:
        click.echo(f"netchat: not replayed: {reason}", err=True)
    if not any(step.to_server and step.raw for step in steps):
        raise NetchatError(
            f"{capture} has nothing {'else ' if left_out else ''}that a client said."
        )
    run = Replay(steps, lambda: Probe(host, port), None if fast else speed)
    differences = run.run()
    answers = sum(len(answers.expected) for answers in run.answers.values())
    if as_json:
        result = {
            "conversations": len(run.answers),
            "sent": run.sent,
            "answers": answers,
            "left_out": left_out,
            "same": not differences,
            "differences": [_as_dict(difference) for difference in differences],
        }
        click.echo(json.dumps(result, indent=2))
    else:
        clients = len(run.answers)
        click.echo(
            f"{many(run.sent, 'frame')} of {many(clients, 'client')} "
            f"{'was' if run.sent == 1 else 'were'} sent; "
            f"the capture has {many(answers, 'answer')}. "
            f"{_count(differences)}"
        )
        for difference in differences:
            _tell(difference)
    if differences:
        ctx.exit(FAILED)


def _count(differences: list[Difference]) -> str:
    if not differences:
        return "The server gave the same."
    return f"{len(differences)} differ{'s' if len(differences) == 1 else ''}:"


def _tell(difference: Difference) -> None:
    where = f"  conversation {difference.conversation}: "
    if difference.got is None:
        assert difference.expected is not None
        click.echo(f"{where}did not come: {describe(difference.expected)}")
    elif difference.expected is None:
        click.echo(f"{where}not in the capture: {describe(difference.got)}")
    else:
        click.echo(f"{where}other {', '.join(difference.fields)}")
        click.echo(f"    then: {describe(difference.expected)}")
        click.echo(f"    now:  {describe(difference.got)}")


def _as_dict(difference: Difference) -> dict[str, Any]:
    def shown(message: Message | None) -> dict[str, Any] | None:
        return None if message is None else frame_as_dict(encode(message))

    return {
        "conversation": difference.conversation,
        "expected": shown(difference.expected),
        "got": shown(difference.got),
        "fields": list(difference.fields),
    }
