"""Metrics, read by the parser of prometheus-client, and by a Prometheus if one is installed."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from netchat import __version__
from netchat.net.client_path import ClientPath
from netchat.net.time_histogram import BOUNDS
from netchat.web.metrics import LINK_METRICS, Metrics
from netchat.web.operations import MetricsListener
from tests.end_to_end.processes import free_port
from tests.net.serving import Serving, serve, talker

DASHBOARD = json.loads((Path(__file__).parents[2] / "docs" / "grafana.json").read_text("utf-8"))

#: The dashboard's queries, with the values that Grafana inserts.
QUERIES = [
    target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
]


def samples(serving: Serving) -> dict[str, float]:
    """Return the metrics by name and labels."""
    body, _ = Metrics(serving.server, serving.log).render()
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


async def test_the_metrics_count_what_happens() -> None:
    async with (
        serve() as serving,
        talker(serving.port, "Nova", "lobby") as nova,
        talker(serving.port, "Lena", "lobby") as lena,
        talker(
            serving.port, "Sourav", path=ClientPath("hamming:7,4", "bsc:1e-3", seed=1)
        ) as sourav,
    ):
        before = samples(serving)
        nova.say(*"abcde")
        await lena.until(lambda: len(lena.texts()) == 5)
        said = samples(serving)
        lena.core.send_private("Nova", "psst")
        lena.client.flush()
        await nova.until(lambda: any(h.event.text == "psst" for h in nova.all(_room_event())))
        await sourav.enter()
        found = samples(serving)

    def rise(name: str) -> float:
        return found[f"netchat_{name}"] - before[f"netchat_{name}"]

    assert found[f"netchat_info{{{__version__}}}"] == 1
    assert (found["netchat_users{connected}"], found["netchat_users{away}"]) == (3, 0)
    assert (found["netchat_rooms{open}"], found["netchat_rooms{private}"]) == (1, 1)
    assert found["netchat_ready"] == 1
    assert found["netchat_slow_readers"] == 0
    assert found["netchat_connections"] == found["netchat_links"] + 2 == 3
    # Five messages to two members; later, a private one, and Sourav's entering to three.
    for name, five in (("messages_total", 5), ("deliveries_total", 10)):
        assert said[f"netchat_{name}"] - before[f"netchat_{name}"] == five
    assert rise("messages_total") >= 6
    assert rise("deliveries_total") >= 10 + 2 + 3
    assert 0 < rise("received_bytes_total") < rise("sent_bytes_total")
    assert rise("delivery_latency_seconds_count") >= 7
    assert rise("commit_seconds_count") >= 3
    assert 0 < found["netchat_delivery_latency_seconds_sum"] < 60
    assert found["netchat_link_blocks_received_total"] > 0
    assert found["netchat_link_corrected_symbols_total"] > 0
    assert found["process_resident_memory_bytes"] > 10_000_000


def _room_event():
    from netchat.chat.client_events import RoomEvent

    return RoomEvent


async def test_a_closed_link_stays_in_the_totals() -> None:
    async with serve() as serving:
        path = ClientPath("hamming:7,4", "bsc:1e-3", seed=1)
        async with talker(serving.port, "Sourav", "lobby", path=path):
            during = samples(serving)
        async with asyncio.timeout(20):
            while serving.peers:
                await asyncio.sleep(0)
        after = samples(serving)
    assert (during["netchat_links"], after["netchat_links"]) == (1, 0)
    for name, _, _ in LINK_METRICS:
        assert after[f"netchat_{name}_total"] >= during[f"netchat_{name}_total"]
    assert during["netchat_link_blocks_sent_total"] > 0


async def test_both_formats_are_valid_and_the_same() -> None:
    async with serve() as serving:
        metrics = Metrics(serving.server, serving.log)
        text, plain_type = metrics.render("text/plain")
        body, open_type = metrics.render("application/openmetrics-text; version=1.0.0")
    assert plain_type.startswith("text/plain")
    assert open_type.startswith("application/openmetrics-text")
    modern = {
        _plain(family.name) for family in openmetrics.text_string_to_metric_families(body.decode())
    }
    plain = {_plain(family.name) for family in text_string_to_metric_families(text.decode())}
    assert modern == plain
    buckets = re.findall(r'netchat_commit_seconds_bucket\{le="(.*?)"\}', text.decode())
    assert buckets == [*map(str, BOUNDS), "+Inf"]


def _plain(name: str) -> str:
    """Return a name as the text format has it: OpenMetrics adds the suffix to the samples."""
    return name.removesuffix("_total").removesuffix("_info")


async def test_the_dashboard_shows_metrics_that_exist() -> None:
    async with serve() as serving:
        exported = {name.partition("{")[0] for name in samples(serving)}
    shown = set(re.findall(r"\b(?:netchat|process)_\w+", " ".join(QUERIES)))
    assert shown <= exported
    assert {panel["gridPos"]["w"] > 0 for panel in DASHBOARD["panels"]} == {True}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed")
async def test_prometheus_scrapes_the_metrics_and_answers_the_dashboard(tmp_path: Path) -> None:
    port = free_port()
    async with serve() as serving, talker(serving.port, "Nova", "lobby") as nova:
        nova.say("hello")
        await nova.until(lambda: nova.texts() == ["hello"])
        listener = MetricsListener(serving.server, serving.log)
        _, metrics_port = await listener.start("127.0.0.1", 0)
        file = tmp_path / "prometheus.yml"
        file.write_text(
            "global: {scrape_interval: 100ms, scrape_timeout: 100ms}\n"
            "scrape_configs: [{job_name: netchat, static_configs: "
            f'[{{targets: ["127.0.0.1:{metrics_port}"]}}]}}]\n',
            "utf-8",
        )
        process = await asyncio.create_subprocess_exec(
            "prometheus", f"--config.file={file}", f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
        )  # fmt: skip
        try:
            async with aiohttp.ClientSession() as session, asyncio.timeout(60):

                async def ask(query: str) -> list:
                    url = f"http://127.0.0.1:{port}/api/v1/query?query={quote(query)}"
                    async with session.get(url) as answer:
                        if answer.status == 503:  # it is starting
                            return []
                        found = await answer.json()
                        assert found["status"] == "success", (query, found)
                        return found["data"]["result"]

                rate = "rate(netchat_messages_total[1m])"  # two scrapes are needed
                while True:
                    try:
                        if await ask(rate):
                            break
                    except aiohttp.ClientConnectionError:
                        assert process.returncode is None
                    await asyncio.sleep(0.05)
                assert (await ask("netchat_messages_total"))[0]["value"][1] == "1"
                assert (await ask('up{job="netchat"}'))[0]["value"][1] == "1"
                for query in QUERIES:
                    assert await ask(query), query
        finally:
            process.kill()
            await process.wait()
            await listener.stop()
