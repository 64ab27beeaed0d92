"""Problems in the configuration of a Redis, and their remedies."""

from __future__ import annotations

import pytest

from netchat.net.cluster.persistence_check import SETTINGS, problems, version_problem

CLI = "redis-cli -h 10.0.0.1 -p 6380"
GOOD = {name: value for name, value, _ in SETTINGS}


def test_a_redis_that_keeps_everything() -> None:
    assert problems({}, GOOD, CLI) is None


@pytest.mark.parametrize("name", GOOD)
def test_each_wrong_setting_is_named_with_its_remedy(name: str) -> None:
    text = problems({}, {**GOOD, name: "other"}, CLI)
    assert text is not None
    assert f"{name} is other, not {GOOD[name]}: " in text
    assert text.count("CONFIG SET") == 1
    assert f"  {CLI} CONFIG SET {name} {GOOD[name]}\n  {CLI} CONFIG REWRITE\n" in text
    assert text.endswith("--cluster-durability none")


def test_without_a_configuration_file_there_is_nothing_to_rewrite() -> None:
    text = problems({"config_file": ""}, {**GOOD, "appendfsync": "everysec"}, CLI)
    assert text is not None
    assert "CONFIG REWRITE" not in text
    assert "start it with: --appendfsync always\n" in text


def test_without_config_get_info_shows_some_settings() -> None:
    info = {"aof_enabled": "0", "maxmemory_policy": "allkeys-lru"}
    text = problems(info, None, CLI)
    assert text is not None
    assert "appendonly is no, not yes" in text
    assert "maxmemory-policy is allkeys-lru, not noeviction" in text
    assert "appendfsync, no-appendfsync-on-rewrite: unknown" in text
    assert f"{CLI} ACL SETUSER NAME +config|get" in text


@pytest.mark.parametrize("version", ["7.0.0", "7.4.1", "8.0.2", "10.1"])
def test_supported_versions(version: str) -> None:
    assert version_problem({"redis_version": version}) is None


@pytest.mark.parametrize("info", [{"redis_version": "6.2.14"}, {"redis_version": "x"}, {}])
def test_other_versions(info: dict[str, str]) -> None:
    text = version_problem(info)
    assert text is not None
    assert text.startswith("Redis must be version 7 or later, and this is ")
