"""Program of a worker process; see `netchat.bench.engine.executor`."""

from __future__ import annotations

import os
import pickle
import queue
import sys
import threading
import traceback


def main() -> None:
    """Run functions until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of a code must not mix with the results
    calls: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(calls,), daemon=True).start()
    import netchat.jit  # takes a second, in which the input may end

    def answer(kind: str, value: object) -> None:
        answers.write(pickle.dumps((kind, value)))
        answers.flush()

    netchat.jit.on_compile = lambda notice: answer("notice", notice)
    while True:
        pickled = calls.get()
        try:
            function, arguments = pickle.loads(pickled)  # noqa: S301
            answer("result", function(*arguments))
        except Exception as error:
            answer("error", _as_sent(error))


def _read(calls: queue.SimpleQueue[bytes]) -> None:
    """Read calls, and end the process with the input, even in the middle of a function."""
    try:
        while True:
            calls.put(pickle.load(sys.stdin.buffer))  # noqa: S301 - from the bench that started us
    except (EOFError, OSError, pickle.UnpicklingError):
        os._exit(0)


def _as_sent(error: Exception) -> tuple[bytes, str, str]:
    """Return an error in pickled form (empty if it has none), its text, and where it was raised."""
    where = f"In a worker process:\n{traceback.format_exc()}"
    error.add_note(where)
    try:
        pickled = pickle.dumps(error)
    except Exception:  # of a class or with a value that cannot be pickled
        pickled = b""
    return pickled, f"{type(error).__name__}: {error}", where


if __name__ == "__main__":
    main()
