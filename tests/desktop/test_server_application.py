"""The window of a server, on a virtual display, with users in terminals."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from netchat.chat.settings import Settings
from netchat.cli.serve_page import Page
from netchat.cli.serve_run import ServePlan
from tests.cli.chatter import Chatter
from tests.desktop.display import wait_until
from tests.desktop.modal import fill
from tests.end_to_end.processes import free_port

pytest.importorskip("tkinter")

import tkinter as tk

from netchat.desktop.server_application import ServerApplication
from netchat.desktop.server_worker import ServerWorker


def plan(
    port: int, history: Path | None = None, page: Page | None = None, accounts="off"
) -> ServePlan:
    return ServePlan(
        settings=Settings(rate=0, accounts=accounts),
        host="127.0.0.1",
        port=port,
        udp=False,
        history=history,
        is_ephemeral=history is None,
        fsync=True,
        page=page,
        metrics=None,
        shows_qr=False,
        tls=None,
        joining=None,
        tell=lambda _: None,
    )


class Operator:
    """User of the window of a server."""

    def __init__(self, tk_root, served: ServePlan) -> None:
        self.root = tk.Toplevel(tk_root)
        self.app = ServerApplication(
            self.root, lambda: ServerWorker(served.run, served.tell), scale=1.0
        )
        self.window = self.app.window

    def wait(self, is_true) -> None:
        wait_until(self.root, is_true)

    def wait_running(self) -> None:
        self.wait(lambda: self.app.is_running)

    def cells(self, table, row: str) -> tuple[str, ...]:
        tree = table.tree
        return tuple(map(str, tree.item(row, "values"))) if tree.exists(row) else ()

    def select(self, table, row: str) -> None:
        """Click a row."""
        table.tree.see(row)
        self.root.update()
        x, y, width, height = table.tree.bbox(row)
        for event in ("<Button-1>", "<ButtonRelease-1>"):
            table.tree.event_generate(event, x=x + width // 2, y=y + height // 2)
        self.wait(lambda: table.selected == row)

    @property
    def log(self) -> str:
        return self.window.log.text.get("1.0", "end-1c")

    def close(self) -> None:
        """Close the window as the window manager does."""
        self.root.tk.eval(self.root.protocol("WM_DELETE_WINDOW"))
        self.app.run()


@pytest.fixture
def new_operator(tk_root):
    operators: list[Operator] = []

    def new(served: ServePlan) -> Operator:
        operators.append(Operator(tk_root, served))
        return operators[-1]

    yield new
    for operator in operators:
        if operator.app.worker is not None:
            operator.app.quit()
            operator.app.run()


def test_the_operator_sees_and_moderates_the_users(new_operator, tmp_path):
    port = free_port()
    page = Page("127.0.0.1", 0, ())
    operator = new_operator(plan(port, page=page))
    window = operator.window
    operator.wait_running()
    places = [child["text"] for child in window.head.places.winfo_children()]
    assert places[:3] == ["Address", f"127.0.0.1:{port}", "Page"]
    assert places[3].startswith("http://127.0.0.1:")
    assert "Only this machine" in window.head.hint["text"]
    with Chatter("Lena", port) as lena, Chatter("Tom", port) as tom:
        lena.see("[join] Lena joined the chat")
        tom.see("[join] Tom joined the chat")
        tom.say("/create")
        code = tom.see("you are in room", err=True).split("room ")[1].split(";")[0]
        lena.say("hello")
        operator.wait(
            lambda: operator.cells(window.users, "Tom")[2:] == (f"lobby, {code}", "online")
        )
        operator.wait(lambda: operator.cells(window.rooms, "lobby")[1:3] == ("2", "3"))
        operator.wait(lambda: window.tiles["users"]["text"] == "2")
        operator.wait(lambda: max(window.chart.samples, default=0) > 0)

        window.log.filter.set("tom JOINED")
        lines = operator.log.splitlines()
        assert lines
        assert all("joined" in line and "Tom" in line for line in lines)
        assert len(window.log.lines()) == len(lines)
        window.save_log(tmp_path / "server.log")
        assert (tmp_path / "server.log").read_text("utf-8").count("\n") == len(lines)
        window.log.filter.set("")
        window.log.only_warnings.set(True)
        window.log._show_all()
        assert operator.log == ""
        window.log.only_warnings.set(False)
        window.log._show_all()

        operator.select(window.users, "Tom")
        operator.wait(lambda: not window.buttons["Mute"].instate(["disabled"]))
        window.buttons["Mute"].invoke()
        operator.wait(lambda: operator.cells(window.users, "Tom")[3:] == ("muted",))
        assert window.buttons["Mute"]["text"] == "Let write again"
        tom.say("/room lobby", "I am muted")
        tom.see("muted you", err=True)
        window.buttons["Mute"].invoke()
        operator.wait(lambda: "muted" not in str(operator.cells(window.users, "Tom")))
        tom.say("I am back")
        lena.see("Tom: I am back")

        operator.app.export("lobby", str(tmp_path / "lobby.txt"))
        operator.wait(lambda: "lobby.txt" in window.head.hint["text"])
        assert "Tom: I am back" in (tmp_path / "lobby.txt").read_text("utf-8")
        operator.app.export("lobby", str(tmp_path / "lobby.pdf"))
        operator.wait(lambda: "must end in" in window.head.problem["text"])

        menu = window._room_menu(code)
        assert menu is not None
        menu.invoke("Let no new members in")
        operator.wait(lambda: operator.cells(window.rooms, code)[3] == "locked")
        lena.say(f"/join {code}")
        lena.see("locked", err=True)

        operator.root.after(10, lambda: fill(operator.root, "spam"))
        menu = window._user_menu("Tom")
        assert menu is not None
        menu.invoke("Remove from the server …")
        tom.see("spam", err=True)
        operator.wait(lambda: not operator.cells(window.users, "Tom"))
        operator.app.moderate("kick", "lobby", "Tom")
        operator.wait(lambda: "no user named Tom" in window.head.problem["text"])
    operator.close()
    assert operator.app.result == ""


def test_a_stopped_server_starts_again_with_its_history(new_operator, tmp_path):
    port = free_port()
    operator = new_operator(plan(port, tmp_path / "history.db"))
    operator.wait_running()
    with Chatter("Lena", port) as lena:
        lena.see("[join] Lena joined the chat")
        lena.say("before")
        lena.see("Lena: before")
        operator.window.head.button.invoke()
        operator.wait(lambda: operator.app.worker is None)
        assert operator.window.head.state["text"] == "netchat server: stopped"
        assert operator.window.tiles["users"]["text"] == "-"
        lena.say("typed meanwhile")
        operator.window.head.button.invoke()
        operator.wait_running()
        lena.see("Lena: typed meanwhile")
        operator.wait(lambda: operator.cells(operator.window.users, "Lena"))
        assert "before" not in operator.log  # messages are not in the server's log
    operator.close()


def test_a_server_that_cannot_start_shows_why_and_can_be_tried_again(new_operator):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        operator = new_operator(plan(port))
        operator.wait(lambda: "Cannot listen on 127.0.0.1" in operator.window.head.problem["text"])
        assert operator.app.worker is None
    operator.window.head.button.invoke()
    operator.wait_running()
    assert not operator.window.head.problem.winfo_ismapped()
    operator.close()
    assert operator.app.result == ""


def test_dark_and_larger_text(new_operator):
    operator = new_operator(plan(0))
    operator.wait_running()
    before = operator.window.log.text["background"]
    height = operator.app.theme.text.metrics("linespace")
    operator.root.focus_force()
    operator.root.event_generate("<Control-d>")
    assert operator.window.log.text["background"] != before
    operator.root.event_generate("<Control-equal>")
    assert operator.app.theme.text.metrics("linespace") > height
    operator.root.event_generate("<Control-Key-0>")
    assert operator.app.theme.text.metrics("linespace") == height
    operator.root.event_generate("<Control-q>")
    operator.app.run()


def test_the_operator_administers_the_accounts(new_operator, tmp_path):
    port = free_port()
    operator = new_operator(plan(port, tmp_path / "history.db", accounts="optional"))
    operator.wait_running()
    window = operator.window
    window.open_accounts()
    accounts = window.accounts
    assert accounts is not None
    operator.wait(lambda: "The first one" in accounts.answer["text"])
    assert accounts.buttons["Remove …"].instate(["disabled"])

    def said(text: str) -> None:
        operator.wait(lambda: text in accounts.answer["text"])

    def press(button: str, *answers: str) -> None:
        operator.root.after(10, lambda: fill(accounts.window, *answers))
        accounts.buttons[button].invoke()

    press("Add …", "Ada", "short", "short")
    said("at least 8 characters")
    press("Add …", "Ada", "correct horse", "correct horse")
    said("Ada is registered as owner.")
    press("Add …", "Tom", "battery staple", "battery staple")
    said("Tom is registered as member.")
    press("Add …", "T0m", "battery staple", "battery staple")
    said("is registered, or looks like Tom")
    operator.wait(lambda: operator.cells(accounts.table, "Tom")[1:2] == ("member",))

    operator.select(accounts.table, "Tom")
    password = tmp_path / "password.txt"
    password.write_text("battery staple\n", encoding="utf-8")
    with Chatter("Tom", port, "--password-file", str(password)) as tom:
        tom.see("[join] Tom joined the chat")
        accounts.refresh()
        operator.wait(lambda: operator.cells(accounts.table, "Tom")[3:] == ("online",))
        menu = accounts._menu_of("Tom")
        assert menu is not None
        menu.invoke("Make a moderator")
        said("Tom is now moderator.")
        press("New password …", "another phrase", "another phrase")
        said("Tom has a new password, and is logged out everywhere.")
        tom.see("password", err=True)
    accounts.buttons["New invitation"].invoke()
    said("It registers one account, within 7 days.")
    code = operator.root.clipboard_get()
    assert code in accounts.answer["text"]
    press("Remove …")
    said("Tom is removed.")
    operator.wait(lambda: not operator.cells(accounts.table, "Tom"))
    window.head.button.invoke()
    operator.wait(lambda: operator.app.worker is None)
    accounts.refresh()
    said("does not run")
    window.head.button.invoke()
    operator.wait_running()
    operator.close()


def test_a_server_without_accounts_says_how_to_have_them(new_operator):
    operator = new_operator(plan(free_port()))
    operator.wait_running()
    operator.window.open_accounts()
    first = operator.window.accounts
    assert first is not None
    operator.wait(lambda: "--accounts optional" in first.answer["text"])
    operator.window.open_accounts()
    assert operator.window.accounts is first
    first.window.event_generate("<Escape>")
    operator.close()
