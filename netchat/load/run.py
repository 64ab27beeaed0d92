"""Drives a server like a crowd, checks every delivery, and measures.

report = await run_load("127.0.0.1", 6464, users=100, messages=10_000)
print(report.ok, report.delivery_rate, report.latency)
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from netchat.errors import NetchatError
from netchat.load.crowd import Crowd
from netchat.load.faults import count_faults
from netchat.load.open_loop import speak_at_rate
from netchat.load.process_usage import ProcessUsage
from netchat.load.reconnect import drop_all
from netchat.load.report import LoadReport, Progress, ServerUse, latency_of
from netchat.load.sequence_check import MIN_PAYLOAD
from netchat.net.address import show_address
from netchat.net.rlimit import raise_rlimit
from netchat.wording import many

if TYPE_CHECKING:
    from netchat.load.link_factory import LinkFactory

__all__ = ["MIN_PAYLOAD", "LoadReport", "run_load"]

#: Files that are open besides the connections.
_OTHER_FILES = 32

#: A share of one core from which on this program, not the server, may be what is measured.
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
    progress: Progress = lambda _phase, _done, _total: None,
) -> LoadReport:
    """Drive a server, and check that every user gets everything once and in order.

    Args:
        host: the server's name or address.
        port: its port.
        users: how many connect and join the room.
        senders: how many of them speak.
        messages: how many each of them says.
        rate: messages a second in all, by the clock; None is as fast as echoes come back.
        window: without `rate`, messages that a sender has under way at most.
        payload: bytes of each message's text.
        room: the room's code.
        drop: let all users lose their connection at once when the messages have been said, while
            senders speak on; one user more, who stays, speaks to those who are away.
        stall_timeout: seconds without any progress after which what is missing is lost.
        link: the code of a link between each user and the server; None is no link.
        channel: what damages each connection, both ways; None is nothing.
        seed: where the channels' chance comes from; None is a new one each time.
        udp: the links go over UDP rather than TCP.
        progress: told how far it is, a few times a second.

    Returns:
        What came out; `.ok` says whether every delivery was right.

    Raises:
        ValueError: the figures make no sense, or there is no such code or channel.
        CannotConnect: there is no server.
        Refused: the server does not take the users in.
        NetchatError: the crowd could not be brought together.
    """
    if not 1 <= senders <= users:
        raise ValueError(f"{senders} senders among {users} users: give 1 to {users}")
    if messages < 1 or window < 1 or payload < MIN_PAYLOAD or (rate is not None and rate <= 0):
        raise ValueError(
            f"messages and window are at least 1, payload at least {MIN_PAYLOAD}, rate above 0"
        )
    needed = users + drop + _OTHER_FILES
    allowed = raise_rlimit(needed)
    if allowed < needed:
        raise NetchatError(
            f"{users} users need {needed} open files, and this process may have {allowed}. "
            "Raise the hard limit (ulimit -Hn), or ask for fewer users."
        )
    if rate is not None:
        stall_timeout = max(stall_timeout, 2 / rate)
    # With a rate nobody speaks by himself: the window is what a sender may fill on an echo.
    options: dict[str, Any] = {}
    links: LinkFactory | None = None
    if link is not None or channel is not None or udp:
        from netchat.load.link_factory import LinkFactory

        links = LinkFactory(link, channel, seed, udp=udp)
        options["connect"] = links.connect
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
        spoken = await _speak(crowd, joined, senders, messages, rate, progress)
        reconnects, complete, dropped = crowd.lost_connections, spoken.complete, None
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
            seconds=round(spoken.seconds, 3),
            deliveries=spoken.deliveries,
            delivery_rate=round(spoken.deliveries / spoken.seconds, 1),
            latency=latency_of(crowd.latencies),
            faults=count_faults(crowd.log, [u.member for u in crowd.users]),
            complete=complete,
            broken=crowd.broken,
            reconnects=reconnects,
            throttled=crowd.throttled,
            load_share=round(spoken.load_share, 3),
            server_use=spoken.use,
            drop=dropped,
            link=links.use() if links is not None else None,
            notes=_notes(crowd, joined.watch, spoken.load_share, complete=complete),
        )
    finally:
        await crowd.leave()


class _Joined(NamedTuple):
    """How the crowd came together."""

    seconds: float
    watch: ProcessUsage
    memory: int | None  # the server's, with everybody connected
    memory_per_connection: int


class _Spoken(NamedTuple):
    """How the messages went."""

    seconds: float
    deliveries: int
    complete: bool
    load_share: float
    use: ServerUse | None


async def _gather(crowd: Crowd, port: int, users: int, senders: int, progress: Progress) -> _Joined:
    begun = time.monotonic()
    await crowd.gather(1, 1)
    seconds = time.monotonic() - begun
    # Where the server is, is known from the first connection. Looking for it is not measured.
    watch = ProcessUsage(crowd.address, port)
    alone = watch.memory()
    begun = time.monotonic()
    await crowd.gather(users - 1, senders - 1, lambda n: progress("joining", n + 1, users))
    await crowd.wait_until_all_have(())
    seconds += time.monotonic() - begun
    together = watch.memory()
    grown = together - alone if together is not None and alone is not None else 0
    return _Joined(seconds, watch, together, grown // max(1, users - 1))


async def _speak(
    crowd: Crowd,
    joined: _Joined,
    senders: int,
    messages: int,
    rate: float | None,
    progress: Progress,
) -> _Spoken:
    speakers, total = crowd.users[:senders], senders * messages
    for speaker in speakers:
        speaker.goal = messages
    crowd.sample_from_now(total)
    before = sum(u.member.known for u in crowd.users)
    cpu, own, begun = joined.watch.cpu(), time.process_time(), time.monotonic()
    pacing = None
    if rate is None:
        for speaker in speakers:
            speaker.talk()
    else:
        pacing = asyncio.create_task(speak_at_rate(speakers, total, rate))
    complete = await crowd.wait_until_all_have(speakers, lambda n: progress("speaking", n, total))
    seconds = time.monotonic() - begun
    load_share = (time.process_time() - own) / seconds
    cpu_after = joined.watch.cpu()
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
    return _Spoken(seconds, deliveries, complete, load_share, use)


def _notes(
    crowd: Crowd, watch: ProcessUsage, load_share: float, *, complete: bool
) -> tuple[str, ...]:
    notes = []
    if crowd.throttled:
        notes.append(
            "the server slowed the senders down (TOO_FAST): its limit on frames a second was "
            "measured, not its speed; `netchat serve --rate 0` lifts it"
        )
    if load_share > _BUSY:
        notes.append("this program used a whole core: the server may be faster than it can show")
    if not complete:
        notes.append("nothing came any more before everything was there; what is missing is lost")
    if watch.note:
        notes.append(watch.note)
    notes += [f"{text} ({many(count, 'time')})" for text, count in crowd.complaints.items()]
    return tuple(notes)
