"""A mystery as a real lab: namespaces, real kernels, and the bridge with its faulty lines."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from netchat.errors import CaptureError
from netchat.files import create_new, give_to_sudo_user
from netchat.lab import Lab
from netchat.mystery.capture_recorder import CableCapture, HostClock
from netchat.mystery.drawing import Mystery
from netchat.mystery.fault import HOSTS
from netchat.mystery.faulty_line import FaultyLine
from netchat.packets import PcapngWriter
from netchat.wording import cannot

__all__ = ["MysteryLab"]


class _CaptureFile:
    """Capture of a host's cable, which is written while it grows.

    Args:
        path: The file, for errors.
        folder: Descriptor of its folder.
        host: The host.
        clock: The host's clock.

    Raises:
        CaptureError: The file cannot be created.
    """

    def __init__(self, path: Path, folder: int, host: str, clock: HostClock) -> None:
        self._capture = CableCapture(host, clock)
        with contextlib.ExitStack() as closing:
            try:
                self._file = closing.enter_context(create_new(path.name, folder=folder))
                give_to_sudo_user(self._file.fileno())
            except OSError as error:
                raise CaptureError(cannot("write", path, error)) from error
            self._out = PcapngWriter(self._file, host)
            closing.pop_all()

    def add(self, seconds: float, frame: bytes) -> None:
        self._out.write(self._capture.add(seconds, frame))
        self._capture.packets.clear()

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> None:
        with self._file:
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
        self._zero = time.monotonic()
        now = time.time_ns()
        with contextlib.ExitStack() as closing, _opened(self.folder) as folder:
            for host in HOSTS:
                path = self.folder / f"{host}.pcapng"
                ppm = fault.size if self.mystery.at("clock-skew", host) else 0.0
                file = self._files[host] = _CaptureFile(path, folder, host, HostClock(now, ppm))
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


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """Yield the descriptor of a folder; if it is new, the user who called sudo owns it."""
    with contextlib.ExitStack() as closing:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            # By descriptors: other users may replace the folders above by links at any time.
            parent = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
            closing.callback(os.close, parent)
            try:
                os.mkdir(folder.name, dir_fd=parent)
                links = os.O_NOFOLLOW
            except FileExistsError:
                links = 0  # the user may have linked it to another disk
            flags = os.O_RDONLY | os.O_DIRECTORY | links
            descriptor = os.open(folder.name, flags, dir_fd=parent)
            closing.callback(os.close, descriptor)
            if links:
                give_to_sudo_user(descriptor)
        except OSError as error:
            raise CaptureError(cannot("create", folder, error)) from error
        yield descriptor
