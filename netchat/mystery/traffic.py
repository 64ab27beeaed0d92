"""`python -m netchat.mystery.traffic HOST SEED LEVEL READ_RATE`: a host's programs in a real mystery.

h1 runs a chat server; the others chat on it, as `script` says. All three call each other by UDP. It runs
until it is terminated; the script repeats. The program knows the seed only for its texts: faults are made by
the lab's bridge, except a slow reader's.
"""

from __future__ import annotations

import contextlib
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from netchat.chat.client import ChatClient
from netchat.chat.credentials import DEVICE_KEY_SIZE
from netchat.chat.outbox import ClientState
from netchat.errors import PeerError
from netchat.mystery.drawing import PERIOD, Mystery, draw
from netchat.mystery.fault import HOSTS
from netchat.mystery.script import CALL_PORT, CAPACITY, Say, calls, says
from netchat.wire import DEFAULT_PORT

__all__ = ["chat", "main"]

_ROOM = "lobby"

#: Seconds before a lost connection is opened again.
_PAUSE = 1.0


def main(arguments: list[str]) -> None:
    """Run the programs of a host.

    Args:
        arguments: Host, seed, level, and the rate in bytes per second at which a slow reader reads, or 0.
    """
    host, seed, level, rate = arguments
    mystery = draw(seed, int(level))
    threading.Thread(target=_call, args=(mystery, host), daemon=True).start()
    if host == HOSTS[0]:
        command = [sys.executable, "-P", "-m", "netchat", "serve", "--lan", "--ephemeral"]
        subprocess.run(command, check=False)  # noqa: S603 - this program
        return
    while True:
        with contextlib.suppress(OSError, PeerError):
            chat(mystery, host, float(rate))
        time.sleep(_PAUSE)


def chat(
    mystery: Mystery,
    host: str,
    read_rate: float = 0.0,
    server: str = "h1",
    port: int = DEFAULT_PORT,
) -> None:
    """Connect to the server, and say what the script says, until the connection is lost.

    Args:
        mystery: The mystery.
        host: This host.
        read_rate: Bytes per second to read; 0 for all that arrives.
        server: Address of the server.
        port: Its port.

    Raises:
        OSError: The connection cannot be opened, or is lost.
        PeerError: The server broke the protocol.
    """
    core = ChatClient(
        mystery.random(f"name {host}").choice(("Altair", "Deneb", "Mira", "Nova", "Vega"))
        + host[1],
        ClientState(device_key=mystery.random(f"key {host}").randbytes(DEVICE_KEY_SIZE)),
    )
    with socket.socket() as sock:
        if read_rate:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CAPACITY // 2)
        sock.settimeout(10)
        sock.connect((server, port))
        sock.setblocking(False)
        core.connected()
        core.join(_ROOM)
        begin, budget, last, out = time.monotonic(), 0.0, time.monotonic(), b""
        script: Iterator[Say] = iter(())
        following: Say | None = None
        while True:
            now = time.monotonic()
            if following is None:
                following = next(script, None)
                if following is None:
                    begin, script = now, iter(says(mystery, host))
                    continue
            if now - begin >= following.time:
                if _ROOM in core.memory.rooms:  # not before the room was joined
                    core.say(_ROOM, following.text)
                following = None
            out += core.data_to_send()
            budget = min(CAPACITY, budget + (now - last) * read_rate)
            last = now
            may_read = not read_rate or budget >= 64
            readable, writable, _ = select.select(
                [sock] if may_read else [], [sock] if out else [], [], 0.02
            )
            if readable:
                data = sock.recv(int(budget) if read_rate else 65536)
                if not data:
                    raise ConnectionResetError
                budget -= len(data)
                core.feed(data)
                core.take_events()
            if writable:
                out = out[sock.send(out) :]


def _call(mystery: Mystery, host: str) -> None:
    """Send the datagrams of this host's calls, and receive the others'."""
    others = {}
    for other in HOSTS:
        if other != host:
            sock = others[other] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(("", CALL_PORT))
            # Connected, so that the kernel numbers the datagrams in their IP identification.
            sock.connect((other, CALL_PORT))
            sock.setblocking(False)
    plan = sorted(
        (datagram.time, other, datagram.data)
        for (one, other), datagrams in calls(mystery).items()
        if one == host
        for datagram in datagrams
    )
    while True:
        begin = time.monotonic()
        for at, other, data in plan:
            while (wait := begin + at - time.monotonic()) > 0:
                readable, _, _ = select.select(list(others.values()), [], [], wait)
                for sock in readable:
                    with contextlib.suppress(OSError):
                        sock.recv(2048)
            with contextlib.suppress(OSError):
                others[other].send(data)
        time.sleep(max(0.0, begin + PERIOD - time.monotonic()))


if __name__ == "__main__":
    main(sys.argv[1:])
