"""Program of a worker process of the lab.

It reads requests from its input, one JSON object per line, and answers with `KIND LENGTH`, a line feed
and a JSON object. KIND is `answer`, `error`, or `notice`, which precedes an answer that takes long. It
ends with its input.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

__all__ = ["main"]

#: Bytes of data that a process may allocate. Compiling kernels takes most of it.
_MEMORY = 3 << 29

#: Seconds of computing time for a request, and if kernels must be compiled for it.
_SECONDS, _COMPILING = 6.0, 240.0

_NOTICE = "The server compiles this kind of code for the first time, which takes up to a minute."


def main() -> None:
    """Answer requests until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of a code must not mix with the answers
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    plugins, niceness = json.loads(sys.argv[1]), int(sys.argv[2])
    with suppress(OSError):  # already as nice
        os.nice(niceness)
    _limit_memory()

    def answer(kind: str, content: str) -> None:
        data = content.encode()
        answers.write(b"%s %d\n" % (kind.encode(), len(data)) + data)
        answers.flush()

    from netchat.channel_lab.compiling import watch_compilation  # imports take a second, in which
    from netchat.channel_lab.jobs import Jobs  # the input may end
    from netchat.channel_lab.state import StateError

    def compiling() -> None:
        _limit_time(_COMPILING)
        answer("notice", json.dumps({"busy": _NOTICE}))

    forget = watch_compilation(compiling)
    jobs = Jobs(plugins)
    while True:
        request = requests.get()
        forget()
        _limit_time(_SECONDS)
        reply = _answer(jobs.run, request, StateError)
        _limit_time(0)
        answer(*reply)


def _answer(
    run: Callable[[dict[str, Any]], dict[str, Any]], request: bytes, refusal: type[Exception]
) -> tuple[str, str]:
    """Run a request; return the kind and the text of the answer."""
    try:
        return "answer", json.dumps(
            run(json.loads(request)), separators=(",", ":"), allow_nan=False
        )
    except refusal as error:
        return "error", json.dumps({"error": str(error), "field": getattr(error, "field", None)})
    except MemoryError:
        return "error", json.dumps({"error": "this takes too much memory", "field": None})
    except Exception as error:  # a code of the server's owner may raise anything
        text = f"{type(error).__name__}: {error}"[:300]
        return "error", json.dumps({"error": f"the lab failed: {text}", "field": None})


def _limit_time(seconds: float) -> None:
    """Let the kernel end this process after so much more computing time; 0 is no limit."""
    with suppress(AttributeError):  # not on Windows, where the server's timeout does
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _limit_memory() -> None:
    with suppress(ImportError, ValueError, OSError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))


def _read(requests: queue.SimpleQueue[bytes]) -> None:
    """Read requests, and end the process with the input, even in the middle of a request."""
    for line in sys.stdin.buffer:
        requests.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
