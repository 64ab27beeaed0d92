"""Program of a worker process; see `netchat.bench.engine.workers`."""

from __future__ import annotations

import os
import pickle
import sys

import netchat.jit
from netchat.bench.engine.workers import TaskRunner
from netchat.errors import BenchError


def main() -> None:
    """Run tasks until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of a code must not mix with the results
    tasks = sys.stdin.buffer

    def answer(number: int, value: object) -> None:
        pickle.dump((number, value), answers)
        answers.flush()

    netchat.jit.on_compile = lambda notice: answer(-1, notice)
    runner = TaskRunner({}, {})
    while True:
        try:
            number, task = pickle.load(tasks)  # noqa: S301 - from the bench that started this process
        except EOFError:
            return
        try:
            answer(number, runner.run(task))
        except BenchError as error:
            answer(number, error)


if __name__ == "__main__":
    main()
