"""Garbage collection beside windows: only in their thread."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref

import pytest

from netchat.desktop.collector import WindowCollector
from tests.desktop.display import needs_display, virtual_display
from tests.end_to_end.processes import ROOT

#: Opens root windows in turn, beside a thread that allocates as the chat does. Python would collect
#: their cycles in that thread, and Tcl would end the process.
SEVERAL_ROOTS = """
import gc, threading, tkinter as tk
from tkinter import font, ttk
from netchat.desktop.collector import WindowCollector
gc.set_threshold(50, 2, 2)
def allocate(stop):
    while not stop.is_set():
        for _ in range(1000):
            cycle = []
            cycle.append(cycle)
for _ in range(10):
    collector = WindowCollector() if {collects} else None
    root = tk.Tk()
    root.own = [root, font.Font(root, family="x"), tk.StringVar(root)]
    ttk.Label(root, text="netchat").pack()
    stop = threading.Event()
    thread = threading.Thread(target=allocate, args=(stop,))
    thread.start()
    root.update()
    root.destroy()
    del root
    for _ in range(200):
        if collector is not None:
            collector.check()
    stop.wait(0.02)
    stop.set()
    thread.join()
    if collector is not None:
        collector.stop()
print("done")
"""


class _Cycle:
    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def _starts_with_the_collector_on():
    gc.enable()


def test_cycles_are_collected_by_the_thread_of_the_windows_only():
    collector = WindowCollector()
    try:
        assert not gc.isenabled()
        threads: list[int] = []
        weakref.finalize(_Cycle(), lambda: threads.append(threading.get_ident()))
        churn = threading.Thread(target=lambda: [_Cycle() for _ in range(10_000)])
        churn.start()
        churn.join()
        assert threads == []
        while not threads:  # allocate until a collection is due
            _Cycle()
            collector.check()
        assert threads == [threading.get_ident()]
    finally:
        collector.stop()
    assert gc.isenabled()
    found = weakref.ref(_Cycle())
    collector.check()
    collector.stop()  # does nothing once more
    assert found() is not None
    gc.collect()
    assert found() is None


@needs_display
@pytest.mark.slow
def test_a_process_with_several_root_windows_survives():
    with virtual_display() as display:
        done = subprocess.run(
            [sys.executable, "-c", SEVERAL_ROOTS.format(collects=True)],
            cwd=ROOT,
            env={**os.environ, "DISPLAY": display},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
