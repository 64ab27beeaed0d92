"""Load run: drive a server with many users, check every delivery, and measure."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from netchat.errors import NetchatError
from netchat.load.crowd import Crowd
from netchat.load.faults import count_faults
from netchat.load.open_loop import send_at_rate
from netchat.load.process_usage import ProcessUsage
from netchat.load.reconnect import drop_all
from netchat.load.report import LoadReport, Progress, ServerUse, latency_of
from netchat.load.sequence_check import MIN_PAYLOAD
from netchat.net.address import show_address
from netchat.net.rlimit import raise_rlimit
from netchat.wording import many

if TYPE_CHECKING:
    from netchat.load.link_factory import LinkFactory
    from netchat.net.tls.client import TlsClient

__all__ = ["MIN_PAYLOAD", "LoadReport", "run_load"]

#: Number of open files besides the connections.
_OTHER_FILES = 32

#: Share of one core from which this program, not the server, may be the bottleneck.
_BUSY = 0.9


async def run_load(
    host: str,
    port: int,
    *,
    users: int = 100,
    senders: int = 1,
    messages: int = 1000,
    rate: float | None = None,
    window: int = 100,
    payload: int = 64,
    room: str = "lobby",
    drop: bool = False,
    stall_timeout: float = 20.0,
    link: str | None = None,
    channel: str | None = None,
    seed: int | None = None,
    udp: bool = False,
    tls: TlsClient | None = None,
    file_size: int = 0,
    receivers: int = 2,
    progress: Progress = lambda _phase, _done, _total: None,
) -> LoadReport:
    """Drive a server, and check that all users receive everything exactly once and in order.

    Args:
        host: Name or address of the server.
        port: Port of the server.
        users: Number of users that join the room.
        senders: Number of users that send messages.
        messages: Number of messages per sender.
        rate: Total messages per second (open loop); None sends as fast as the window allows.
        window: Maximum number of unacknowledged messages per sender, without `rate`.
        payload: Length of each message's text in bytes.
        room: Code of the room.
        drop: Afterwards, drop all connections at once while the senders continue. One additional
            user stays connected and sends.
        stall_timeout: Seconds without progress after which missing messages count as lost.
        link: Code of a link between each user and the server; None uses no links.
        channel: Channel that damages each connection in both directions; None adds no noise.
        seed: Random seed for the channels; None draws a new one.
        udp: Run the links over UDP instead of TCP.
        tls: Connects over TLS; None connects in plaintext.
        file_size: Size of a file that one more user sends to the room meanwhile; 0 sends none.
        receivers: Number of further users that save it at once.
        progress: Called with the progress, a few times per second.

    Returns:
        The report; its `ok` is True if every delivery was correct.

    Raises:
        ValueError: An argument is out of range, or the code or channel does not exist.
        CannotConnect: There is no server.
        Refused: The server refuses the users.
        NetchatError: Not all users could join.
    """
    if not 1 <= senders <= users:
        raise ValueError(f"senders must be 1 to {users}, the number of users, got {senders}")
    if messages < 1 or window < 1 or payload < MIN_PAYLOAD or (rate is not None and rate <= 0):
        raise ValueError(
            f"messages and window must be at least 1, payload at least {MIN_PAYLOAD}, and rate above "
            f"0; got messages {messages}, window {window}, payload {payload}, rate {rate}"
        )
    needed = users + drop + _OTHER_FILES
    allowed = raise_rlimit(needed)
    if allowed < needed:
        raise NetchatError(
            f"{users} users need {needed} open files, but the limit is {allowed}. "
            "Raise the hard limit (ulimit -Hn), or use fewer users."
        )
    if rate is not None:
        stall_timeout = max(stall_timeout, 2 / rate)
    # With a rate, users do not send when echoes arrive, so their window is 0.
    options: dict[str, Any] = {}
    links: LinkFactory | None = None
    if link is not None or channel is not None or udp:
        from netchat.load.link_factory import LinkFactory

        links = LinkFactory(link, channel, seed, udp=udp, tls=tls)
        options["connect"] = links.connect
    elif tls is not None:
        options["connect"] = tls.connect
    crowd = Crowd(
        host,
        port,
        room,
        payload=payload,
        window=0 if rate else window,
        stall_timeout=stall_timeout,
        **options,
    )
    try:
        joined = await _gather(crowd, port, users, senders, progress)
        sending = asyncio.ensure_future(_send(crowd, joined, senders, messages, rate, progress))
        files = None
        if file_size:
            from netchat.load.file_load import transfer_file

            files = await transfer_file(
                host,
                port,
                crowd.log.room,
                file_size,
                receivers,
                link=link,
                channel=channel,
                seed=seed,
                udp=udp,
                tls=tls,
            )
        sent = await sending
        reconnects, complete, dropped = crowd.lost_connections, sent.complete, None
        if drop and complete:
            crowd.window = window
            dropped, complete = await drop_all(crowd, senders, messages, progress)
        return LoadReport(
            server=show_address(host, port),
            users=users,
            senders=senders,
            messages=senders * messages,
            payload=payload,
            rate=rate,
            join_seconds=round(joined.seconds, 3),
            join_rate=round(users / joined.seconds, 1),
            seconds=round(sent.seconds, 3),
            deliveries=sent.deliveries,
            delivery_rate=round(sent.deliveries / sent.seconds, 1),
            latency=latency_of(crowd.latencies),
            faults=count_faults(crowd.log, [u.member for u in crowd.users]),
            complete=complete,
            broken=crowd.broken,
            reconnects=reconnects,
            throttled=crowd.throttled,
            load_share=round(sent.load_share, 3),
            server_use=sent.use,
            drop=dropped,
            link=links.use() if links is not None else None,
            files=files,
            notes=_notes(crowd, joined.usage, sent.load_share, complete=complete),
        )
    finally:
        await crowd.leave()


class _JoinResult(NamedTuple):
    """Result of the joining phase."""

    seconds: float
    usage: ProcessUsage
    memory: int | None  # of the server, with all users connected
    memory_per_connection: int


class _SendResult(NamedTuple):
    """Result of the sending phase."""

    seconds: float
    deliveries: int
    complete: bool
    load_share: float
    use: ServerUse | None


async def _gather(
    crowd: Crowd, port: int, users: int, senders: int, progress: Progress
) -> _JoinResult:
    begun = time.monotonic()
    await crowd.gather(1, 1)
    seconds = time.monotonic() - begun
    # The first connection shows the server's address. Finding its process is not measured.
    usage = ProcessUsage(crowd.address, port)
    alone = usage.memory()
    begun = time.monotonic()
    await crowd.gather(users - 1, senders - 1, lambda n: progress("joining", n + 1, users))
    await crowd.wait_until_all_have(())
    seconds += time.monotonic() - begun
    together = usage.memory()
    grown = together - alone if together is not None and alone is not None else 0
    return _JoinResult(seconds, usage, together, grown // max(1, users - 1))


async def _send(
    crowd: Crowd,
    joined: _JoinResult,
    senders: int,
    messages: int,
    rate: float | None,
    progress: Progress,
) -> _SendResult:
    active, total = crowd.users[:senders], senders * messages
    for user in active:
        user.goal = messages
    crowd.sample_from_now(total)
    before = sum(u.member.known for u in crowd.users)
    cpu, own, begun = joined.usage.cpu(), time.process_time(), time.monotonic()
    pacing = None
    if rate is None:
        for user in active:
            user.send_pending()
    else:
        pacing = asyncio.create_task(send_at_rate(active, total, rate))
    complete = await crowd.wait_until_all_have(active, lambda n: progress("sending", n, total))
    seconds = time.monotonic() - begun
    load_share = (time.process_time() - own) / seconds
    cpu_after = joined.usage.cpu()
    crowd.stop_sampling()
    if pacing is not None:
        pacing.cancel()
        await asyncio.gather(pacing, return_exceptions=True)
    deliveries = sum(u.member.known for u in crowd.users) - before
    use = None
    if cpu is not None and cpu_after is not None and joined.memory is not None:
        spent = cpu_after - cpu
        use = ServerUse(
            cpu_seconds=round(spent, 3),
            cpu_share=round(spent / seconds, 3),
            cpu_us_per_delivery=round(spent / max(1, deliveries) * 1e6, 3),
            memory=joined.memory,
            memory_per_connection=joined.memory_per_connection,
        )
    return _SendResult(seconds, deliveries, complete, load_share, use)


def _notes(
    crowd: Crowd, usage: ProcessUsage, load_share: float, *, complete: bool
) -> tuple[str, ...]:
    notes = []
    if crowd.throttled:
        notes.append(
            "the server throttled the senders (TOO_FAST): this measures its rate limit, not its "
            "speed; start it with `netchat serve --rate 0` to lift the limit"
        )
    if load_share > _BUSY:
        notes.append("this program used a whole core: the server may be faster than measured")
    if not complete:
        notes.append("progress stopped before everything had arrived; missing messages are lost")
    if usage.note:
        notes.append(usage.note)
    notes += [f"{text} ({many(count, 'time')})" for text, count in crowd.problems.items()]
    return tuple(notes)
