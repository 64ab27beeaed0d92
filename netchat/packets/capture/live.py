"""Live capture: packets recorded, optionally written to a file, and passed on.

    with Live("eth0", write="chat.pcapng") as live:
        for packets in live:
            ...

    kernel -> [read] -> queue -> [write] -> queue -> the caller

There are three threads. The first only moves packets out of the kernel's buffer, so that it keeps
up; the second writes them. Neither waits for the caller, so the file is complete however slow the
caller is.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

from netchat.errors import CaptureError, NotPermitted
from netchat.files import create_private
from netchat.packets.capture.embedded_secrets import EmbeddedSecrets
from netchat.packets.capture.packet import Packet
from netchat.packets.capture.packet_queue import PacketQueue
from netchat.packets.capture.rotation import RotatingWriter, Rotation
from netchat.packets.capture.writer import CaptureWriter, PcapngWriter, PcapWriter
from netchat.packets.tls.key_log import KeyLog
from netchat.wire import DEFAULT_PORT
from netchat.wording import cannot

__all__ = ["ANY", "Live"]

#: Name that selects all interfaces.
ANY = "any"

#: Seconds after which the caller gets an empty list if no packet arrived.
_TURN = 0.1

#: Capacity of each queue, in bytes. While the first is full, packets stay in the kernel, which
#: drops and counts them if necessary; while the second is full, packets are written but not passed
#: on.
MAX_WAITING = 256 * 1024 * 1024

#: Bytes written to the file at once. Every write may wait for the other thread.
_BUFFER = 4 * 1024 * 1024


#: Seconds by which packets are delayed if there is a key log, which may get its lines after the packets.
_SECRETS_DELAY = 0.25


class PacketSource(Protocol):
    """Source of live packets; see `AfPacketRing`."""

    link: int
    received: int
    dropped: int

    def read(self, timeout: float) -> Any: ...
    def parse(self, block: Any, number: int) -> list[Packet]: ...
    def stop(self) -> None: ...
    def count(self) -> None: ...
    def close(self) -> None: ...


class Live:
    """Live capture, used in a `with` block; iterating yields lists of packets.

    A list is empty if no packet arrived for a tenth of a second. After `stop`, packets captured
    before that are still yielded; then the iteration ends.

    Args:
        interface: Name of the interface; `any` for all.
        ports: TCP ports to capture; empty for all.
        write: Name of a file for the packets (pcap if it ends in `.pcap`, otherwise pcapng), or an open
            binary file, which stays open.
        rotate: Writes a set of files whose names begin with that of `write`; None writes one file.
        keys: TLS secrets; those of the captured connections are written to a pcapng file, before the
            packets that they decrypt.

    Attributes:
        packets: Number of packets captured.
        received: Number that passed the filter, by the kernel's count.
        dropped: Number of those dropped by the kernel, because they were not read in time.
        passed_over: Number captured but not passed on, because the caller was too slow.

    Raises:
        NotPermitted: This process may not capture packets.
        CaptureError: The interface does not exist, or the file cannot be written.
    """

    def __init__(
        self,
        interface: str = ANY,
        ports: Collection[int] = (DEFAULT_PORT,),
        *,
        write: str | Path | BinaryIO | None = None,
        rotate: Rotation | None = None,
        keys: KeyLog | None = None,
    ) -> None:
        self.packets: int = 0
        self.passed_over: int = 0
        # The file comes second, so that a refused capture does not overwrite an existing file.
        self._source = _open_source(interface, ports)
        try:
            self._file, self._writer = _open_file(write, interface, rotate)
        except CaptureError:
            self._source.close()
            raise
        self._written = write
        self._embedded = EmbeddedSecrets(keys) if keys is not None else None
        self._unwritten: PacketQueue[Any] = PacketQueue(MAX_WAITING)
        self._shown: PacketQueue[tuple[Any, int]] = PacketQueue(MAX_WAITING)
        self._stopping = False
        self._problem: CaptureError | None = None
        self._threads = [
            threading.Thread(target=self._run, args=(work,), name=f"capture {n}", daemon=True)
            for n, work in enumerate((self._take_all, self._write_all), 1)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def received(self) -> int:
        """Packets that passed the filter, by the kernel's count, up to the last second."""
        return self._source.received

    @property
    def dropped(self) -> int:
        """Packets that the kernel dropped, up to the last second."""
        return self._source.dropped

    @property
    def delay(self) -> float:
        """Seconds by which packets are delayed, so that their secrets are known."""
        return 0.0 if self._embedded is None else _SECRETS_DELAY

    @property
    def secrets(self) -> int:
        """TLS connections whose secrets were written to the file."""
        return self._embedded.connections if self._embedded is not None else 0

    @property
    def files(self) -> tuple[int, list[Path]]:
        """Number of files written, and those of them that were kept; for a capture with `rotate`."""
        writer = self._writer
        return (writer.count, writer.files) if isinstance(writer, RotatingWriter) else (0, [])

    @property
    def is_lagging(self) -> bool:
        """Whether packets wait for the caller."""
        return bool(self._shown)

    def stop(self) -> None:
        """Stop capturing; may be called at any time, even from a signal handler."""
        self._stopping = True

    def close(self) -> None:
        """Stop capturing, and complete the file."""
        self.stop()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[list[Packet]]:
        while True:
            try:
                block = self._shown.get(_TURN)
            except TimeoutError:
                yield []
                continue
            if block is None:
                break
            yield self._source.parse(*block)
        for thread in self._threads:
            thread.join()  # a thread closes its queue before it reports its error
        if self._problem is not None:
            raise self._problem

    # -- the other threads ----------------------------------------------------------------------

    def _run(self, work: Callable[[], None]) -> None:
        """Run a thread's work, and keep its first error for the caller."""
        try:
            work()
        except CaptureError as error:
            self._problem = self._problem or error
        except Exception as error:
            self._problem = self._problem or CaptureError(f"The capture has failed: {error!r}")
        finally:
            self._stopping = True

    def _take_all(self) -> None:
        """Read packets until stopped, then those that the kernel still holds."""
        source, counted, stopped = self._source, time.monotonic(), False
        try:
            while True:
                block = source.read(_TURN)
                if block is not None:
                    self._unwritten.put(block)
                elif stopped:
                    break
                if self._stopping and not stopped:
                    source.stop()
                    stopped = True
                if time.monotonic() - counted >= 1:
                    source.count()
                    counted = time.monotonic()
        finally:
            try:
                source.count()
                source.close()
            finally:
                self._unwritten.put(None)  # the other thread waits for it

    def _write_all(self) -> None:
        """Write packets, and pass them on; an OSError in this thread is about the file."""
        try:
            if self._writer is not None:
                self._writer.flush()  # the file is a valid capture from the beginning
            while (block := self._unwritten.get()) is not None:
                first = self.packets + 1
                packets = self._source.parse(block, first)
                self.packets += len(packets)
                if self._embedded is not None:
                    _wait_for_secrets(packets)
                if self._writer is not None:
                    self._write_secrets(packets)
                    for packet in packets:
                        self._writer.write(packet)
                    self._writer.flush()
                if not self._shown.offer((block, first)):
                    self.passed_over += len(packets)
            self._complete()
        except OSError as error:
            raise CaptureError(_cannot_write(self._written, error)) from error
        finally:
            self._unwritten.close()
            self._shown.close()
            if self._file is not None:
                with contextlib.suppress(OSError):
                    self._file.close()

    def _write_secrets(self, packets: list[Packet]) -> None:
        """Write the secrets of connections that began before or in these packets."""
        if self._embedded is None or self._writer is None or not self._writer.holds_secrets:
            return
        for packet in packets:
            self._embedded.look(packet.data)
        if key_log := self._embedded.take():
            self._writer.secrets(key_log)

    def _complete(self) -> None:
        if self._writer is None:
            return
        self._write_secrets([])
        self._writer.statistics(time.time_ns(), self.received, self.dropped)
        self._writer.close()


def _wait_for_secrets(packets: list[Packet]) -> None:
    """Give a TLS program time to log the secrets of the packets that it has just sent."""
    if packets:
        age = (time.time_ns() - packets[0].time) / 1e9
        time.sleep(min(max(0.0, _SECRETS_DELAY - age), _SECRETS_DELAY))


def _open_source(interface: str, ports: Collection[int]) -> PacketSource:
    try:
        if hasattr(socket, "AF_PACKET"):
            from netchat.packets.capture.afpacket import AfPacketRing

            return AfPacketRing(interface, ports)
        from netchat.packets.capture.libpcap import LibpcapSource

        return LibpcapSource(interface, ports)
    except PermissionError as error:
        raise NotPermitted("This process may not capture packets.") from error


def _open_file(
    path: str | Path | BinaryIO | None, interface: str, rotate: Rotation | None
) -> tuple[BinaryIO | RotatingWriter | None, CaptureWriter | None]:
    """Return the file to close, if any, and its writer."""
    if path is None:
        return None, None
    if not isinstance(path, (str, Path)):
        return None, PcapngWriter(path, interface)
    if str(path).endswith(".gz"):
        raise CaptureError(f"{path}: a live capture cannot be compressed; gzip the file afterwards")
    if rotate is not None:
        rotating = RotatingWriter(path, rotate, interface, buffering=_BUFFER)
        return rotating, rotating
    try:
        file = create_private(path, _BUFFER)  # closed by the thread
    except OSError as error:
        raise CaptureError(_cannot_write(path, error)) from error
    if str(path).endswith((".pcap", ".cap")):
        return file, PcapWriter(file)
    return file, PcapngWriter(file, interface)


def _cannot_write(file: object, error: OSError) -> str:
    return cannot("write", file if isinstance(file, (str, Path)) else "the capture", error)
