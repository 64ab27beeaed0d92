"""A display for the windows of these tests."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.desktop.display import REASON, virtual_display

if TYPE_CHECKING:
    import tkinter as tk


@pytest.fixture(scope="session")
def tk_root() -> Iterator[tk.Tk]:
    """Return Tk's first window, which stays invisible: Tk may crash if a process has several, in turn."""
    if REASON:
        pytest.skip(REASON)
    import tkinter as tk

    with virtual_display() as display:
        root = tk.Tk(screenName=display, className="netchat")
        root.withdraw()
        yield root
        root.destroy()


@pytest.fixture
def root(tk_root: tk.Tk) -> Iterator[tk.Toplevel]:
    import tkinter as tk

    window = tk.Toplevel(tk_root)
    yield window
    window.destroy()


@pytest.fixture(autouse=True)
def _collects_tk_in_this_thread() -> Iterator[None]:
    """Keep the collector from deleting fonts and variables of closed windows in the chat's thread.

    There, each deletion waits a second for the main loop of its window.
    """
    gc.disable()
    yield
    gc.enable()
    gc.collect()
