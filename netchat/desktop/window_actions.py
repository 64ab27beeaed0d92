"""Actions of a window, in its menu and by keys."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from netchat.desktop.theme import Root, Theme

__all__ = ["WindowAction", "bind_actions", "main_menu"]


@dataclass(frozen=True, slots=True)
class WindowAction:
    """An action of the user.

    Attributes:
        label: Label in the menu; empty without an entry there.
        key: Key as the menu shows it; empty without one.
        sequence: Key as Tk names it; empty if it is bound elsewhere.
        run: Carries it out.
        begins_group: A separator precedes it in the menu.
    """

    label: str
    key: str
    sequence: str
    run: Callable[[], object]
    begins_group: bool = False


def main_menu(root: Root, theme: Theme, actions: Sequence[WindowAction]) -> tk.Menu:
    """Return a menu of actions."""
    menu = tk.Menu(root, tearoff=False)
    for action in actions:
        if action.begins_group:
            menu.add_separator()
        if action.label:
            menu.add_command(label=action.label, accelerator=action.key, command=action.run)
    theme.style_menu(menu)
    return menu


def bind_actions(widget: Root | tk.Misc, actions: Sequence[WindowAction]) -> None:
    """Bind the keys of actions to a widget, instead of what Tk does with them."""
    for action in actions:
        if action.sequence:
            widget.bind(action.sequence, lambda _, run=action.run: (run(), "break")[1])  # type: ignore[misc]
