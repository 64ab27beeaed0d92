"""Standard streams that cannot break a command; `main` hardens them once, for all commands.

- Characters that the encoding lacks are escaped: `\\u2026`.
- If the reader of a pipe exits (`netchat … | head`), the command ends without an error.
- If standard output cannot be written (disk full), the command prints one line and exits with code 1.
- If standard error cannot be written, the command finishes its work and exits with code 1.
- A stream that the caller closed (`netchat … >&-`) is replaced by the null device.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import select
import sys

from netchat.exit_codes import FAILED, OK

__all__ = ["finish", "harden"]

#: ASCII under a name that click does not know: click writes UTF-8 to a stream whose encoding is
#: called ASCII.
_ASCII = "netchat_ascii"


class _Output(io.FileIO):
    """Raw stream of standard output or standard error.

    A failed write raises SystemExit, which ends an event loop. An event loop would log an OSError
    with a traceback and continue.
    """

    def __init__(self, number: int, name: str) -> None:
        super().__init__(number, "w", closefd=False)
        self.failed = False
        self._what = name
        self._terminal = self.isatty()

    def write(self, data: bytes) -> int:  # type: ignore[override] # any buffer
        """Write some of the bytes and return their number.

        Raises:
            SystemExit: The stream cannot be written.
        """
        try:
            while (written := super().write(data)) is None:  # non-blocking, and full
                select.select([], [self], [])
        except OSError as error:
            # Discard what is still buffered, so that Python does not report an error at exit.
            _to_null(self.fileno())
            if isinstance(error, ConnectionError) or self._terminal:  # the reader has exited
                raise SystemExit(OK) from None
            self.failed = True
            if self.fileno() == 2:
                return len(data)
            print(f"netchat: cannot write {self._what}: {error.strerror}", file=sys.stderr)  # noqa: T201
            raise SystemExit(FAILED) from None
        return written


def harden() -> None:
    """Replace the standard streams with hardened ones."""
    codecs.register(_find_codec)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            _to_null(number)
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, closefd=False, encoding="utf-8"))  # noqa: SIM115
    sys.stdout = _hardened(sys.stdout, "standard output")
    sys.stderr = _hardened(sys.stderr, "standard error")


def finish(status: int) -> int:
    """Flush the standard streams.

    Args:
        status: Exit code of the command.

    Returns:
        The exit code; FAILED instead of OK if output could not be written.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(SystemExit):
            stream.flush()
    raws = (
        getattr(getattr(stream, "buffer", None), "raw", None) for stream in (sys.stdout, sys.stderr)
    )
    failed = any(isinstance(raw, _Output) and raw.failed for raw in raws)
    return FAILED if failed and status == OK else status


def _hardened(stream: object, name: str) -> io.TextIOWrapper:
    assert isinstance(stream, io.TextIOWrapper)
    buffer = stream.buffer
    if not isinstance(getattr(buffer, "raw", buffer), io.FileIO):  # a Windows console
        stream.reconfigure(errors="backslashreplace")
        return stream
    stream.flush()
    encoding = codecs.lookup(stream.encoding).name
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(stream.fileno(), name)),  # type: ignore[type-var] # typeshed's RawIOBase
        encoding=_ASCII if encoding == "ascii" else encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _to_null(number: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    if nothing == number:
        os.set_inheritable(number, True)
    else:
        os.dup2(nothing, number)
        os.close(nothing)


def _find_codec(name: str) -> codecs.CodecInfo | None:
    if name != _ASCII:
        return None
    found = codecs.lookup("ascii")
    return codecs.CodecInfo(
        found.encode, found.decode, found.streamreader, found.streamwriter,
        found.incrementalencoder, found.incrementaldecoder, name=_ASCII,
    )  # fmt: skip
