"""The thread of the chat, without a window."""

from __future__ import annotations

import time

import pytest

from netchat.desktop.login import LoginValues
from netchat.desktop.updates import Changed, ChatEnded, LoginRefused
from netchat.desktop.worker import ChatWorker
from netchat.net.tls.client import TlsClient
from netchat.net.tls.trust import Trust
from netchat.tui.commands import ParsedLine
from tests.end_to_end.processes import Server, free_port

pytestmark = pytest.mark.slow


def updates_until(worker: ChatWorker, is_last) -> list:
    """Return the updates up to the first one for which a condition holds."""
    seen: list = []
    while not (seen and is_last(seen[-1])):
        seen.append(worker.updates.get(timeout=20))
    return seen


def texts(updates: list, key: str) -> list[str]:
    found: list[str] = []
    for update in updates:
        if isinstance(update, Changed):
            if key in update.replaced:
                found.clear()
            entries = update.replaced.get(key, ()) + update.appended.get(key, ())
            found += [entry.text for entry in entries]
    return found


def test_a_burst_of_messages_is_few_updates():
    with Server("--ephemeral", "--rate", "0") as server:
        worker = ChatWorker(
            LoginValues("Nova", port=server.port), lambda _: None, keeps_state=False
        )
        worker.start()
        seen = updates_until(worker, lambda u: isinstance(u, Changed) and "Nova" in u.state.people)
        begun = time.monotonic()
        for index in range(1_000):
            worker.run_command(ParsedLine("say", (f"message {index}",)))
        burst = updates_until(worker, lambda u: texts([u], "lobby")[-1:] == ["message 999"])
        seconds = time.monotonic() - begun
        shown = [text for text in texts(seen + burst, "lobby") if text.startswith("message ")]
        assert shown == [f"message {index}" for index in range(1_000)]
        assert len(burst) <= seconds / 0.03 + 2
        worker.leave()
        assert updates_until(worker, lambda u: isinstance(u, ChatEnded))[-1] == ChatEnded("")
        worker.join(10)
        worker.run_command(ParsedLine("say", ("too late",)))  # has no effect
        worker.leave()
        assert worker.updates.get(timeout=1) == ChatEnded("")


def test_over_tls_the_first_connection_is_announced(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "client"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "client"))
    environment = {"XDG_DATA_HOME": str(tmp_path / "s"), "XDG_STATE_HOME": str(tmp_path / "s")}
    with Server("--ephemeral", "--tls", environment=environment) as server:
        login = LoginValues("Nova", port=server.port, tls=True)
        worker = ChatWorker(
            login, lambda notify: TlsClient(Trust(notify=notify)), keeps_state=False
        )
        worker.start()
        seen = updates_until(worker, lambda u: not isinstance(u, Changed) or u.state.people)
        last = seen[-1]
        assert isinstance(last, Changed), last
        assert last.state.is_encrypted
        assert any("key" in text for text in texts(seen, "lobby"))
        worker.leave()
        updates_until(worker, lambda u: isinstance(u, ChatEnded))
        worker.join(10)


def test_a_server_that_does_not_exist_refuses_the_login(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    worker = ChatWorker(LoginValues("Nova", port=free_port()), lambda _: None)
    worker.start()
    refused = worker.updates.get(timeout=20)
    assert isinstance(refused, LoginRefused)
    assert "refused" in refused.why
    worker.join(10)
