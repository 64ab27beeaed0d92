"""`netchat noise`: run a proxy that damages traffic."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from typing import Any

import click

from netchat.cli.params.impairment import impair_options
from netchat.errors import NetchatError
from netchat.net.address import parse_address, show_address
from netchat.net.event_loop import run
from netchat.wire import DEFAULT_PORT
from netchat.wording import cut, many

__all__ = ["noise"]


@click.command(short_help="Run a proxy that damages traffic between client and server.")
@click.argument("listen", metavar="[HOST:]PORT")
@click.argument("to", metavar="[HOST[:PORT]]", default="127.0.0.1")
@click.option(
    "--channel", metavar="SPEC",
    help="Channel that flips bits, such as bsc:1e-3 or gilbert-elliott:P_GB,P_BG,E_GOOD,E_BAD.",
)  # fmt: skip
@click.option("--udp", is_flag=True, help="Forward UDP datagrams as well as TCP connections.")
@impair_options
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one object per line.")
def noise(
    listen: str,
    to: str,
    channel: str | None,
    udp: bool,
    loss: float,
    burst: float | None,
    duplicate: float,
    reorder: float,
    delay: float,
    seed: int | None,
    as_json: bool,
) -> None:
    """Listen on PORT, forward to the server at HOST, and damage the data in both directions.

    By default, HOST is this machine and its PORT is 6464.
    The proxy works with any client and server; capture on both sides of the proxy to compare. Over TCP,
    the bits are flipped after TCP has verified its checksum, so TCP does not notice. Over UDP
    (--udp), datagrams can also be lost, duplicated and reordered. Ctrl-C stops the proxy.

    \b
    Examples:
      netchat noise 7000 --channel bsc:1e-3               then: netchat client 127.0.0.1:7000 …
      netchat noise 7000 example.org:6464 --delay 10ms    add 20 ms to the round-trip time
      netchat noise 7000 --udp --loss 0.01 --reorder 0.1 --seed 1
      netchat noise '[::1]:8080' '[::1]:80' --channel bsc:1e-5 --json
    """
    from netchat.channels.impairment import Impairments

    if not udp and (loss or duplicate or reorder or burst is not None):
        raise click.UsageError(
            "--loss, --burst, --duplicate and --reorder require --udp, because TCP repairs them. "
            "netchat lab applies them to TCP's packets."
        )
    host, port = _listen_address(listen)
    try:
        target = parse_address(to, DEFAULT_PORT)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="HOST[:PORT]") from error
    try:
        impairments = Impairments(channel, loss, burst, duplicate, reorder, delay)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    run(_serve(host, port, target, impairments, udp, seed, as_json))


def _listen_address(listen: str) -> tuple[str, int]:
    """Parse PORT or HOST:PORT; port 0 takes a free one."""
    try:
        if ":" in listen:
            return parse_address(listen, None, any_port=True)
        if listen.isascii() and listen.isdecimal() and len(listen) <= 5 and int(listen) < 65536:
            return "127.0.0.1", int(listen)
        raise ValueError(
            "must be PORT, HOST:PORT or [IPV6]:PORT, with PORT from 0 to 65535, "
            f"got {cut(listen)!r}"
        )
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="[HOST:]PORT") from error


async def _serve(
    host: str,
    port: int,
    target: tuple[str, int],
    impairments: Any,
    udp: bool,
    seed: int | None,
    as_json: bool,
) -> None:
    from netchat.net.noise.proxy import NoiseProxy

    ended = asyncio.Event()

    def show(event: dict[str, Any]) -> None:
        if as_json:
            click.echo(json.dumps(event))
        else:
            click.echo(_line(event), err=True)

    def tell(event: dict[str, Any]) -> None:
        try:
            show(event)
        except BrokenPipeError:  # the reader (`netchat noise … | head`) has exited
            ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises instead
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
    proxy = NoiseProxy(target, impairments, seed, tell)
    try:
        address = await proxy.start(host, port, udp=udp)
    except OSError as error:
        why = error.strerror or str(error)
        raise NetchatError(f"cannot listen on {show_address(host, port)}: {why}") from error
    try:
        show(
            {
                "event": "listening", "host": address[0], "port": address[1], "udp": udp,
                "server": show_address(*target), "damage": str(impairments), "seed": proxy.seed,
            }
        )  # fmt: skip
        await ended.wait()
    finally:
        await proxy.stop()
    show({"event": "total", **proxy.total})


def _line(event: dict[str, Any]) -> str:
    """Return an event as a line of text."""
    match event["event"]:
        case "listening":
            kinds = "TCP and UDP" if event["udp"] else "TCP"
            where = show_address(event["host"], event["port"])
            return (
                f"Listening on {where} ({kinds}), forwarding to {event['server']}. Each way: "
                f"{event['damage']} (--seed {event['seed']}). Ctrl-C stops."
            )
        case "connected":
            return f"{event['number']:>3}  {event['client']}  {event['over']}, connected"
        case "refused":
            return f"     connection refused: {event['why']}"
        case "closed":
            begin = f"{event['number']:>3}  {event['client']}  "
        case _:
            begin = "total  "
    out, back = _counts(event["to_server"]), _counts(event["to_client"])
    problem = f"; {event['problem']}" if "problem" in event else ""
    return f"{begin}to server: {out}; to client: {back}{problem}"


#: Counts whose words have no plural.
_STATES = ("lost", "duplicated", "reordered", "overflowed")


def _counts(counts: dict[str, int]) -> str:
    names = {
        "packets": "datagram", "bytes": "byte", "flipped": "bit error", "lost": "lost",
        "duplicated": "duplicated", "reordered": "reordered", "overflowed": "dropped (queue full)",
    }  # fmt: skip
    return (
        ", ".join(
            many(counts[key], name, name if key in _STATES else None)
            for key, name in names.items()
            if counts.get(key) or (key in ("bytes", "flipped") and key in counts)
        )
        or "nothing"
    )
