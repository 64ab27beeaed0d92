"""Parts of the HTML pages for a class: head, style, and file names.

The pages are single files without scripts, so that they can be sent, printed and opened offline.
"""

from __future__ import annotations

import hashlib
import html
import re
from pathlib import PurePath

__all__ = ["escape", "file_name", "page", "slug", "version_name", "version_of"]

_STYLE = """
:root { --bg: #f4f5f8; --card: #fff; --fg: #171a21; --muted: #5a6373; --line: #e0e3ea; --accent: #35d;
  --ok: #14794a; --bad: #c0262d; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --bg: #0e1116; --card: #171b22; --fg: #e7eaf0;
  --muted: #98a2b3; --line: #282e39; --accent: #8aa8ff; --ok: #5fd39a; --bad: #ff8a8a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 16px 48px; max-width: 860px; background: var(--bg); color: var(--fg);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 0; }
a { color: var(--accent); }
.muted { color: var(--muted); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 16px 20px;
  margin: 16px 0; }
.head { display: flex; gap: 12px; justify-content: space-between; align-items: baseline; }
.points { font-variant-numeric: tabular-nums; white-space: nowrap; font-weight: 600; }
.bar { height: 8px; border-radius: 4px; background: var(--line); overflow: hidden; margin: 10px 0 4px; }
.bar i { display: block; height: 100%; background: var(--accent); }
ul { list-style: none; margin: 12px 0 0; padding: 0; }
li { display: grid; grid-template-columns: 1.6em 1fr auto; gap: 2px 8px; padding: 10px 0;
  border-top: 1px solid var(--line); break-inside: avoid; }
li p { grid-column: 2 / -1; margin: 2px 0 0; overflow-wrap: anywhere; }
.passed { color: var(--ok); font-weight: 700; }
.wrong, .failed { color: var(--bad); font-weight: 700; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 6px 10px 6px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--muted); font-weight: 600; }
.number { text-align: right; white-space: nowrap; }
@media print { :root { --bg: #fff; --card: #fff; --fg: #000; --muted: #444; --line: #bbb; --accent: #35d;
  --ok: #14794a; --bad: #c0262d; color-scheme: light; } body { padding: 0; font-size: 11pt; }
  .card { border-radius: 0; padding: 8px 0; border-width: 1px 0 0; margin: 8px 0; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""

#: Characters of a file name that are safe on every system and in a URL.
_UNSAFE = re.compile(r"[^\w-]+", re.ASCII)

_VERSION = re.compile(r"modules-([1-9][0-9]{0,5})", re.ASCII)


def page(title: str, body: str, style: str = "") -> str:
    """Return a page.

    Args:
        title: Its title; escaped here.
        body: Its content, as HTML.
        style: More CSS.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; img-src data:\">\n"
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>\n"
        f"{body}\n</body>\n</html>\n"
    )


def escape(text: str) -> str:
    """Return text for HTML, in content and in attributes; lone surrogates are shown as escapes."""
    return html.escape(text.encode(errors="backslashreplace").decode())


def slug(text: str) -> str:
    """Return text as a readable part of a file name; it may be empty, and equal for different texts."""
    return _UNSAFE.sub("-", text).strip("-")[:60]


def file_name(text: str) -> str:
    """Return a name for a file about a student: readable, and different for different texts."""
    short = slug(text)
    if short == text and text.upper() not in ("CON", "PRN", "AUX", "NUL"):
        return short
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{short}-{digest}".lstrip("-")


def version_name(number: int) -> str:
    """Return the name of a folder with a later version of a student's modules."""
    return f"modules-{number}"


def version_of(folder: PurePath) -> int:
    """Return the number in the name of such a folder; 1 for any other file or folder."""
    match = _VERSION.fullmatch(folder.name)
    return int(match[1]) if match else 1
