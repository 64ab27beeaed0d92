"""The whole window, on a virtual display, with a real server and other users in terminals."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.cli.chatter import Chatter
from tests.desktop.modal import fill, walk
from tests.end_to_end.processes import Server, free_port

pytest.importorskip("tkinter")

from netchat.desktop.saved_login import load_login
from tests.desktop.person import WindowUser


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--ephemeral", "--accounts", "optional", "--rate", "0", port=free_port()) as server:
        yield server


@pytest.fixture
def new_person(tk_root, server):
    people: list[WindowUser] = []

    def new(name: str, **login) -> WindowUser:
        people.append(WindowUser(tk_root, server, name, **login))
        return people[-1]

    yield new
    for person in people:
        if person.app.worker is not None:
            person.app.quit()
            person.app.run()


def test_a_user_logs_in_chats_in_rooms_and_privately_and_leaves(new_person, server, tmp_path):
    saved = tmp_path / "window.json"
    with Chatter("Lena", server.port) as lena:
        lena.see("[join] Lena joined the chat")
        lena.say("before you came")
        lena.see("Lena: before you came")
        nova = new_person("Nova", saved=saved)
        name = nova.app.form.fields["name"]
        name.focus_force()
        nova.wait(lambda: nova.root.focus_get() is name)
        name.event_generate("<Return>")
        nova.wait(lambda: nova.app.chat is not None)
        nova.sees("before you came", "Nova joined the chat")  # the history, then the event
        assert load_login(saved).name == "Nova"
        assert nova.chat.state.people == ("Lena", "Nova")

        nova.type("Hello Lena")
        lena.see("Nova: Hello Lena")
        nova.sees("Hello Lena")
        hostile = "\\e[31m[join] Tom joined {a} [exit] $b"
        lena.say(hostile)
        nova.sees(hostile)

        nova.type("/create")
        nova.wait(lambda: len(nova.chat.state.conversations) == 2)
        room = next(c for c in nova.chat.state.conversations if c.code)
        nova.wait(lambda: nova.chat.state.selected == room.key)
        lena.say(f"/join {room.code}")
        nova.sees("Lena joined the room")
        nova.chat.run("/title Networks")
        nova.wait(lambda: nova.conversation("Networks"))
        lena.say("/room lobby")
        lena.say("Are you in the lobby, Nova?")
        nova.wait(lambda: nova.conversation("lobby").unread == 1)
        assert nova.conversation("lobby").is_mentioned
        nova.wait(lambda: nova.root.title().startswith("(1) Networks"))

        nova.click(nova.chat.conversations.tree, "lobby")
        nova.wait(lambda: nova.chat.state.selected == "lobby")
        nova.sees("Are you in the lobby")
        nova.wait(lambda: not nova.conversation("lobby").unread)

        tree = nova.chat.people.tree
        for _ in range(2):  # a double click
            nova.click(tree, "@Lena")
        nova.wait(lambda: nova.chat.state.selected == "@lena")
        nova.type("psst")
        lena.see("Nova -> you: psst")
        lena.say("/msg Nova what is it")
        nova.sees("what is it")
        nova.root.event_generate("<Alt-Up>")
        nova.wait(lambda: nova.chat.state.selected != "@lena")
        nova.chat.select("@lena")
        nova.wait(lambda: nova.chat.state.selected == "@lena")
        nova.chat.close_conversation()
        nova.wait(lambda: nova.conversation("Lena") is None)

        nova.close()
        lena.see("[leave] Nova left the chat")
        assert nova.app.result == ""


@pytest.mark.parametrize(("how", "other"), [("quit", "Olga"), ("<Control-q>", "Petra")])
def test_quit_and_control_q_leave_the_chat(how, other, new_person, server):
    with Chatter(other, server.port) as friend:
        friend.see(f"[join] {other} joined the chat")
        nova = new_person("Nova")
        nova.join()
        if how == "quit":
            nova.type("quit")
        else:
            nova.chat.input.text.focus_force()
            nova.chat.input.text.event_generate(how)
        nova.app.run()
        friend.see("[leave] Nova left the chat")


def test_a_refused_name_is_shown_and_a_free_one_is_offered(new_person, server):
    with Chatter("Rita", server.port) as rita:
        rita.see("[join] Rita joined the chat")
        other = new_person("rita")
        other.app.form.submit()
        other.wait(lambda: other.app.form.problem)
        assert other.app.form.problem.startswith("The name rita is taken")
        assert other.app.form.name.get() == "rita2"
        other.join()
        other.sees("rita2 joined the chat")
        other.close()


def test_what_cannot_be_connected_is_shown(new_person, server):
    person = new_person("Nova")
    person.app.form.port.set("70000")
    person.app.form.submit()
    assert "70000" in person.app.form.problem
    person.app.form.port.set(str(free_port()))
    person.app.form.submit()
    person.wait(lambda: "refused" in person.app.form.problem)
    person.app.form.port.set(str(server.port))
    person.join()
    person.close()


def test_a_registered_name_asks_for_its_password(new_person, server):
    nova = new_person("Vera")
    nova.join()
    nova.root.after(10, lambda: fill(nova.root, "correct horse battery", "correct horse battery"))
    nova.chat.run("/register")
    nova.sees("Vera is registered")
    nova.close()
    again = new_person("Vera")
    again.app.form.submit()
    again.wait(lambda: again.app.form.problem)
    assert again.app.form.fields["password"].winfo_ismapped()
    again.app.form.password.set("wrong")
    again.app.form.submit()
    again.wait(lambda: "wrong" in again.app.form.problem.lower())
    again.app.form.password.set("correct horse battery")
    again.join()
    again.wait(lambda: again.chat.state.name == "Vera")
    again.close()


def test_a_killed_server_is_shown_and_messages_typed_meanwhile_arrive(tk_root):
    with Server("--ephemeral", port=free_port()) as server:
        nova = WindowUser(tk_root, server, "Nova")
        nova.join()
        nova.sees("joined the chat")
        server.kill()
        nova.wait(lambda: not nova.chat.state.is_online)
        banner = next(each for each in walk(nova.chat.frame) if "No connection" in text_of(each))
        nova.wait(banner.winfo_ismapped)
        nova.type("typed while offline")
        nova.wait(lambda: nova.chat.state.unsent == 1)
        server.start()
        nova.wait(lambda: nova.chat.state.is_online and not nova.chat.state.unsent)
        nova.sees("typed while offline")
        nova.wait(lambda: not banner.winfo_ismapped())
        server.kill()
        nova.wait(lambda: not nova.chat.state.is_online)
        nova.type("never sent")
        nova.wait(lambda: nova.chat.state.unsent == 1)
        begun = time.monotonic()
        nova.close()
        assert time.monotonic() - begun < 6
        assert nova.app.result == "[not delivered] 1 message"


def text_of(widget) -> str:
    return str(widget["text"]) if "text" in widget.keys() else ""  # noqa: SIM118 - not a mapping


def test_dark_and_larger_text_and_a_narrow_window(new_person):
    nova = new_person("Nova")
    nova.join()
    before = nova.chat.log.text["background"]
    height = nova.app.theme.text.metrics("linespace")
    nova.chat.input.text.focus_force()
    nova.chat.input.text.event_generate("<Control-d>")
    assert nova.chat.log.text["background"] != before
    nova.chat.input.text.event_generate("<Control-equal>")
    nova.chat.input.text.event_generate("<Control-equal>")
    assert nova.app.theme.text.metrics("linespace") > height
    nova.root.event_generate("<Control-Key-0>")
    assert nova.app.theme.text.metrics("linespace") == height
    people = nova.chat.people.tree
    assert people.winfo_ismapped()
    for size in ("620x400", "1100x700", "530x330", "900x600"):  # resize repeatedly
        nova.root.geometry(size)
        nova.root.update()
    nova.root.geometry("620x400")
    nova.wait(lambda: not people.winfo_ismapped())
    nova.root.geometry("1000x500")
    nova.wait(people.winfo_ismapped)
    nova.close()


def test_moderators_have_a_menu_for_each_member(new_person, server):
    nova = new_person("Nova")
    nova.join()
    nova.chat.run("/create")
    nova.wait(lambda: nova.conversation("lobby") and nova.chat.state.selected != "lobby")
    code = next(c.code for c in nova.chat.state.conversations if c.code)
    with Chatter("Tilda", server.port, "--room", code):
        nova.wait(lambda: "Tilda" in nova.chat.state.people and nova.chat.state.role)
        menu = nova.chat.people.menu_of("Tilda")
        labels = [
            menu.entrycget(index, "label")
            for index in range(menu.index("end") + 1)
            if menu.type(index) == "command"
        ]
        assert labels[0] == "Message Tilda"
        nova.root.after(10, lambda: fill(nova.root, "spam"))
        menu.invoke("Remove …")
        nova.wait(lambda: nova.chat.state.people == ("Nova",))
        nova.sees("spam")
    nova.close()
