"""Garbage collection in the thread of the windows.

Python collects cycles in whichever thread allocates. If that is the thread of the chat, it deletes Tk's
fonts and images there, each of which waits for the main loop, and it may delete the interpreter of a
closed root window, which ends the process: Tcl allows that only in the thread that has created it.
"""

from __future__ import annotations

import gc
import time

__all__ = ["WindowCollector"]

#: Shortest time between two full collections, in seconds.
FULL_SECONDS = 10.0


class WindowCollector:
    """Garbage collector that runs only when the thread of the windows calls it."""

    def __init__(self) -> None:
        self._was_enabled = gc.isenabled()
        gc.disable()
        self._is_stopped = False
        self._next_full = time.monotonic() + FULL_SECONDS

    def check(self) -> None:
        """Collect the generations that are due. Call it several times per second."""
        if self._is_stopped:
            return
        thresholds, counts = gc.get_threshold(), gc.get_count()
        now = time.monotonic()
        if counts[2] > thresholds[2] and now >= self._next_full:
            self._next_full = now + FULL_SECONDS
            gc.collect(2)
        elif counts[1] > thresholds[1]:
            gc.collect(1)
        elif counts[0] > thresholds[0]:
            gc.collect(0)

    def stop(self) -> None:
        """Collect everything now, and let Python collect in any thread again, as before.

        Call it once the windows are closed.
        """
        if not self._is_stopped:
            self._is_stopped = True
            gc.collect()
            if self._was_enabled:
                gc.enable()
