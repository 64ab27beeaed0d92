"""Interrupts are raised only where a run allows them."""

import contextlib
import signal
import threading

import pytest

from netchat import bench
from netchat.bench.engine.interrupt import Interrupt


@pytest.fixture(autouse=True)
def default_handler():
    """Give SIGINT its default handler: an event loop of an earlier test may have left its own."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt():
    signal.raise_signal(signal.SIGINT)


def test_an_interrupt_waits_for_a_block_that_allows_it():
    with Interrupt() as interrupts:
        interrupt()
        with pytest.raises(KeyboardInterrupt), interrupts.allowed():
            raise AssertionError("this block was entered")


def test_an_interrupt_in_a_block_that_allows_it():
    with Interrupt() as interrupts:
        with pytest.raises(KeyboardInterrupt), interrupts.allowed():
            interrupt()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_discarded_interrupt_is_raised_again():
    class Last:
        def __del__(self):
            with contextlib.suppress(KeyboardInterrupt):  # Python would print it
                interrupt()

    with Interrupt() as interrupts:
        with interrupts.allowed():
            Last()
        with pytest.raises(KeyboardInterrupt), interrupts.allowed():
            raise AssertionError("this block was entered")


def test_the_second_interrupt_is_always_raised():
    with Interrupt():
        interrupt()
        with pytest.raises(KeyboardInterrupt):
            interrupt()


def test_the_handler_of_the_program_is_restored(monkeypatch):
    with Interrupt():
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupt():
            interrupt()
    finally:
        signal.signal(signal.SIGINT, ignored)


def test_a_run_in_another_thread_has_no_handler():
    handlers = []

    def run():
        with Interrupt():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]


def test_an_interrupt_while_the_file_is_created(tmp_path, monkeypatch):
    """The interrupt arrives when the file exists, but the run does not know that yet."""
    from netchat.bench.engine import resume

    def create(*arguments):
        monkeypatch.undo()
        file = resume.os.open(*arguments)
        interrupt()
        return file

    monkeypatch.setattr("netchat.bench.engine.resume.os.open", create)
    results = bench.run(
        ["hamming:7,4"], ["bsc:0.05"], resume=tmp_path / "run.json", frames=10**9, errors=10**9,
        workers=1,
    )  # fmt: skip
    assert not results.complete
    assert bench.Results.read(tmp_path / "run.json").points[0].code == "hamming:7,4"
