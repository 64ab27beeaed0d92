"""A worker process: tasks come in as pickles, and go out done. See `netchat.bench.engine.workers`."""

from __future__ import annotations

import os
import pickle
import sys

import netchat.jit
from netchat.bench.engine.workers import TaskRunner
from netchat.errors import BenchError


def main() -> None:
    """Work until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a code prints is no answer
    tasks = sys.stdin.buffer

    def answer(number: int, value: object) -> None:
        pickle.dump((number, value), answers)
        answers.flush()

    netchat.jit.on_compile = lambda notice: answer(-1, notice)
    runner = TaskRunner({}, {})
    while True:
        try:
            number, task = pickle.load(tasks)  # noqa: S301 - from the bench that started this
        except EOFError:
            return
        try:
            answer(number, runner.run(task))
        except BenchError as error:
            answer(number, error)


if __name__ == "__main__":
    main()
