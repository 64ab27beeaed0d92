"""Feed of the server's dashboard, as JSON over a WebSocket.

The viewer's first message carries the token, which viewers on this machine may omit. The server then
sends the samples of the last two minutes, followed by one update per second.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import time
from collections import Counter, deque
from collections.abc import Callable
from heapq import nsmallest
from typing import Any, NamedTuple

from aiohttp import WSCloseCode, WSMsgType, web

from netchat.chat.audit_text import audit_line
from netchat.chat.room_codes import read_code
from netchat.chat.room_moderation import MAX_ENTRIES
from netchat.chat.server_log import LogEntry, ServerLog, is_warning, log_line
from netchat.errors import HistoryError, NetchatError
from netchat.net.operator_view import (
    FigureSampler,
    export_room,
    list_rooms,
    list_users,
    moderation_request,
)
from netchat.net.server_driver import ServerDriver
from netchat.version import __version__
from netchat.wire.moderation_text import HOST

__all__ = ["Dashboard"]

#: Seconds between samples, and the number of samples that a new viewer receives.
EVERY, SAMPLES = 1.0, 120

#: Maximum number of simultaneous viewers.
MAX_VIEWERS = 20

#: Maximum number of updates queued for a slow viewer before it is disconnected.
MAX_WAITING = 30

#: Maximum number of listed rooms, and of listed slow readers: the largest and the slowest.
MAX_LISTED = 50

#: Maximum number of listed users.
MAX_USERS_LISTED = 500

#: Seconds to wait for the token, and to delay the answer to a wrong one.
TIMEOUT, PENALTY = 10.0, 1.0


class _Viewer(NamedTuple):
    """A viewer's socket, its queued updates and its connection."""

    socket: web.WebSocketResponse
    updates: asyncio.Queue[str]
    transport: asyncio.Transport


class Dashboard:
    """Samples the server's figures and sends them to viewers.

    Args:
        chat: The chat server.
        notes: Its log.
        token: Secret that admits viewers on other machines.
    """

    def __init__(self, chat: ServerDriver, notes: ServerLog, token: str) -> None:
        self._chat = chat
        self._notes = notes
        self._token = token.encode()
        self._sampler = FigureSampler(chat, notes)
        self._since = time.time()
        self._samples: deque[dict[str, Any]] = deque(maxlen=SAMPLES)
        self._sampled_count = notes.count
        self._viewers: list[_Viewer] = []
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Take a sample now and then once per second."""
        self._sample()

    async def stop(self) -> None:
        """Stop sampling and close all viewers' connections."""
        if self._timer is not None:
            self._timer.cancel()
        for viewer in list(self._viewers):
            await viewer.socket.close(code=WSCloseCode.GOING_AWAY)

    async def feed(self, request: web.Request, *, trusted: bool) -> web.StreamResponse:
        """Serve one viewer until it leaves.

        Args:
            request: The WebSocket handshake.
            trusted: Whether the viewer is admitted without a token.

        Returns:
            The closed WebSocket.
        """
        socket = web.WebSocketResponse(compress=False, max_msg_size=4096, timeout=1.0)
        await socket.prepare(request)
        refusal = await self._refusal(socket, trusted=trusted)
        if refusal or request.transport is None:
            with contextlib.suppress(ConnectionError):
                await socket.send_json({"refused": refusal})
                await socket.close(code=WSCloseCode.POLICY_VIOLATION)
            return socket
        viewer = _Viewer(socket, asyncio.Queue(MAX_WAITING), request.transport)
        viewer.updates.put_nowait(self._first_update())
        self._viewers.append(viewer)
        sending = asyncio.create_task(self._send(viewer))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._act(viewer, message.data)
        finally:
            self._viewers.remove(viewer)
            sending.cancel()
        return socket

    def _act(self, viewer: _Viewer, text: str) -> None:
        """Carry out what the operator requests: an action of a moderator, or a list."""

        def answer(**fields: Any) -> None:
            with contextlib.suppress(asyncio.QueueFull):
                viewer.updates.put_nowait(json.dumps({"answer": number, **fields}))

        number = 0
        try:
            request = json.loads(text)
            number = int(request["id"])
            what = str(request["do"])
            room = read_code(str(request["room"])) or ""
            if what == "bans":
                answer(bans=self._bans(room), problem="")
                return
            if what == "export":
                self._export(answer, room, str(request["format"]))
                return
            message = moderation_request(
                what,
                room,
                str(request.get("target", "")),
                text=str(request.get("text", "")),
                seconds=int(request.get("seconds", 0)),
                scope=int(request.get("scope", 0)),
            )
        except (ValueError, LookupError, TypeError, RecursionError, NetchatError) as error:
            answer(problem=f"This is not a valid request: {error}")
            return
        self._chat.moderate(message, lambda problem: answer(problem=problem))

    def _bans(self, code: str) -> list[dict[str, Any]]:
        """Return the bans of a room in force."""
        state = self._chat.state
        room = state.shared.rooms.get(code)
        rules = room.rules if room is not None else None
        now = int(time.time() * 1e6)
        found = rules.list_bans(0, now, MAX_ENTRIES) if rules is not None else []
        return [
            {
                "number": ban.number,
                "name": ban.name or ban.address or "an address",
                "until": ban.until / 1e6,
                "by": ban.actor or HOST,
                "reason": ban.reason,
            }
            for ban in found
        ]

    def _export(self, answer: Callable[..., None], code: str, suffix: str) -> None:
        """Send the log of a room, as far as the history has it."""
        content = export_room(self._chat.state, code, suffix)
        if content is None:
            answer(problem="There is no such room or format.")
        else:
            answer(problem="", file=f"{code}.{suffix}", content=content)

    async def _refusal(self, socket: web.WebSocketResponse, *, trusted: bool) -> str:
        """Return the reason for refusing a viewer, or an empty string."""
        try:
            first = await socket.receive(timeout=TIMEOUT)
            token = str(json.loads(first.data)["token"]) if first.type is WSMsgType.TEXT else ""
        except (TimeoutError, ValueError, LookupError, TypeError, RecursionError):
            token = ""
        if not trusted and not hmac.compare_digest(token.encode(errors="replace"), self._token):
            await asyncio.sleep(PENALTY)
            return "token"
        return "busy" if len(self._viewers) >= MAX_VIEWERS else ""

    async def _send(self, viewer: _Viewer) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await viewer.socket.send_str(await viewer.updates.get())

    # -- updates ----------------------------------------------------------------------------------

    def _sample(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY, self._sample)
        figures = self._sampler.sample()
        self._samples.append(
            {
                "time": figures.time,
                "users": figures.users,
                "away": figures.away,
                "connections": figures.connections,
                "rooms": figures.rooms,
                "slow": figures.slow,
                "messages": figures.messages,
                "in": figures.bytes_in,
                "out": figures.bytes_out,
                "troubles": figures.warnings,
                "cpu": figures.cpu,
                "memory": figures.memory,
            }
        )
        if self._viewers:
            log = list(self._notes.latest)[self._entries_before_sample() :]
            update = json.dumps({"samples": [self._samples[-1]], **self._current(log)})
            for viewer in self._viewers:
                try:
                    viewer.updates.put_nowait(update)
                except asyncio.QueueFull:
                    viewer.transport.abort()
        self._sampled_count = self._notes.count

    def _first_update(self) -> str:
        """Return the first update for a new viewer."""
        history = {"version": __version__, "since": self._since, "samples": list(self._samples)}
        # Later log entries come with the next sample.
        log = list(self._notes.latest)[: self._entries_before_sample()]
        return json.dumps({**history, **self._current(log)})

    def _entries_before_sample(self) -> int:
        """Return how many of the kept log entries precede the last sample."""
        new = self._notes.count - self._sampled_count
        return max(len(self._notes.latest) - new, 0)

    def _cluster(self) -> dict[str, Any]:
        """Return the servers of the cluster and their users; nothing without a cluster."""
        shared = self._chat.state.shared
        if self._chat.cluster is None:
            return {"servers": [], "people": []}
        counts = Counter(session.server for session in shared.sessions.values())
        sessions = nsmallest(MAX_LISTED, shared.sessions.values(), key=lambda one: one.name)
        return {
            "servers": [
                {
                    "address": address,
                    "users": counts[epoch],
                    "own": epoch == self._chat.state.server,
                }
                for epoch, address in shared.servers.items()
            ],
            "people": [
                {"name": one.name, "server": shared.servers.get(one.server, "")} for one in sessions
            ],
        }

    def _hosting(self) -> dict[str, Any]:
        """Return the users and the last actions of moderators."""
        users = list_users(self._chat.state, MAX_USERS_LISTED)
        try:
            audit = self._chat.audit(MAX_LISTED)
        except HistoryError:
            audit = []
        return {
            "users": [
                {"name": one.name, "away": one.is_away, "role": one.role, "rooms": one.rooms}
                for one in users
            ],
            "audit": [{"time": row.time / 1e6, "text": audit_line(row)} for row in audit],
        }

    def _current(self, log: list[LogEntry]) -> dict[str, Any]:
        state, now = self._chat.state, time.monotonic()
        slow = list(state.stalled_connections)[:MAX_LISTED]
        return {
            **self._hosting(),
            "rooms": [room._asdict() for room in list_rooms(state, MAX_LISTED)],
            **self._cluster(),
            "slow": [
                {
                    "name": peer.session.name if peer.session else "",
                    "address": peer.address,
                    "seconds": now - peer.stalled_since,
                }
                for peer in slow
            ],
            "log": [
                {
                    "time": at,
                    "event": note.event,
                    "text": log_line(note),
                    "trouble": is_warning(note),
                }
                for at, note in log
            ],
        }
