"""TLS as an asyncio transport, for client and server.

asyncio's own `SSLProtocol` keeps buffers of 280 KiB for each connection, and cannot take over a connection
whose first bytes were read already. This layer has no buffers besides the bytes in transit.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any, cast

from netchat.errors import NetchatError, TlsError
from netchat.net.tls.handshake_queue import HandshakeQueue
from netchat.net.tls.problems import handshake_problem
from netchat.net.transport_shim import TransportShim

__all__ = ["TlsTransport"]

#: Encrypted bytes that are decrypted before other connections have their turn. They may hold 700
#: records, which take a millisecond.
SLICE = 16 * 1024

#: Size of the buffer for one record's plaintext (RFC 8446, 5.1).
_RECORD = 16 * 1024

#: Maximum number of bytes of a peer's handshake: a chain of certificates, or a long ClientHello.
_MAX_HANDSHAKE = 64 * 1024

#: Bytes without plaintext, such as KeyUpdate messages, that a peer may send beyond `_OVERHEAD_PER_BYTE`
#: for each byte of plaintext. A record of one byte has 22 bytes of overhead.
_MAX_OVERHEAD, _OVERHEAD_PER_BYTE = 64 * 1024, 32


class TlsTransport(TransportShim):
    """Layer that carries a protocol's bytes over TLS.

    Each write becomes one record, or several for more than 16 KiB. What the protocol writes during the
    handshake waits for its end. If the protocol pauses reading, received records stay encrypted.

    Args:
        upper: Protocol above.
        context: Context of the connection, which determines versions and certificates.
        is_server: Whether this is the server's side.
        host: Name or address of the server, for a client.
        session: Session of an earlier connection to resume, for a client.
        queue: Queue for the handshakes of a server; None sets no limit on their CPU time.
        share: Address group of the peer.
        timeout: Timeout for the handshake in seconds; None sets none.
        verify: Called after the handshake; raises `NetchatError` to refuse the peer.
        failed: Called with the reason if the handshake fails or a record is invalid; the callee closes
            the transport. By default, the transport closes itself.
        ended: Called at the end of a connection whose handshake was completed.

    Attributes:
        tls: State of the connection in OpenSSL.
        share: Address group of the peer.
        first: First bytes received, if the handshake has failed.
    """

    def __init__(
        self,
        upper: asyncio.Protocol,
        context: ssl.SSLContext,
        *,
        is_server: bool,
        host: str | None = None,
        session: ssl.SSLSession | None = None,
        queue: HandshakeQueue | None = None,
        share: str = "",
        timeout: float | None = None,
        verify: Callable[[ssl.SSLObject], None] | None = None,
        failed: Callable[[str], None] | None = None,
        ended: Callable[[ssl.SSLObject], None] | None = None,
    ) -> None:
        super().__init__(upper)
        self.share = share
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, is_server, host, session)
        self._queue = queue
        self._verify = verify
        self._failed = failed
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._timer = None if timeout is None else self._loop.call_later(timeout, self._time_out)
        self._announced = False
        self._is_established = False
        self._is_waiting = False  # for its turn in the queue
        self._is_broken = False
        self._is_half_closed = False
        self._closing = False
        self._reading = True
        self._lower_paused = False
        self._raw = b""  # received, and not given to OpenSSL yet
        self._pending: list[bytes] = []  # written during the handshake
        self._handshake_bytes = 0
        self.first = b""
        self._overhead = 0
        self._problem: BaseException | None = None
        self._opened: asyncio.Future[None] | None = None

    # -- the start ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the handshake on a new connection; the protocol above is connected after it."""
        self.lower = cast(asyncio.Transport, transport)
        self._handshake()

    def begin(self, transport: asyncio.Transport, data: bytes, *, announced: bool) -> None:
        """Take over a connection on which the first bytes of a handshake have arrived.

        Args:
            transport: Transport of the connection, which does not read.
            data: First bytes of the handshake.
            announced: Whether the protocol above is connected already, to this layer. Otherwise it is
                connected after the handshake.
        """
        self.lower, self._announced = transport, announced
        self._lower_paused = True
        transport.set_protocol(self)
        self.data_received(data)
        self._update_reading()

    async def opened(self) -> None:
        """Wait for the end of the handshake.

        Raises:
            OSError: The connection was lost.
            NetchatError: The handshake failed, or the peer is not trusted.
        """
        if self._is_established:
            return
        if self._opened is None:
            self._opened = self._loop.create_future()
            if self._problem is not None:
                self._opened.set_exception(self._problem)
        await self._opened

    # -- the handshake --------------------------------------------------------------------------

    def step(self) -> bool:
        """Continue the handshake with what has arrived; return False if it has failed.

        The queue of handshakes calls this.
        """
        self._is_waiting = False
        if self.lower.is_closing() or self._is_broken:
            return False
        self._handshake()
        if not self._is_broken:
            self._update_reading()
        return not self._is_broken

    def _handshake(self) -> None:
        self._handshake_bytes += len(self._raw)
        data, self._raw = self._raw, b""
        self._in.write(data)
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            if self._handshake_bytes > _MAX_HANDSHAKE:
                self._fail("the handshake is too long")
            return
        except (ssl.SSLError, OSError) as error:
            self._flush()  # the alert
            self.first = data
            self._fail(handshake_problem(error), error)
            return
        try:
            if self._verify is not None:
                self._verify(self.tls)
        except NetchatError as error:
            self._fail(str(error), error)
            return
        self._establish()

    def _establish(self) -> None:
        self._is_established = True
        if self._timer is not None:
            self._timer.cancel()
        if self._queue is not None:
            self._queue.forget(self, has_failed=False)
        self._flush()
        if not self._announced:
            self._announced = True
            self.upper.connection_made(self)
        for data in self._pending:
            self.write(data)
        self._pending.clear()
        if self._opened is not None and not self._opened.done():
            self._opened.set_result(None)
        if self._raw or self._in.pending:  # data arrived together with the end of the handshake
            self._decrypt()

    def _time_out(self) -> None:
        self._timer = None
        if not self._is_established and not self._is_broken:
            self._fail("the handshake was not completed in time")

    def _fail(self, why: str, cause: BaseException | None = None) -> None:
        """Stop because the peer violates TLS or is not trusted."""
        self._is_broken = True
        self._raw = b""
        self._pending.clear()
        self._problem = cause if isinstance(cause, NetchatError) else TlsError(why)
        if cause is not self._problem:
            self._problem.__cause__ = cause
        if self._queue is not None:
            self._queue.forget(self, has_failed=not self._is_established)
        if self._opened is not None and not self._opened.done():
            self._opened.set_exception(self._problem)
        if self._failed is not None:
            self._failed(why)
        else:
            self.lower.close()

    # -- receiving ------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Decrypt received bytes, and pass them up."""
        if self._is_half_closed:
            self.upper.data_received(data)  # it only counts them
            return
        if self._is_broken:
            return
        self._raw = self._raw + data if self._raw else data
        if self._is_established:
            self._decrypt()
        elif not self._is_waiting:
            if self._queue is None:
                self._handshake()
            else:
                self._is_waiting = True
                self._queue.run(self)
        self._update_reading()

    def _decrypt(self) -> None:
        """Decrypt a slice of what was received; the rest follows in a later turn."""
        data, self._raw = self._raw[:SLICE], self._raw[SLICE:]
        self._in.write(data)
        pieces = []
        is_over = False
        try:
            while piece := self.tls.read(_RECORD):
                pieces.append(piece)
            is_over = True  # the peer has sent close_notify
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLError, OSError) as error:
            self._flush()
            if pieces:
                self.upper.data_received(b"".join(pieces))
            self._fail(handshake_problem(error), error)
            return
        self._flush()
        plaintext = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._overhead += len(data) - len(plaintext) * (1 + _OVERHEAD_PER_BYTE)
        if self._overhead > _MAX_OVERHEAD:
            self._fail("the peer sends too many records without data")
            return
        self._overhead = max(0, self._overhead)
        if plaintext:
            self.upper.data_received(plaintext)
        if is_over:
            self.close()
        elif self._raw and self._reading:
            self._loop.call_soon(self._continue)

    def _continue(self) -> None:
        if self._raw and self._reading and self._can_receive():
            self._decrypt()
            if not self._is_broken:
                self._update_reading()

    def _can_receive(self) -> bool:
        return not (self._is_broken or self._is_half_closed or self.lower.is_closing())

    def _update_reading(self) -> None:
        """Let the transport below read unless there is enough to do."""
        if self._is_half_closed or self._is_broken:
            wanted = True
        elif self._is_established:
            wanted = self._reading and not self._raw
        else:
            wanted = not self._is_waiting
        if wanted is self._lower_paused and not self.lower.is_closing():
            self._lower_paused = not wanted
            if wanted:
                self.lower.resume_reading()
            else:
                self.lower.pause_reading()

    def pause_reading(self) -> None:
        """Stop passing bytes up."""
        self._reading = False
        self._update_reading()

    def resume_reading(self) -> None:
        """Resume passing bytes up."""
        self._reading = True
        if self._raw and self._is_established:
            self._loop.call_soon(self._continue)
        self._update_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the lost connection to the protocol above."""
        if self._timer is not None:
            self._timer.cancel()
        if self._queue is not None:
            self._queue.forget(self, has_failed=not self._is_established)
        self._raw = b""
        if self._is_established and self._ended is not None:
            self._ended(self.tls)
        if exc is None and isinstance(self._problem, Exception):
            exc = self._problem
        if self._announced:
            self.upper.connection_lost(exc)
        if self._problem is None and not self._is_established:
            self._problem = exc or TlsError("the server closed the connection during the handshake")
        if self._opened is not None and not self._opened.done():
            assert self._problem is not None
            self._opened.set_exception(self._problem)

    # -- sending --------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt bytes and send them."""
        if not self._is_established:
            if not self._is_broken:
                self._pending.append(bytes(data))
            return
        if self._is_broken or self._is_half_closed or self._closing or not data:
            return
        try:
            sent = self.tls.write(data)
            while sent < len(data):
                sent += self.tls.write(memoryview(data)[sent:])
        except (ssl.SSLError, OSError) as error:
            self._fail(handshake_problem(error), error)
            return
        if not self.lower.is_closing():
            self.lower.write(self._out.read())

    def _flush(self) -> None:
        if self._out.pending and not self.lower.is_closing() and not self._is_half_closed:
            self.lower.write(self._out.read())

    def _send_end(self) -> None:
        """Send close_notify, which shows the peer that nothing is missing."""
        if self._is_established and not self._is_broken:
            with contextlib.suppress(ssl.SSLError, OSError):
                self.tls.unwrap()
            self._flush()

    def close(self) -> None:
        """Close after sending buffered data and close_notify."""
        if not self._closing:
            self._closing = True
            self._send_end()
        self.lower.close()

    def abort(self) -> None:
        """Close at once and discard buffered data."""
        self._closing = True
        self.lower.abort()

    def can_write_eof(self) -> bool:
        """Return whether the transport below supports half-close."""
        return self.lower.can_write_eof()

    def write_eof(self) -> None:
        """Send close_notify and FIN; what the peer still sends is passed up as it is."""
        self._send_end()
        self._is_half_closed = True
        self._raw = b""
        self.lower.write_eof()

    def is_closing(self) -> bool:
        """Return whether the transport is closed or closing."""
        return self._closing or self.lower.is_closing()

    # -- information ----------------------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Set the protocol above."""
        self.upper = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol above."""
        return self.upper

    def get_write_buffer_size(self) -> int:
        """Return the number of unsent bytes."""
        return self.memory()[0]

    def memory(self) -> tuple[int, int]:
        """Return the numbers of unsent bytes, and of received bytes that were not passed up."""
        unsent, received = super().memory()
        return unsent + sum(map(len, self._pending)), received + len(self._raw)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return information about TLS, or about the connection below."""
        match name:
            case "ssl_object":
                return self.tls
            case "sslcontext":
                return self.tls.context
            case "cipher":
                return self.tls.cipher()
            case _:
                return self.lower.get_extra_info(name, default)
