"""Files that are dropped on a widget or pasted, and lists of their URIs."""

from __future__ import annotations

import subprocess
import sys
from urllib.request import pathname2url

import pytest

from tests.desktop.display import wait_until

pytest.importorskip("tkinter")

import tkinter as tk

from netchat.desktop.file_drop import accept_files, copied_files, files_of_uris

#: Another program that owns the clipboard, as a file manager does. It prints a line once it does.
OWNER = """
import sys, tkinter
root = tkinter.Tk()
root.withdraw()
root.clipboard_append(sys.argv[2], type=sys.argv[1])
root.update()
print("ready", flush=True)
root.mainloop()
"""

#: Stand-in for the drop target of tkdnd, for the script that is bound to it.
TKDND = """
namespace eval tkdnd {
    proc drop_target {action path types} { set ::registered [list $action $path $types] }
}
package provide tkdnd 2.9
"""


def uri(path) -> str:
    return f"file://{pathname2url(str(path))}"


def test_uris_of_existing_local_files_are_taken(tmp_path):
    spaced = tmp_path / "a b%ü.txt"
    spaced.write_text("x", encoding="utf-8")
    lines = [
        "# a comment", "copy", uri(spaced), f"file://localhost{pathname2url(str(spaced))}",
        f"file://elsewhere{pathname2url(str(spaced))}", uri(tmp_path), uri(tmp_path / "missing"),
        "https://example.org/a", "file://[", "file:///a%00b", str(spaced),
    ]  # fmt: skip
    assert files_of_uris("\r\n".join(lines)) == [str(spaced)] * 2
    assert files_of_uris("") == []


def test_files_copied_in_another_program_are_pasted(root, tmp_path):
    file = tmp_path / "plan ä.pdf"
    file.write_bytes(b"x")
    display = root.winfo_screen().rpartition(".")[0]
    for form in ("text/uri-list", "x-special/gnome-copied-files"):
        text = uri(file) if form.startswith("text") else f"copy\n{uri(file)}"
        owner = subprocess.Popen(
            [sys.executable, "-c", OWNER, form, text],
            stdout=subprocess.PIPE,
            env={"DISPLAY": display},
        )
        try:
            assert owner.stdout is not None
            assert owner.stdout.readline() == b"ready\n"
            root.update()  # Tk learns that it does not own the clipboard
            assert copied_files(root) == [str(file)]
        finally:
            owner.kill()
            owner.wait()
            owner.stdout.close()
    root.clipboard_clear()
    root.clipboard_append(str(file))
    assert copied_files(root) == []


def test_dropped_files_arrive_as_paths(root):
    text = tk.Text(root)
    text.pack()
    dropped: list[list[str]] = []
    root.tk.eval(TKDND)
    try:
        assert accept_files(text, dropped.append)
        assert root.tk.eval("set registered").split() == ["register", str(text), "DND_Files"]
        script = root.tk.call("bind", str(text), "<<Drop:DND_Files>>")
        paths = ("/tmp/a b.txt", "/tmp/{c}.txt", "/tmp/$d [e].txt")
        # tkdnd replaces %D by the list, quoted as one word.
        root.tk.setvar("dropped", root.tk.call("list", *paths))
        assert root.tk.eval(str(script).replace("%D", "$dropped")) == "copy"
        wait_until(root, lambda: dropped)
        assert dropped == [list(paths)]
    finally:
        root.tk.eval("package forget tkdnd; namespace delete tkdnd")
