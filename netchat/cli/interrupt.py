"""Interrupts (Ctrl-C) that Python would lose or report as another error.

Python raises KeyboardInterrupt at any line of the main thread. If that line belongs to a destructor or
a callback of the garbage collector, as often during imports and compilations, Python prints and
discards the exception. In a class body or a library, another exception may replace it.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading

__all__ = ["die_at_interrupt", "is_interrupt", "repeat_discarded_interrupts"]

#: Seconds until a discarded interrupt is repeated, so that the destructor has ended.
_PAUSE = 0.01


def repeat_discarded_interrupts() -> None:
    """Repeat an interrupt whose exception Python discards."""
    before = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs, /) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            before(unraisable)
            return
        repeat = threading.Timer(_PAUSE, _interrupt_main_thread)
        repeat.daemon = True
        repeat.start()

    sys.unraisablehook = hook


def _interrupt_main_thread() -> None:
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:  # a signal also ends a wait
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def is_interrupt(error: BaseException | None) -> bool:
    """Return whether an exception is an interrupt, or was raised because of one."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def die_at_interrupt() -> None:
    """Let a further interrupt end the program at once: the command has ended."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
