"""`run_load` against a real server, directly and through a faulty proxy."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest

from netchat.chat.settings import Settings
from netchat.errors import CannotConnect, NetchatError, Refused
from netchat.load import run as load
from netchat.load.faults import Faults
from netchat.load.report import latency_of
from netchat.load.run import LoadReport, run_load
from netchat.net.history.memory_history import MemoryHistory
from netchat.net.server_driver import ServerDriver
from tests.net import faulty
from tests.net.faulty import FaultyProxy


class Served:
    """Run a server in this process, without the limits that would slow a test down."""

    def __init__(self) -> None:
        self.servers: list[ServerDriver] = []

    async def start(self, **settings: float) -> int:
        chosen = Settings(**{"rate": 0, "max_users": 200, **settings})
        server = ServerDriver(MemoryHistory(), chosen, lambda note: None)
        self.servers.append(server)
        ((_, port),) = await server.start("127.0.0.1", 0)
        return port

    @property
    def sessions(self) -> int:
        return len(self.servers[0].hub.state.shared.sessions)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    yield served
    for server in served.servers:
        await server.stop()


async def drive(port: int, **options: object) -> LoadReport:
    options = {"users": 6, "messages": 20, "stall_timeout": 2.0, **options}
    return await run_load("127.0.0.1", port, **options)


async def test_a_file_is_transferred_meanwhile(served):
    port = await served.start()
    report = await drive(port, file_size=300_000, receivers=2)
    assert report.ok
    assert (report.files.size, report.files.receivers) == (300_000, 2)
    assert report.files.upload_rate > 0 < report.files.download_rate
    with pytest.raises(NetchatError, match="A file must be at most 100 MB"):
        await drive(port, file_size=100_000_001, receivers=0)


async def test_every_delivery_of_a_right_server_is_right(served):
    report = await drive(await served.start(), users=20, senders=3, messages=200)
    assert report.ok
    assert report.faults == Faults()
    assert report.messages == 600
    assert report.deliveries == 20 * 600
    # The report rounds to milliseconds, and a fast machine needs only a few.
    assert report.deliveries / report.delivery_rate == pytest.approx(report.seconds, abs=0.00051)
    assert report.latency is not None
    assert 0 < report.latency.p50 <= report.latency.p99 <= report.latency.p999
    assert report.latency.samples == report.deliveries
    assert report.reconnects == report.throttled == report.broken == 0
    assert report.drop is None
    assert json.loads(json.dumps(report.as_dict()))["ok"] is True


async def test_one_user_alone_is_a_crowd(served):
    report = await drive(await served.start(), users=1, messages=5, payload=16)
    assert report.ok
    assert report.deliveries == 5


async def test_sessions_are_ended_so_that_the_next_crowd_has_room(served):
    port = await served.start(max_users=6)
    assert (await drive(port)).ok
    assert served.sessions == 0
    assert (await drive(port)).ok


async def test_a_local_servers_usage_is_measured(served):
    report = await drive(await served.start(), users=10, messages=500)
    if report.server_use is None:
        pytest.skip("this system does not show which process listens")
    assert report.server_use.memory > 1_000_000


async def test_a_rate_is_kept_and_spread_over_the_senders(served):
    report = await drive(await served.start(), senders=3, messages=20, rate=200)
    assert report.ok
    assert report.messages == 60
    assert 0.25 < report.seconds < 2  # 59 gaps of 5 ms


async def test_with_a_rate_a_late_send_counts_as_latency(served):
    port = await served.start()
    # The whole process, senders included, pauses: latencies from the actual time of sending would
    # not include the pause.
    asyncio.get_running_loop().call_later(0.3, time.sleep, 0.3)
    report = await drive(port, messages=120, rate=200)
    assert report.ok
    assert report.latency is not None
    assert report.latency.worst > 200


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faulty.lost, Faults(lost=1)),
        (faulty.doubled, Faults(doubled=1)),
        (faulty.reordered(), Faults(disordered=1)),
        (faulty.altered, Faults(altered=1)),
    ],
    ids=["lost", "doubled", "reordered", "altered"],
)
async def test_one_wrong_delivery_to_one_user_is_found(served, fault, expected):
    async with FaultyProxy(await served.start(), 4, fault) as port:
        report = await drive(port)
    assert not report.ok
    if fault is faulty.altered and report.faults.altered != 1:
        # The victim read it first, so all other members differ from it.
        assert report.faults.altered >= 5
    else:
        assert report.faults == expected


@pytest.mark.slow
async def test_a_server_that_falls_silent_is_not_waited_for_for_ever(served):
    async with FaultyProxy(await served.start(), 4, faulty.silent) as port:
        report = await drive(port, stall_timeout=0.6)
    assert not report.complete
    assert not report.ok
    assert report.faults == Faults(lost=16)
    assert any("lost" in note for note in report.notes)


async def test_a_damaged_frame_costs_a_connection_and_no_message(served):
    async with FaultyProxy(await served.start(), 4, faulty.damaged) as port:
        report = await drive(port, messages=300)
    assert report.ok
    assert report.broken == report.reconnects == 1
    assert any("CRC-32" in note for note in report.notes)


async def test_a_user_that_reconnects_misses_nothing(served):
    async with FaultyProxy(await served.start(), 4, faulty.cut) as port:
        report = await drive(port, messages=300)
    assert report.ok
    assert report.reconnects == 1


async def test_a_sender_that_reconnects_retransmits_unacknowledged_messages(served):
    async with FaultyProxy(await served.start(), 0, faulty.cut) as port:
        report = await drive(port, messages=300)
    assert report.ok
    assert report.reconnects == 1


async def test_all_users_lose_the_connection_at_once_and_recover_completely(served):
    report = await drive(await served.start(), users=60, senders=3, messages=50, drop=True)
    assert report.ok
    assert report.drop is not None
    assert report.drop.clients == 60
    assert report.drop.messages == 1150
    assert report.drop.missed > 0
    assert 0 < report.drop.back_seconds <= report.drop.seconds < 15
    assert report.reconnects == 0


async def test_a_server_that_slows_senders_down_is_named(served):
    report = await drive(await served.start(rate=200, burst=20), messages=60)
    assert report.ok
    assert report.throttled >= 1
    assert any("TOO_FAST" in note for note in report.notes)


@pytest.mark.slow
async def test_refused_messages_are_lost_and_the_reason_is_noted(served):
    report = await drive(await served.start(max_text=32), messages=3)
    assert not report.ok
    assert report.faults.lost == 3 * 6
    assert any("must be at most 32 bytes" in note for note in report.notes)


async def test_without_a_server_it_cannot_connect(served):
    port = await served.start()
    await served.servers.pop().stop()
    with pytest.raises(CannotConnect, match="netchat serve"):
        await drive(port)


async def test_a_full_server_says_so(served):
    with pytest.raises(Refused, match="full"):
        await drive(await served.start(max_users=3))


async def test_an_unknown_room_says_so(served):
    with pytest.raises(Refused, match="no room"):
        await drive(await served.start(), room="0123456789")


async def test_too_few_files_are_named(served, monkeypatch):
    monkeypatch.setattr(load, "raise_rlimit", lambda wanted: 100)
    with pytest.raises(NetchatError, match="limit is 100"):
        await drive(await served.start(), users=100)


@pytest.mark.parametrize(
    "options", [{"senders": 9}, {"messages": 0}, {"payload": 3}, {"rate": 0.0}, {"window": 0}]
)
async def test_figures_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match=r"must be 1 to|at least"):
        await drive(1, **options)


def test_percentiles_are_nearest_rank():
    latency = latency_of([n / 1000 for n in range(1000, 0, -1)])
    assert latency is not None
    assert (latency.p50, latency.p99, latency.p999, latency.worst) == (500, 990, 999, 1000)
    assert latency_of([]) is None
