"""The progress bar: on terminals only, and it breaks no command."""

import os
import pty
import subprocess
import sys

PROGRAM = """
import sys, time
from netchat.cli import streams
from netchat.cli.progress import progress_bar
streams.harden()
with progress_bar() as show:
    for step in range(int(sys.argv[1])):
        show(step / 4, f"step [{step}]")
        time.sleep(0.1)
    sys.stdin.read()
    print("a notice", file=sys.stderr)
    print("a result")
sys.exit(streams.finish("rich" in sys.modules))
"""


def start(steps, stdin=subprocess.DEVNULL, **streams):
    command = [sys.executable, "-c", PROGRAM, str(steps)]
    return subprocess.Popen(command, text=True, stdin=stdin, stdout=subprocess.PIPE, **streams)


def everything(terminal):
    shown = b""
    while True:
        try:
            shown += (more := os.read(terminal, 4096))
        except OSError:  # the other end is closed
            return shown.decode()
        if not more:
            return shown.decode()


def test_a_pipe_gets_no_bar():
    process = start(1, stderr=subprocess.PIPE)
    assert process.communicate() == ("a result\n", "a notice\n")
    assert process.returncode == 0  # without rich, which takes a while to load


def test_a_closed_stream_gets_no_bar():
    process = start(1, preexec_fn=lambda: os.close(2))
    assert process.communicate()[0] == "a result\n"
    assert process.returncode == 0


def test_a_terminal_gets_a_bar_that_disappears():
    terminal, end = pty.openpty()
    process = start(4, stderr=end, env={**os.environ, "TERM": "xterm"})
    os.close(end)
    shown = everything(terminal)
    os.close(terminal)
    assert process.communicate()[0] == "a result\n"
    assert process.returncode == 1
    assert "step [2]" in shown
    assert "50%" in shown
    assert "a notice\r\n" in shown
    assert shown.endswith("\x1b[?25h\r\x1b[1A\x1b[2K")  # the cursor is back, and the line empty


def test_a_terminal_in_ascii_gets_a_bar_in_ascii():
    terminal, end = pty.openpty()
    encoding = {"PYTHONIOENCODING": "ascii", "TERM": "xterm"}
    process = start(4, stderr=end, env={**os.environ, **encoding})
    os.close(end)
    shown = everything(terminal)
    os.close(terminal)
    process.communicate()
    assert "step [2]" in shown
    assert shown.isascii()
    assert "\\u" not in shown


def test_a_terminal_that_vanishes_ends_the_command_quietly():
    terminal, end = pty.openpty()
    process = start(1, stdin=subprocess.PIPE, stderr=end)
    os.close(end)
    os.read(terminal, 1)
    os.close(terminal)
    process.communicate(timeout=60)  # ends its input, after which it writes its notice
    assert process.returncode == 0
