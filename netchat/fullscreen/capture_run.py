"""Running the browser for a file or for a live capture."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from pathlib import Path

from netchat.errors import CaptureError
from netchat.fullscreen.capture_app import CaptureApp
from netchat.packets.browse.capture import BrowsedCapture
from netchat.packets.capture.packet import Packet
from netchat.packets.decode.decoder import Decoder
from netchat.packets.sniffer import Sniffer
from netchat.packets.views.sealed import Opener

__all__ = ["browse_file", "browse_live"]


def browse_file(
    path: str,
    decoder: Decoder,
    *,
    ports: Iterable[int],
    line: str = "",
    opener: Opener | None = None,
    clock: bool = False,
    is_dark: bool = True,
) -> int:
    """Browse a capture file until the user quits.

    Args:
        path: Name of the file.
        decoder: Decoder of the packets.
        ports: Ports of chat servers.
        line: Filter to begin with.
        opener: Opens sealed messages.
        clock: Show the time of day.
        is_dark: Use a dark theme.

    Returns:
        Exit code.

    Raises:
        CaptureError: The file cannot be opened, or is no capture.
    """
    capture = BrowsedCapture.open(path, decoder)
    try:
        capture.index(0.05)
        if capture.problem and not len(capture.packets):
            raise CaptureError(capture.problem)
        app = CaptureApp(
            capture, Path(path).name, ports=ports, line=line, opener=opener, clock=clock,
            is_dark=is_dark,
        )  # fmt: skip
        return app.run() or 0
    finally:
        capture.close()


class LiveApp(CaptureApp):
    """Browser of a live capture.

    Args:
        sniffer: The capture.
        title: Name of the interface.
        ports: Ports of chat servers.
        line: Filter to begin with.
        opener: Opens sealed messages.
        is_dark: Use a dark theme.
    """

    def __init__(
        self,
        sniffer: Sniffer,
        title: str,
        *,
        ports: Iterable[int] = (),
        line: str = "",
        opener: Opener | None = None,
        is_dark: bool = True,
    ) -> None:
        super().__init__(
            BrowsedCapture(sniffer.decoder), title, ports=ports, line=line, opener=opener, clock=True,
            is_dark=is_dark, set_paused=self._set_running,
        )  # fmt: skip
        self._sniffer = sniffer
        self._unpaused = threading.Event()
        self._unpaused.set()
        self._is_over = False
        self._listener = threading.Thread(target=self._listen, name="browser", daemon=True)
        self._own_loop: asyncio.AbstractEventLoop | None = None

    def on_mount(self) -> None:
        """Begin to listen."""
        super().on_mount()
        self._own_loop = asyncio.get_running_loop()
        self.set_interval(0.2, self.update)
        self._listener.start()

    def _set_running(self, is_paused: bool) -> None:
        if is_paused:
            self._unpaused.clear()
        else:
            self._unpaused.set()

    def _listen(self) -> None:
        """Pass packets on to the app, from the thread that waits for them."""
        problem = ""
        try:
            for packets in self._sniffer.live:
                # While the app is paused or busy, packets wait in the capture's queue.
                self._unpaused.wait()
                if self._is_over:
                    break
                assert self._own_loop is not None
                asyncio.run_coroutine_threadsafe(self._take(packets), self._own_loop).result()
        except CaptureError as error:
            problem = str(error)
        if not self._is_over and self._own_loop is not None:
            self._own_loop.call_soon_threadsafe(self._end_capture, problem)

    async def _take(self, packets: list[Packet]) -> None:
        if not self._is_over:
            self.capture.feed(packets, self._sniffer.decode)
            self.capture.add_late(self._sniffer.tick())
            self._has_work.set()

    def _end_capture(self, problem: str) -> None:
        """Show that no more packets follow."""
        self.capture.add_late(self._sniffer.finish())
        self.capture.problem = problem
        self.is_live = False
        self._has_work.set()
        self.update()

    def close(self) -> None:
        """Stop the capture and its thread."""
        self._is_over = True
        self._unpaused.set()
        self._sniffer.stop()


def browse_live(
    sniffer: Sniffer,
    title: str,
    *,
    ports: Iterable[int],
    line: str = "",
    opener: Opener | None = None,
    is_dark: bool = True,
) -> int:
    """Browse a live capture until the user quits.

    Args:
        sniffer: The capture.
        title: Name of the interface.
        ports: Ports of chat servers.
        line: Filter to begin with.
        opener: Opens sealed messages.
        is_dark: Use a dark theme.

    Returns:
        Exit code.
    """
    app = LiveApp(sniffer, title, ports=ports, line=line, opener=opener, is_dark=is_dark)
    try:
        return app.run() or 0
    finally:
        app.close()
        app.capture.close()
