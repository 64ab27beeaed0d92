"""The server's dashboard: a feed of what it does, for whoever may see it.

The first message of a feed carries the token, unless it comes from this machine. Then the server
sends the last two minutes at once, and what is new once a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import time
from collections import deque
from typing import Any, NamedTuple

import psutil
from aiohttp import WSCloseCode, WSMsgType, web

from netchat.chat.room_codes import show_code
from netchat.chat.server_log import LogEntry, ServerLog, is_warning, log_line
from netchat.net.chat_server import ChatServer
from netchat.version import __version__
from netchat.wire import RoomKind

__all__ = ["Dashboard"]

#: Seconds between two samples, and samples that a new viewer gets at once.
EVERY, SAMPLES = 1.0, 120

#: Viewers at a time; each gets all that is new once a second.
MAX_VIEWERS = 20

#: Updates that may wait for a viewer that takes in none. It has to come back for the rest.
MAX_WAITING = 30

#: Rooms and slow readers shown; the largest and the slowest.
SHOWN = 50

#: Seconds for the token to come, and for which who sent a wrong one waits for the answer.
TIMEOUT, PENALTY = 10.0, 1.0


class _Viewer(NamedTuple):
    """Who looks on, the updates that wait for it, and its connection."""

    socket: web.WebSocketResponse
    updates: asyncio.Queue[str]
    transport: asyncio.Transport


class Dashboard:
    """Samples what a server does, and feeds it to viewers.

    Args:
        chat: the server.
        notes: what it notes.
        token: who has it may look on from elsewhere.
    """

    def __init__(self, chat: ChatServer, notes: ServerLog, token: str) -> None:
        self._chat = chat
        self._notes = notes
        self._token = token.encode()
        self._process = psutil.Process()
        self._cpu, self._memory = 0.0, 0
        self._since = time.time()
        self._samples: deque[dict[str, Any]] = deque(maxlen=SAMPLES)
        self._heard = notes.count
        self._viewers: list[_Viewer] = []
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Take a sample now, and one a second from now on."""
        self._sample()

    async def stop(self) -> None:
        """Take no more samples; the viewers come back when the server does."""
        if self._timer is not None:
            self._timer.cancel()
        for viewer in list(self._viewers):
            await viewer.socket.close(code=WSCloseCode.GOING_AWAY)

    async def feed(self, request: web.Request, *, trusted: bool) -> web.StreamResponse:
        """Serve one viewer until it leaves.

        Args:
            request: its handshake.
            trusted: it need not have the token.
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
        viewer.updates.put_nowait(self._all())
        self._viewers.append(viewer)
        sending = asyncio.create_task(self._send(viewer))
        try:
            async for _ in socket:  # nothing more is expected: this ends when it leaves
                pass
        finally:
            self._viewers.remove(viewer)
            sending.cancel()
        return socket

    async def _refusal(self, socket: web.WebSocketResponse, *, trusted: bool) -> str:
        """Why a viewer may not look on; empty if it may."""
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

    # -- what is told -----------------------------------------------------------------------------

    def _sample(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY, self._sample)
        # Reading /proc takes a file descriptor, and there may be none.
        with contextlib.suppress(OSError, psutil.Error):
            self._cpu = self._process.cpu_percent()
            self._memory = self._process.memory_info().rss
        hub, traffic = self._chat.hub, self._chat.traffic
        self._samples.append(
            {
                "time": time.time(),
                "users": len(hub.sessions) - len(hub.away),
                "away": len(hub.away),
                "connections": len(hub.connections),
                "rooms": sum(room.kind is not RoomKind.PRIVATE for room in hub.rooms.values()),
                "slow": len(hub.stalled_connections),
                "messages": traffic.messages,
                "in": traffic.bytes_in,
                "out": traffic.bytes_out,
                "troubles": self._notes.warnings,
                "cpu": self._cpu,
                "memory": self._memory,
            }
        )
        if self._viewers:
            log = list(self._notes.latest)[self._told() :]
            update = json.dumps({"samples": [self._samples[-1]], **self._now(log)})
            for viewer in self._viewers:
                try:
                    viewer.updates.put_nowait(update)
                except asyncio.QueueFull:
                    viewer.transport.abort()
        self._heard = self._notes.count

    def _all(self) -> str:
        """What a new viewer is told."""
        known = {"version": __version__, "since": self._since, "samples": list(self._samples)}
        log = list(self._notes.latest)[: self._told()]  # the others come with the next sample
        return json.dumps({**known, **self._now(log)})

    def _told(self) -> int:
        """How many of the latest notes came before the last sample."""
        new = self._notes.count - self._heard
        return max(len(self._notes.latest) - new, 0)

    def _now(self, log: list[LogEntry]) -> dict[str, Any]:
        hub, now = self._chat.hub, time.monotonic()
        rooms = sorted(hub.rooms.values(), key=lambda room: -len(room.members))
        slow = list(hub.stalled_connections)[:SHOWN]
        return {
            "rooms": [
                {
                    "code": show_code(room.code),
                    "members": len(room.members),
                    "live": len(room.live),
                    "events": room.delivered,
                }
                for room in rooms
                if room.kind is not RoomKind.PRIVATE
            ][:SHOWN],
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
