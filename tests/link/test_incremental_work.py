"""Long work in short steps."""

from __future__ import annotations

from netchat.link.incremental_work import Steps, finish


def test_all_steps_are_run_and_the_result_is_returned() -> None:
    done = []

    def steps() -> Steps[str]:
        done.append(1)
        yield
        done.append((yield from more()))
        return "result"

    def more() -> Steps[int]:
        yield
        return 2

    assert finish(steps()) == "result"
    assert done == [1, 2]


def test_work_without_steps() -> None:
    def steps() -> Steps[int]:
        return 1
        yield

    assert finish(steps()) == 1
