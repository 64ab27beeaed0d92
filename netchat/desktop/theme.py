"""Colours, fonts and sizes of the windows, light and dark, at any resolution."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tkinter as tk
from dataclasses import dataclass
from tkinter import font, ttk
from typing import Any

__all__ = [
    "DARK",
    "LIGHT",
    "NAME_TINTS",
    "Palette",
    "Root",
    "Theme",
    "display_scale",
    "prepare_display",
]


#: Windows in which the chat can appear: Tk's first one, or another one.
Root = tk.Tk | tk.Toplevel


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours; those of the page."""

    window: str
    card: str
    text: str
    muted: str
    line: str
    accent: str
    on_accent: str
    accent_hover: str
    hover: str
    ok: str
    bad: str
    banner: str
    tints: tuple[str, ...]


#: Number of colours of names.
NAME_TINTS = 8

LIGHT = Palette(
    window="#f1f3f7", card="#ffffff", text="#171a21", muted="#5a6373", line="#d9dde6",
    accent="#3355dd", on_accent="#ffffff", accent_hover="#2846bd", hover="#e3e7f0", ok="#14794a",
    bad="#c0262d", banner="#fdecc8",
    tints=("#a8461a", "#7a5c00", "#3c7a1a", "#127a63", "#1c6fae", "#5a50c8", "#9138b0", "#b02a72"),
)  # fmt: skip

DARK = Palette(
    window="#12151b", card="#191d25", text="#e7eaf0", muted="#98a2b3", line="#2c333f",
    accent="#8aa8ff", on_accent="#0d1430", accent_hover="#a6bdff", hover="#252b37", ok="#4cc38a",
    bad="#ff8080", banner="#4a3a12",
    tints=("#ffa77a", "#e3c34c", "#9bd66f", "#5fd6b8", "#74bdf5", "#a9a4ff", "#dd9cf5", "#ff94c2"),
)  # fmt: skip

#: Font families, the preferred ones first; without any of them, Tk's default.
_FAMILIES = (
    "Segoe UI", "SF Pro Text", "Inter", "Cantarell", "Ubuntu", "Noto Sans", "Roboto", "DejaVu Sans",
)  # fmt: skip
_MONO_FAMILIES = (
    "Cascadia Mono", "SF Mono", "JetBrains Mono", "Ubuntu Mono", "Noto Sans Mono", "DejaVu Sans Mono",
)  # fmt: skip

#: Height of the text in pixels at a resolution of 96 dpi.
_TEXT_PIXELS = 14

#: Smallest and largest factor by which the user can change the size of the text.
_MIN_ZOOM, _MAX_ZOOM = 0.7, 2.5


def display_scale(root: Root) -> float:
    """Return the display's resolution, relative to 96 dpi; on X11, as the desktop has set it."""
    dots = float(root.winfo_fpixels("1i"))
    if root.tk.call("tk", "windowingsystem") == "x11":
        dots = max(dots, _resource_dots())
    return min(max(dots / 96, 1.0), 4.0)


def _resource_dots() -> float:
    """Return the resource `Xft.dpi`, in which X11 desktops store their scale, or 0."""
    program = shutil.which("xrdb")
    if program is None:
        return 0.0
    try:
        done = subprocess.run(  # noqa: S603 - a constant command
            [program, "-query"], capture_output=True, timeout=0.5, check=False, encoding="utf-8"
        )
        found = [line.split(":")[1] for line in done.stdout.splitlines() if "Xft.dpi:" in line]
        return float(found[0]) if found else 0.0
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return 0.0


class Theme:
    """Colours, fonts and ttk styles of the windows.

    Args:
        root: Tk's root window.
        scale: Resolution, relative to 96 dpi.
        is_dark: Use dark colours.

    Attributes:
        colours: The current colours.
        text: Font of texts.
        bold: Font of names and headings.
        small: Font of times and notices.
        title: Font of titles.
        large: Font of figures.
        mono: Font of codes and tables.
    """

    def __init__(self, root: Root, scale: float, *, is_dark: bool) -> None:
        self.root = root
        self.scale = scale
        self.zoom = 1.0
        self.is_dark = is_dark
        families = set(font.families(root))
        default = font.nametofont("TkDefaultFont", root).actual("family")
        mono_default = font.nametofont("TkFixedFont", root).actual("family")
        family = next((name for name in _FAMILIES if name in families), default)
        mono = next((name for name in _MONO_FAMILIES if name in families), mono_default)
        self.text = font.Font(root, family=family)
        self.bold = font.Font(root, family=family, weight="bold")
        self.small = font.Font(root, family=family)
        self.title = font.Font(root, family=family, weight="bold")
        self.large = font.Font(root, family=family, weight="bold")
        self.mono = font.Font(root, family=mono)
        self.colours = DARK if is_dark else LIGHT
        self.apply()

    def px(self, length: float) -> int:
        """Return a length in pixels at 96 dpi as pixels of the display."""
        return round(length * self.scale)

    def use(self, *, is_dark: bool) -> None:
        """Switch between dark and light colours."""
        self.is_dark = is_dark
        self.apply()

    def change_zoom(self, factor: float) -> None:
        """Change the size of the text; a factor of 0 restores the default."""
        self.zoom = min(max(self.zoom * factor, _MIN_ZOOM), _MAX_ZOOM) if factor else 1.0
        self.apply()

    def apply(self) -> None:
        """Apply the colours and sizes to all widgets that use ttk or the option database."""
        self.colours = DARK if self.is_dark else LIGHT
        pixels = _TEXT_PIXELS * self.scale * self.zoom
        for each, factor in (
            (self.text, 1), (self.bold, 1), (self.small, 0.86), (self.title, 1.15), (self.mono, 0.93),
            (self.large, 1.5),
        ):  # fmt: skip
            each.configure(size=-round(pixels * factor))
        self._apply_styles()

    def _apply_styles(self) -> None:
        colours, px = self.colours, self.px
        style = ttk.Style(self.root)
        style.theme_use("clam")
        self.root.configure(background=colours.window)
        style.configure(
            ".", background=colours.window, foreground=colours.text, font=self.text,
            bordercolor=colours.line, lightcolor=colours.window, darkcolor=colours.window,
            troughcolor=colours.window, focuscolor=colours.accent, insertcolor=colours.text,
            fieldbackground=colours.card, selectbackground=colours.accent,
            selectforeground=colours.on_accent,
        )  # fmt: skip
        style.map(".", foreground=[("disabled", colours.muted)])
        for name, background in (("", colours.window), ("Card.", colours.card)):
            style.configure(f"{name}TFrame", background=background)
            style.configure(f"{name}TLabel", background=background)
            style.configure(
                f"{name}Muted.TLabel", background=background, foreground=colours.muted,
                font=self.small,
            )  # fmt: skip
            style.configure(f"{name}Title.TLabel", background=background, font=self.title)
            style.configure(f"{name}Large.TLabel", background=background, font=self.large)
            style.configure(f"{name}Ok.TLabel", background=background, foreground=colours.ok)
            style.configure(f"{name}Bad.TLabel", background=background, foreground=colours.bad)
        style.configure("Line.TFrame", background=colours.line)
        style.configure("Banner.TLabel", background=colours.banner, foreground=colours.text)
        self._apply_buttons(style)
        style.configure(
            "TEntry", padding=(px(8), px(6)), lightcolor=colours.card, darkcolor=colours.card
        )
        style.map(
            "TEntry",
            bordercolor=[("focus", colours.accent)],
            lightcolor=[("focus", colours.accent)],
            fieldbackground=[("disabled", colours.window)],
            selectbackground=[("!focus", colours.line)],
            selectforeground=[("!focus", colours.text)],
        )
        style.configure(
            "TCheckbutton", indicatorsize=px(15), indicatormargin=(0, 0, px(8), 0), padding=px(2),
            indicatorbackground=colours.card, indicatorforeground=colours.on_accent,
            upperbordercolor=colours.muted, lowerbordercolor=colours.muted,
        )  # fmt: skip
        for name, background in (("", colours.window), ("Card.", colours.card)):
            style.configure(f"{name}TCheckbutton", background=background)
            style.map(
                f"{name}TCheckbutton",
                background=[("active", background)],
                indicatorbackground=[("selected", colours.accent), ("!selected", colours.card)],
            )
        style.configure(
            "Treeview", background=colours.window, fieldbackground=colours.window, borderwidth=0,
            rowheight=self.text.metrics("linespace") + px(9), indent=px(2), relief="flat",
            lightcolor=colours.window, darkcolor=colours.window, bordercolor=colours.window,
        )  # fmt: skip
        style.map(
            "Treeview",
            background=[("selected", colours.hover)],
            foreground=[("selected", colours.text)],
        )
        style.layout("Treeview", [("Treeview.treearea", {"sticky": "nswe"})])
        # Without the indicator, which is only for trees that can be folded.
        style.layout(
            "Treeview.Item",
            [("Treeitem.padding", {"children": [("Treeitem.text", {"sticky": "we"})]})],
        )
        style.configure("Treeview.Item", padding=(px(12), 0))
        self._apply_table(style)
        style.configure(
            "Horizontal.TProgressbar", background=colours.accent, troughcolor=colours.hover,
            bordercolor=colours.hover, lightcolor=colours.accent, darkcolor=colours.accent,
            thickness=px(8),
        )  # fmt: skip
        style.configure(
            "Vertical.TScrollbar", arrowsize=px(11), gripcount=0, background=colours.line,
            troughcolor=colours.card, bordercolor=colours.card, lightcolor=colours.line,
            darkcolor=colours.line,
        )  # fmt: skip
        style.map(
            "Vertical.TScrollbar",
            background=[("disabled", colours.card), ("active", colours.muted)],
            lightcolor=[("disabled", colours.card), ("active", colours.muted)],
            darkcolor=[("disabled", colours.card), ("active", colours.muted)],
        )
        thumb: Any = ("Vertical.Scrollbar.thumb", {"expand": "1", "sticky": "nswe"})
        trough: Any = ("Vertical.Scrollbar.trough", {"sticky": "ns", "children": [thumb]})
        style.layout("Vertical.TScrollbar", [trough])  # without arrows
        self._apply_options()

    def _apply_table(self, style: ttk.Style) -> None:
        """Configure trees with columns and headings."""
        colours, px = self.colours, self.px
        style.configure(
            "Table.Treeview", background=colours.card, fieldbackground=colours.card, borderwidth=0,
            rowheight=self.text.metrics("linespace") + px(7), lightcolor=colours.card,
            darkcolor=colours.card, bordercolor=colours.card,
        )  # fmt: skip
        style.map("Table.Treeview", background=[("selected", colours.hover)])
        style.layout("Table.Treeview", [("Treeview.treearea", {"sticky": "nswe"})])
        style.configure(
            "Table.Treeview.Heading", background=colours.card, foreground=colours.muted,
            font=self.small, relief="flat", borderwidth=0, padding=(px(11), px(3)),
        )  # fmt: skip
        style.map("Table.Treeview.Heading", background=[("active", colours.card)])
        style.configure("Table.Treeview.Cell", padding=(px(12), 0))

    def _apply_buttons(self, style: ttk.Style) -> None:
        colours, px = self.colours, self.px
        style.configure(
            "TButton", width=0, padding=(px(12), px(6)), background=colours.card, relief="flat",
            lightcolor=colours.card, darkcolor=colours.card, anchor="center",
        )  # fmt: skip
        style.map(
            "TButton",
            background=[("disabled", colours.window), ("active", colours.hover)],
            lightcolor=[("active", colours.hover)],
            darkcolor=[("active", colours.hover)],
            bordercolor=[("focus", colours.accent)],
        )
        style.configure(
            "Accent.TButton", background=colours.accent, foreground=colours.on_accent,
            bordercolor=colours.accent, lightcolor=colours.accent, darkcolor=colours.accent,
            font=self.bold, focuscolor=colours.on_accent,
        )  # fmt: skip
        active = [("disabled", colours.line), ("active", colours.accent_hover)]
        style.map(
            "Accent.TButton",
            background=active, lightcolor=active, darkcolor=active, bordercolor=active,
            foreground=[("disabled", colours.muted)],
        )  # fmt: skip
        for name, background in (("Flat.", colours.window), ("CardFlat.", colours.card)):
            for kind in ("TButton", "TMenubutton"):
                style.configure(
                    f"{name}{kind}", background=background, bordercolor=background,
                    lightcolor=background, darkcolor=background, padding=(px(7), px(3)),
                    relief="flat", width=0,
                )  # fmt: skip
                style.map(
                    f"{name}{kind}",
                    background=[("active", colours.hover)],
                    lightcolor=[("active", colours.hover)],
                    darkcolor=[("active", colours.hover)],
                    bordercolor=[("focus", colours.accent), ("active", colours.hover)],
                )
                label: Any = ("Button.label", {"sticky": "nswe"})
                padding: Any = ("Button.padding", {"sticky": "nswe", "children": [label]})
                border: Any = ("Button.border", {"sticky": "nswe", "children": [padding]})
                style.layout(f"{name}{kind}", [border])
        style.configure(
            "Emoji.TButton", background=colours.card, bordercolor=colours.card, padding=px(2),
            lightcolor=colours.card, darkcolor=colours.card, relief="flat", font=self.title,
        )  # fmt: skip
        style.configure(
            "Link.TButton", background=colours.window, bordercolor=colours.window, padding=(0, px(3)),
            lightcolor=colours.window, darkcolor=colours.window, relief="flat",
            foreground=colours.accent, font=self.small,
        )  # fmt: skip
        style.map(
            "Link.TButton",
            background=[("active", colours.window)],
            lightcolor=[("active", colours.window)],
            darkcolor=[("active", colours.window)],
            bordercolor=[("focus", colours.accent)],
            foreground=[("active", colours.accent_hover)],
        )

    def _apply_options(self) -> None:
        """Set the options of Tk's own widgets, such as menus and those of its dialogs."""
        colours, root = self.colours, self.root
        for pattern, value in (
            ("*Menu.background", colours.card),
            ("*Menu.foreground", colours.text),
            ("*Menu.activeBackground", colours.accent),
            ("*Menu.activeForeground", colours.on_accent),
            ("*Menu.disabledForeground", colours.muted),
            ("*Menu.relief", "flat"),
            ("*Menu.borderWidth", 1),
            ("*Menu.activeBorderWidth", 0),
            ("*Menu.font", self.text),
        ):
            root.option_add(pattern, value)

    def style_menu(self, menu: tk.Menu) -> None:
        """Apply the colours to a menu that exists already."""
        colours = self.colours
        menu.configure(
            background=colours.card, foreground=colours.text, activebackground=colours.accent,
            activeforeground=colours.on_accent, disabledforeground=colours.muted, font=self.text,
            relief="flat", borderwidth=1, activeborderwidth=0,
        )  # fmt: skip


def prepare_display() -> None:
    """Tell Windows, before the first window, that this program scales itself."""
    if sys.platform == "win32":  # pragma: no cover
        import contextlib
        import ctypes

        with contextlib.suppress(AttributeError, OSError):
            ctypes.windll.shcore.SetProcessDpiAwareness(1)
    else:
        os.environ.setdefault("TK_SILENCE_DEPRECATION", "1")  # macOS
