"""A mystery as a real lab: namespaces, real kernels, and the bridge with its faulty lines."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from netchat.errors import CaptureError
from netchat.lab import Lab
from netchat.mystery.capture_recorder import CableCapture, HostClock
from netchat.mystery.drawing import Mystery
from netchat.mystery.fault import HOSTS
from netchat.mystery.faulty_line import FaultyLine
from netchat.packets import PcapngWriter

__all__ = ["MysteryLab"]


class _CaptureFile:
    """Capture of a host's cable, which is written while it grows."""

    def __init__(self, folder: Path, host: str, clock: HostClock) -> None:
        self.path = folder / f"{host}.pcapng"
        self._capture = CableCapture(host, clock)
        self._out = PcapngWriter(self.path, host)
        _give_to_user(self.path)

    def add(self, seconds: float, frame: bytes) -> None:
        self._out.write(self._capture.add(seconds, frame))
        self._capture.packets.clear()

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> None:
        self._out.close()


class MysteryLab(Lab):
    """Lab with three hosts, in which something is wrong.

    Programs on the hosts chat and call each other until the lab ends. What each host's cable carries is
    written to a capture, by the host's own clock.

    Args:
        mystery: The mystery.
        folder: Folder of the captures `h1.pcapng`, `h2.pcapng` and `h3.pcapng`; created if necessary.
        name: Name of the lab.

    Raises:
        LabError: The lab cannot be created, or is already running (on entering).
        NotPermitted: This process may not create it (on entering).
        CaptureError: A capture cannot be written (on entering).
    """

    def __init__(self, mystery: Mystery, folder: Path, name: str = "lab") -> None:
        super().__init__(name, HOSTS, seed=0)
        self.mystery = mystery
        """The mystery."""
        self.folder = folder
        """Folder of the captures."""
        self._files: dict[str, _CaptureFile] = {}
        self._traffic: dict[tuple[str, str], FaultyLine] = {}
        self._zero = 0.0
        self._closing = contextlib.ExitStack()
        self._last_flush = 0.0
        self._writing = threading.Lock()

    def __enter__(self) -> Self:
        fault = self.mystery.fault
        is_new = not self.folder.exists()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CaptureError(f"Cannot create {self.folder}: {error.strerror}") from error
        if is_new:
            _give_to_user(self.folder)
        self._zero = time.monotonic()
        now = time.time_ns()
        with contextlib.ExitStack() as closing:
            for host in HOSTS:
                ppm = fault.size if self.mystery.at("clock-skew", host) else 0.0
                file = self._files[host] = _CaptureFile(self.folder, host, HostClock(now, ppm))
                closing.callback(file.close)
            super().__enter__()
            self._closing = closing.pop_all()
        for host in HOSTS:
            command = [sys.executable, "-P", "-m", "netchat.mystery.traffic"]
            slow = fault.size if self.mystery.at("slow-reader", host) else 0
            words = [host, self.mystery.seed, str(self.mystery.level), f"{slow:g}"]
            with Path(os.devnull).open("r+b") as nothing:
                self.start(host, [*command, *words], stdin=nothing, stdout=nothing, stderr=nothing)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            super().__exit__(kind, error, traceback)
        finally:
            with self._writing:
                self._closing.close()
                self._files.clear()

    def state(self) -> dict[str, Any]:
        """Return the lab's hosts and traffic, without the counters that would reveal the fault."""
        state = super().state()
        with self._writing:
            for file in self._files.values():
                file.flush()
        described = (
            f"something is wrong (--mystery {self.mystery.seed} --level {self.mystery.level})"
        )
        return state | {
            "seed": self.mystery.seed,
            "level": self.mystery.level,
            "mystery": True,
            "described": described,
            "impairments": {},
            "directions": [
                {"from": one, "to": other, "packets": line.packets, "bytes": line.bytes}
                for (one, other), line in sorted(self._traffic.copy().items())
            ],
            "captures": str(self.folder),
        }

    def _line(self, one: str, other: str) -> Any:
        line = FaultyLine(self.mystery, one, other, self._record, self._zero)
        self._traffic[one, other] = line
        return line

    def _record(self, host: str, now: float, frame: bytes) -> None:
        with self._writing:
            file = self._files.get(host)
            if file is None:
                return
            file.add(now - self._zero, frame)
            if now - self._last_flush > 0.5:  # so that `inspect` sees what has happened
                self._last_flush = now
                for each in self._files.values():
                    each.flush()


def _give_to_user(path: Path) -> None:
    """Give a file to the user who called sudo."""
    uid = int(os.environ.get("SUDO_UID", "0"))
    if uid:
        os.chown(path, uid, int(os.environ.get("SUDO_GID", str(uid))))
