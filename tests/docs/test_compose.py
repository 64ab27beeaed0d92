"""`docs/compose.yaml` and its Dockerfile: valid, and consistent with netchat's options."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess

import pytest
import yaml

from netchat.net.cluster.persistence_check import SETTINGS
from tests.docs.blocks import ROOT
from tests.docs.parse import parse

PATH = ROOT / "docs" / "compose.yaml"
COMPOSE = yaml.safe_load(PATH.read_text("utf-8"))
REDIS = COMPOSE["services"]["redis"]
SERVERS = {name: each for name, each in COMPOSE["services"].items() if name != "redis"}

#: Commands that check the file; none needs a running Docker.
CHECKERS = (["docker", "compose"], ["docker-compose"])


def option(command: str, name: str) -> str:
    """Return the value of an option in a command."""
    words = shlex.split(command)
    return words[words.index(name) + 1]


def checker() -> list[str] | None:
    """Return the first installed command that checks the file."""
    for command in CHECKERS:
        if shutil.which(command[0]):
            version = subprocess.run([*command, "version"], capture_output=True, check=False)
            if version.returncode == 0:
                return command
    return None


def test_redis_keeps_what_it_acknowledges() -> None:
    for setting, required, _ in SETTINGS:
        assert option(REDIS["command"], f"--{setting}") == required
    assert REDIS["volumes"] == ["redis:/data"]


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_reachable_at_its_advertised_addresses(name: str) -> None:
    command, ports = SERVERS[name]["command"], SERVERS[name]["ports"]
    assert parse(shlex.split(command)) == 0
    chat, page = option(command, "--advertise"), option(command, "--advertise-page")
    assert f"{chat}:{option(command, '--port')}" in ports
    assert f"{page.removeprefix('http://')}:{option(command, '--web-port')}" in ports
    assert option(command, "--cluster") == "redis://redis:6379/0"
    assert SERVERS[name]["volumes"] == [f"{name}:/data"]
    assert option(command, "--history").startswith("/data/")


def test_no_two_servers_share_a_port_or_a_volume() -> None:
    assert len(SERVERS) == 3
    ports = [port for server in SERVERS.values() for port in server["ports"]]
    assert len(set(ports)) == len(ports) == 6
    assert COMPOSE["volumes"].keys() == COMPOSE["services"].keys()


def test_the_image_has_what_the_build_needs() -> None:
    build = SERVERS["east"]["build"]
    assert (PATH.parent / build["context"]).resolve() == ROOT
    text = (ROOT / build["dockerfile"]).read_text("utf-8")
    lines = re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.M)
    copied = {name for line in lines for name in line.split()}
    assert all((ROOT / name).exists() for name in copied)
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    needed = re.findall(r'^(?:readme|license-files) = \[?"(\S+)"', project, re.M)
    needed += re.findall(r'^"(\S+)" = "share', project, re.M)
    assert {"pyproject.toml", "requirements.lock", "netchat", *needed} == copied


def test_the_image_has_the_locked_redis_client() -> None:
    text = (ROOT / "docs" / "Dockerfile").read_text("utf-8")
    (pinned,) = re.findall(r'"redis\[hiredis\]==([\d.]+)"', text)
    assert f"\nredis=={pinned} " in (ROOT / "requirements-dev.lock").read_text("utf-8")


def test_the_image_is_rootless_and_its_health_check_reads_the_metrics_port() -> None:
    text = (ROOT / "docs" / "Dockerfile").read_text("utf-8")
    final = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d+$", final, re.M)
    (metrics,) = re.findall(r"NETCHAT_SERVE_METRICS=\S+:(\d+)", final)
    assert f"http://127.0.0.1:{metrics}/healthz" in final
    (command,) = re.findall(r"^CMD (.*)$", final, re.M)
    assert parse(json.loads(command)) == 0


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed")
def test_hadolint_accepts_the_dockerfile() -> None:
    done = subprocess.run(
        ["hadolint", ROOT / "docs" / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.skipif(checker() is None, reason="Docker Compose is not installed")
def test_docker_compose_accepts_the_file() -> None:
    command = checker()
    assert command is not None
    done = subprocess.run(
        [*command, "-f", PATH, "config", "--quiet"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
