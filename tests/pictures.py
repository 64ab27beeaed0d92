"""`python -m tests.pictures`: retake the pictures of the terminal and the benches in `docs/pictures/`.

`tests.screenshots` takes those of the page.
"""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.end_to_end.browsing import browser
from tests.end_to_end.processes import ROOT

PICTURES = ROOT / "docs" / "pictures"

COLUMNS = 112

#: Commands to show in a terminal, with the range of output lines to keep.
TERMINAL = (
    ('netchat encode "Hi" --code hamming:7,4 --flip 2', 0, 10),
    ("netchat inspect captures/link-noisy.pcapng --tree", 1, 26),
)

#: HTML template for Rich; literal braces are doubled.
_PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #1b1d24; }}
pre {{ margin: 0; padding: 20px 24px; font: 14px/1.42 "DejaVu Sans Mono", monospace; color: #e8e8ee;
  display: inline-block; }}
{stylesheet}
</style><pre>{code}</pre>"""


def in_terminal(command: str) -> str:
    """Return a command's output to a terminal, with its colours."""
    master, slave = pty.openpty()
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": str(COLUMNS),
        "TERM": "xterm-256color",
    }
    process = subprocess.Popen(
        command, shell=True, cwd=ROOT, env=environment, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    printed = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the command has closed the terminal
            break
        if not piece:
            break
        printed += piece
    os.close(master)
    assert process.wait() == 0, printed.decode("utf-8", "replace")
    return printed.decode().replace("\r\n", "\n")


def terminal(path: Path) -> None:
    """Draw the commands of `TERMINAL` and their output, in sequence."""
    console = Console(width=COLUMNS, record=True, file=io.StringIO(), color_system="truecolor")
    for number, (command, first, end) in enumerate(TERMINAL):
        in_terminal(command)  # the first run may compile kernels, and says so
        lines = in_terminal(command).split("\n")[first:end]
        prompt = Text.assemble(("\n" if number else "") + "$ ", (command, "bold"))
        console.print(prompt, Text.from_ansi("\n".join(lines)), sep="\n")
    html = console.export_html(theme=MONOKAI, code_format=_PAGE)
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 1060, "height": 400}, device_scale_factor=1.5)
        page.set_content(html)
        page.locator("pre").screenshot(path=path)
    Image.open(path).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


def bench(path: Path) -> None:
    """Draw the plot of `netchat encode-bench`."""
    command = [sys.executable, "-m", "netchat", "encode-bench", "--plot", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    Image.open(path).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


def link_bench(path: Path) -> None:
    """Draw the plots of `netchat link-bench`."""
    command = [sys.executable, "-m", "netchat", "link-bench", "--plot", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for picture in (path, path.with_stem(f"{path.stem}-regret")):
        Image.open(picture).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
            picture, optimize=True
        )


if __name__ == "__main__":
    for make in (terminal, bench, link_bench):
        target = PICTURES / f"{make.__name__.replace('_', '-')}.png"
        make(target)
        print(f"{target}  {target.stat().st_size:,} bytes")
