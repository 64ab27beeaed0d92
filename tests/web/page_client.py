"""Adapter that gives the page's client the interface of `ChatClient`.

With it, the tests of the Python client in `tests/chat` also run on the page's client.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from netchat import errors
from netchat.chat.client import ChatClient
from netchat.chat.client_events import (
    ActionCompleted,
    BansReceived,
    ClientEvent,
    EventsMissed,
    HistoryReceived,
    NameChanged,
    NameRejected,
    Online,
    RequestRefused,
    RoomDescribed,
    RoomEntered,
    RoomEvent,
    RoomLeft,
    RosterReceived,
    SearchCompleted,
    SessionEnded,
    Undelivered,
    WarningReceived,
)
from netchat.chat.outbox import ClientState
from netchat.errors import EncodeError, PeerError
from netchat.web.site import PAGE
from netchat.wire import MESSAGES, BannedUser, Error, Event, FoundMessage, Member, RoomKind

__all__ = ["NODE", "Node", "PageClient"]

NODE = shutil.which("node")

_DECLARED = {declared.NAME: declared for declared in MESSAGES.values()}


def _revive(value: dict[str, Any]) -> Any:
    if "big" in value:
        return int(value["big"])
    return bytes.fromhex(value["hex"]) if "hex" in value else value


def _plain(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return {"hex": value.hex()} if isinstance(value, bytes) else value


class Node:
    """Node process that runs the page's clients."""

    def __init__(self) -> None:
        assert NODE is not None
        self._ids = itertools.count()
        # Without package.json, node before version 22 loads .js files as CommonJS.
        self._folder = tempfile.TemporaryDirectory()
        for file in PAGE.glob("*.js"):
            shutil.copy(file, self._folder.name)
        Path(self._folder.name, "package.json").write_text('{"type": "module"}')
        self._process = subprocess.Popen(
            [NODE, str(Path(__file__).with_name("page_core.mjs")), self._folder.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def client(self, name: str, memory: ClientState | None = None) -> PageClient | ChatClient:
        """Create a client, as `ChatClient` does."""
        if memory is not None:  # a second client with the state of a Python one
            return ChatClient(name, memory)
        return PageClient(self, next(self._ids), name)

    def call(self, number: int, call: str, *args: object) -> dict[str, Any]:
        """Call a client's method and return its answer."""
        ask = {"id": number, "call": call, "args": [_plain(a) for a in args]}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(ask) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "node has ended"
        return dict(json.loads(answer, object_hook=_revive))

    def close(self) -> None:
        """Stop the process."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
        self._folder.cleanup()


class PageClient:
    """Client of the page with the interface of `netchat.chat.client.ChatClient`."""

    credentials = None
    is_encrypted = False

    def __init__(self, node: Node, number: int, name: str) -> None:
        self._node, self._number = node, number
        self._out = bytearray()
        self._events: list[ClientEvent] = []
        self.is_name_refused = False
        self._call("new", name)

    def _call(self, call: str, *args: object) -> Any:
        answer = self._node.call(self._number, call, *args)
        self._out += bytes.fromhex(answer["out"])
        events = [_event(h) for h in answer["events"]]
        self._events += events
        if call in ("connected", "introduce"):
            self.is_name_refused = False
        self.is_name_refused |= any(isinstance(event, NameRejected) for event in events)
        state = answer["state"]
        self.name, self.online, self.ended = state["name"], state["online"], state["ended"]
        self.unsent = state["unsent"]
        self.requests = dict.fromkeys(range(state["requests"]))
        self.history_replies = dict.fromkeys(range(state["past"]))
        self.gap_requests = set(range(state["holes"]))
        self.memory = SimpleNamespace(
            rooms={
                room["code"]: SimpleNamespace(**{**room, "kind": RoomKind(room["kind"])})
                for room in state["rooms"]
            },
            private=dict(state["private"]),
            counter=state["counter"],
            token=state["token"],
            device_key=state["device_key"],
        )
        problem = answer.get("problem")
        if problem is not None:
            if call == "feed":
                # As in Python: a codec error, or a message that is unexpected in this state.
                raised = getattr(errors, problem.get("kind", "Unexpected"))(problem["text"])
                assert isinstance(raised, PeerError)
                raise raised
            if problem["name"] == "EncodeError":
                raise EncodeError(problem["text"])
            if problem["text"].startswith("not in the room"):
                raise KeyError(problem["text"])
            raise AssertionError(problem)
        return answer["result"]

    def data_to_send(self) -> bytes:
        data = bytes(self._out)
        self._out.clear()
        return data

    def take_events(self) -> list[ClientEvent]:
        events, self._events = self._events, []
        return events

    def connected(self) -> None:
        self._out.clear()
        self._call("connected")

    def lost(self) -> None:
        self._out.clear()
        self._call("lost")

    def reload(self) -> None:
        """Close the page and reopen it with its stored state."""
        self._out.clear()
        self._call("reload")

    def feed(self, data: bytes) -> None:
        self._call("feed", data)

    def history(self, room: str, count: int, before: int | None = None) -> None:
        self._call("history", room, count, *([] if before is None else [{"big": str(before)}]))

    def annotate(self, room: str, kind: int, target: int, text: str = "") -> None:
        self._call("annotate", room, int(kind), {"big": str(target)}, text)

    def moderate(
        self,
        room: str,
        action: int,
        target: str = "",
        text: str = "",
        *,
        seconds: int = 0,
        scope: int = 0,
    ) -> None:
        fields = {"target": target, "text": text, "seconds": seconds, "scope": scope}
        self._call("moderate", room, int(action), fields)

    def __getattr__(self, name: str) -> Any:
        if name not in (
            *("send_hello", "ping", "say", "send_private", "join", "create", "leave", "who"),
            *("rename", "bye", "bans", "search"),
        ):
            raise AttributeError(name)
        call = {"send_hello": "introduce", "send_private": "tell"}.get(name, name)
        return lambda *args: self._call(call, *args)


def _message(name: str, values: dict[str, Any]) -> Any:
    return _DECLARED[name](**values)


def _event(fields: dict[str, Any]) -> ClientEvent:
    what = fields.pop("what")
    match what:
        case "roomEvent":
            event = Event(**fields["event"])
            return RoomEvent(
                event, RoomKind(fields["kind"]), fields["peer"], fields["own"], fields["late"]
            )
        case "entered":
            fields["kind"] = RoomKind(fields["kind"])
            del fields["known"]
            return RoomEntered(**fields)
        case "past":
            events = tuple(Event(**event) for event in fields["events"])
            return HistoryReceived(fields["room"], events, fields["oldest"])
        case "found":
            messages = tuple(FoundMessage(**message) for message in fields["messages"])
            return SearchCompleted(fields["room"], messages, fields["searched"])
        case "people":
            members = tuple(Member(**member) for member in fields["members"])
            return RosterReceived(fields["room"], fields["total"], members, fields["more"])
        case "roomState":
            return RoomDescribed(
                fields["room"],
                fields["title"],
                fields["role"],
                fields["locked"],
                fields["readOnly"],
            )
        case "moderated":
            return ActionCompleted(fields["room"], fields["action"])
        case "banList":
            bans = tuple(BannedUser(**ban) for ban in fields["bans"])
            return BansReceived(fields["room"], bans, fields["more"])
        case "declined":
            asked = fields.get("request")
            request = _message(asked["name"], asked["fields"]) if asked else None
            return RequestRefused(Error(**fields["error"]), request)
        case "warned":
            return WarningReceived(Error(**fields["error"]))
        case "undelivered":
            return Undelivered(fields["text"], fields["why"])
    plain = {
        "online": Online,
        "ended": SessionEnded,
        "refused": NameRejected,
        "renamed": NameChanged,
        "left": RoomLeft,
        "missed": EventsMissed,
    }
    made = plain[what](**fields)
    assert isinstance(made, ClientEvent)
    return made
