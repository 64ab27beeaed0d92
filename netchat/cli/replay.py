"""`netchat replay`: replay a capture's clients to a server and compare the answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from netchat.cli.params.item_filter import FILTER
from netchat.cli.params.number import FiniteRange
from netchat.cli.params.tls import parse_servers, tls_options
from netchat.cli.render.transcript import describe, frame_as_dict
from netchat.errors import CaptureError, NetchatError
from netchat.exit_codes import FAILED
from netchat.net.probe import Probe
from netchat.packets import read_capture
from netchat.packets.filters import ItemFilter
from netchat.packets.items import Item
from netchat.packets.replay.matching import Difference
from netchat.packets.replay.player import Replay, plan
from netchat.wire import DEFAULT_PORT, Message, encode
from netchat.wording import many

__all__ = ["replay"]


@click.command(short_help="Replay a capture's clients to a server; compare the answers.")
@click.argument("capture", metavar="FILE", type=click.Path(path_type=Path))
@click.argument("address", metavar="[[tls://]HOST[:PORT]]", default="127.0.0.1")
@click.option("--fast", is_flag=True, help="Send as fast as the server answers.")
@click.option(
    "--speed", type=FiniteRange(0, min_open=True), default=1.0, show_default=True,
    help="Speed relative to the capture.",
)  # fmt: skip
@click.option(
    "--port", "ports", multiple=True, type=click.IntRange(1, 65535), default=(DEFAULT_PORT,),
    show_default=True, help="Server port in the capture, for connections that do not reveal it.",
)  # fmt: skip
@click.option(
    "--filter", "-Y", "expression", type=FILTER, metavar="FILTER",
    help="Replay only the conversations with a message that matches, such as 'user == \"Nova\"'. The "
    "exit code is 1 if none has one. docs/FILTERS.md lists the fields.",
)  # fmt: skip
@tls_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def replay(
    ctx: click.Context,
    capture: Path,
    address: str,
    fast: bool,
    speed: float,
    ports: tuple[int, ...],
    expression: ItemFilter | None,
    ca: Path | None,
    fingerprint: str | None,
    keylog: Path | None,
    as_json: bool,
) -> None:
    """Send the frames of the clients in the capture FILE to the server at HOST, in the same order.

    Before a client continues, the server must have sent as many answers as in the capture. The
    answers are compared with those in the capture, except for values that the server chooses
    (times, tokens, session, log and sequence numbers). Codes of created rooms are translated, and
    the clients get new device identifiers. The exit code is 0 if all answers match, 1 if not.

    \b
    Examples:
      netchat replay chat.pcapng                        at the speed of the capture
      netchat replay chat.pcapng 127.0.0.1:7000 --fast
      netchat replay chat.pcapng --speed 10 --json
      netchat replay chat.pcapng --filter 'user == "Nova"'    only her connections
    """
    if fast and ctx.get_parameter_source("speed") is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError("--fast and --speed cannot be combined.")
    servers, tls = parse_servers(address, ca, fingerprint, keylog)
    if len(servers) > 1:
        raise click.UsageError(f"replay needs one server, got {len(servers)}.")
    host, port = servers[0]
    trust = None if tls is None else tls.trust
    items = list[Item]()
    try:
        items.extend(read_capture(capture, ports))
    except CaptureError as error:
        if not items:
            raise
        click.echo(f"netchat: {error}; replaying the packets before it", err=True)
    if expression is not None:
        chosen = {item.conversation for item in filter(expression, items)}
        if not chosen:
            raise NetchatError(f"no message in {capture} matches the filter.")
        items = [item for item in items if item.conversation in chosen]
    steps, left_out = plan(items)
    for reason in left_out:
        click.echo(f"netchat: not replayed: {reason}", err=True)
    if not any(step.to_server and step.raw for step in steps):
        raise NetchatError(
            f"{capture} has no {'other ' if left_out else ''}frames from a client to replay."
        )
    run = Replay(steps, lambda: Probe(host, port, trust), None if fast else speed)
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
            f"Sent {many(run.sent, 'frame')} of {many(clients, 'client')}; "
            f"the capture has {many(answers, 'answer')}. "
            f"{_count(differences)}"
        )
        for difference in differences:
            _tell(difference)
    if differences:
        ctx.exit(FAILED)


def _count(differences: list[Difference]) -> str:
    if not differences:
        return "All answers match."
    return f"{many(len(differences), 'answer differs', 'answers differ')}:"


def _tell(difference: Difference) -> None:
    where = f"  conversation {difference.conversation}: "
    if difference.got is None:
        assert difference.expected is not None
        click.echo(f"{where}missing: {describe(difference.expected)}")
    elif difference.expected is None:
        click.echo(f"{where}not in the capture: {describe(difference.got)}")
    else:
        click.echo(f"{where}different {', '.join(difference.fields)}")
        click.echo(f"    expected: {describe(difference.expected)}")
        click.echo(f"    received: {describe(difference.got)}")


def _as_dict(difference: Difference) -> dict[str, Any]:
    def shown(message: Message | None) -> dict[str, Any] | None:
        return None if message is None else frame_as_dict(encode(message))

    return {
        "conversation": difference.conversation,
        "expected": shown(difference.expected),
        "got": shown(difference.got),
        "fields": list(difference.fields),
    }
