"""Program of a worker process of the lab.

It reads requests from its input, one JSON object per line, and answers with `KIND LENGTH`, a line feed and a
JSON object. KIND is `answer`, `error`, or `notice`, which precedes an answer that takes long. It ends with its
input.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

__all__ = ["main"]

#: Bytes of data that a process may allocate. Compiling kernels takes most of it.
_MEMORY = 3 << 29


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

    import netchat.jit  # takes a second, in which the input may end
    from netchat.channel_lab.jobs import Jobs
    from netchat.channel_lab.state import StateError

    netchat.jit.on_compile = lambda notice: answer("notice", json.dumps({"busy": notice}))
    jobs = Jobs(plugins)
    while True:
        answer(*_answer(jobs.run, requests.get(), StateError))


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
