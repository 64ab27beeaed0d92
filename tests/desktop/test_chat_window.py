"""Files, emoji, links and the menus of hosts in the chat window, with a real server."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.cli.chatter import Chatter
from tests.desktop.modal import fill
from tests.end_to_end.processes import Server, free_port

pytest.importorskip("tkinter")

from netchat.desktop.emoji_picker import EMOJI
from netchat.desktop.saved_login import load_login
from netchat.link.code_table import warm_up
from tests.desktop.person import WindowUser

#: Size of a file whose transfer takes long enough to be paused.
LARGE = 60_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--ephemeral", "--rate", "0", port=free_port()) as server:
        yield server


@pytest.fixture(scope="module")
def link_server() -> Iterator[Server]:
    warm_up()  # compiles the codes in a new clone, which takes longer than a server may
    with Server("--ephemeral", "--udp", port=free_port()) as server:
        yield server


@pytest.fixture
def new_person(tk_root, request):
    people: list[WindowUser] = []

    def new(name: str, **login) -> WindowUser:
        kind = "link_server" if "link_server" in request.fixturenames else "server"
        people.append(WindowUser(tk_root, request.getfixturevalue(kind), name, **login))
        return people[-1]

    yield new
    for person in people:
        if person.app.worker is not None:
            person.app.quit()
            person.app.run()


def labels(menu) -> list[str]:
    last = menu.index("end")
    return [
        menu.entrycget(index, "label") for index in range(last + 1) if menu.type(index) == "command"
    ]


def test_files_are_offered_saved_paused_and_cancelled(new_person, server, tmp_path, monkeypatch):
    content = random.Random(7).randbytes(300_000)
    (tmp_path / "a b.bin").write_bytes(content)
    (tmp_path / "large.bin").write_bytes(bytes(LARGE))
    nova = new_person("Nova")
    nova.join()
    with Chatter("Lena", server.port) as lena:
        lena.see("[join] Lena joined the chat")
        lena.say(f"/send {tmp_path / 'a b.bin'}")
        nova.sees("a b.bin (300 kB)")
        assert "/save" not in nova.log
        target = tmp_path / "saved copy.bin"
        asked = {}
        monkeypatch.setattr(
            "netchat.desktop.chat_window.filedialog.asksaveasfilename",
            lambda **options: asked.update(options) or str(target),
        )
        text = nova.chat.log.text
        nova.root.update()
        x, y, _, height = text.bbox(text.search("Save …", "1.0"))
        for event in ("<Enter>", "<Motion>", "<Button-1>"):
            text.event_generate(event, x=x + 2, y=y + height // 2)
        nova.wait(target.exists)
        nova.sees(str(target))
        assert target.read_bytes() == content
        assert asked["initialfile"] == "a b.bin"

        monkeypatch.setattr(
            "netchat.desktop.chat_window.filedialog.askopenfilenames",
            lambda **_: (str(tmp_path / "large.bin"),),
        )
        nova.chat.input.attach_button.invoke()
        nova.wait(lambda: nova.chat.state.transfers)
        (number,) = nova.chat.transfers.rows
        row = nova.chat.transfers.rows[number]
        row.pause.invoke()
        nova.wait(lambda: nova.chat.state.transfers[0].is_paused)
        nova.wait(lambda: row.pause["text"] == "Resume")
        assert "large.bin" in row.text["text"]
        assert row.text["text"].endswith("paused")
        assert row.bar["value"] == round(1000 * nova.chat.state.transfers[0].share) < 1000
        row.pause.invoke()
        nova.wait(lambda: "large.bin is in the lobby" in nova.log)
        nova.wait(lambda: not nova.chat.transfers.frame.winfo_ismapped())
        lena.see("large.bin (60 MB)")

        other = tmp_path / "other.bin"
        other.write_bytes(b"1" * LARGE)
        nova.chat.send_file(str(other))
        nova.wait(lambda: nova.chat.state.transfers)
        number = nova.chat.state.transfers[0].number
        nova.app.worker.control_transfer(number, "pause")
        nova.wait(lambda: nova.chat.state.transfers[0].is_paused)
        nova.app.worker.control_transfer(number, "cancel")
        nova.sees("cancelled")
        nova.chat.send_file(str(tmp_path / "missing.bin"))
        nova.sees("missing.bin")

        nova.app.worker.open_private("Lena")
        nova.wait(lambda: nova.chat.state.selected == "@lena")
        nova.chat.send_file(str(tmp_path / "a b.bin"))
        lena.see("300 kB")
    nova.close()


def test_an_emoji_is_inserted_at_the_cursor(new_person, server):
    nova = new_person("Nova")
    nova.join()
    with Chatter("Olga", server.port) as olga:
        olga.see("[join] Olga joined the chat")
        nova.chat.input.set("good  morning")
        nova.chat.input.text.mark_set("insert", "1.5")
        picker = nova.chat.input.pick_emoji()
        picker.buttons["🎉"].invoke()
        assert not picker.window.winfo_exists()
        nova.chat.input.submit()
        olga.see("Nova: good 🎉 morning")
        nova.sees("good 🎉 morning")
        again = nova.chat.input.pick_emoji()
        again.window.focus_force()
        nova.root.update()
        again.window.event_generate("<Escape>")
        nova.wait(lambda: not again.window.winfo_exists())
    nova.close()


def test_the_emoji_are_single_characters_and_differ():
    characters = "".join(EMOJI)
    assert len(set(characters)) == len(characters)
    assert {len(line) for line in EMOJI} == {10}
    assert not set("\u200d\ufe0f") & set(characters)


@pytest.mark.thorough  # it loads all codes, in two processes
@pytest.mark.parametrize("udp", [False, True])
def test_a_link_over_a_noisy_channel(new_person, link_server, udp, tmp_path):
    saved = tmp_path / "window.json"
    nova = new_person("Nova", saved=saved)
    form = nova.app.form
    assert not form.fields["link"].winfo_ismapped()
    form.options_button.invoke()
    nova.wait(form.fields["link"].winfo_ismapped)
    form.link.set("rs:300,2")
    form.submit()
    assert form.problem.startswith("Link: ")
    form.link.set("rs:255,223")
    form.channel.set("bsc:2")
    form.submit()
    assert form.problem.startswith("Channel: ")
    form.channel.set("bsc:1e-3")
    form.udp.set(udp)
    form.tls.set(udp)
    if udp:
        form.submit()
        assert "TLS does not apply to UDP" in form.problem
        form.tls.set(False)
    nova.join()
    nova.type("over a noisy link")
    nova.sees("over a noisy link")
    assert "link rs:255,223" in nova.chat.status["text"]
    assert ("UDP" in nova.chat.status["text"]) is udp
    nova.chat.run("/link")
    nova.sees("repaired")
    nova.close()
    login = load_login(saved)
    assert (login.link, login.channel, login.udp) == ("rs:255,223", "bsc:1e-3", udp)
    assert new_person("Nova", link="adaptive").app.form.fields["link"].winfo_ismapped()


def test_the_menu_of_a_room_for_its_moderators(new_person, server):
    nova = new_person("Nova")
    nova.join()
    assert not nova.chat.room_button.winfo_ismapped()
    nova.chat.run("/create")
    nova.wait(nova.chat.room_button.winfo_ismapped)
    room = nova.chat._selected()
    with Chatter("Tilda", server.port, "--room", room.code) as tilda:
        nova.sees("Tilda joined the room")
        nova.root.after(10, lambda: fill(nova.root, "Networks"))
        nova.chat.menus.of_room(room).invoke("Title …")
        nova.wait(lambda: nova.chat._selected().label == "Networks")
        nova.root.after(10, lambda: fill(nova.root, "full"))
        nova.chat.menus.of_room(room).invoke("Let no new members in …")
        nova.wait(lambda: nova.chat._selected().is_locked)
        nova.wait(lambda: nova.chat._topic["text"] == "locked")
        nova.chat.menus.of_room(nova.chat._selected()).invoke("Let new members in")
        nova.wait(lambda: not nova.chat._selected().is_locked)
        nova.root.after(10, lambda: fill(nova.root, ""))
        nova.chat.menus.of_room(room).invoke("Let only moderators write …")
        nova.wait(lambda: nova.chat._selected().is_read_only)
        tilda.say("may I?")
        tilda.see("read-only", err=True)
        nova.chat.menus.of_room(nova.chat._selected()).invoke("Let everyone write")
        nova.wait(lambda: not nova.chat._selected().is_read_only)

        menu = nova.chat.people.menu_of("Tilda")
        assert "Make a moderator" not in labels(menu)  # only an owner may
        menu.invoke("Mute until lifted")
        nova.sees("Tilda was muted by Nova")
        menu.invoke("Let write again")
        nova.sees("Tilda was unmuted by Nova")
        tilda.say("I can write")
        nova.sees("I can write")
        assert "Make a moderator" in labels(nova.chat.menus.of_member("Tilda", 2))
        assert labels(nova.chat.menus.of_member("Tilda", 0))[-1] == "Compare the safety number"

        nova.app.worker.open_private("Tilda")
        nova.wait(lambda: nova.chat.state.selected == "@tilda")
        nova.wait(lambda: not nova.chat.room_button.winfo_ismapped())
        assert "Remove …" not in labels(nova.chat.people.menu_of("Tilda"))
        nova.chat.select(room.key)
        nova.wait(lambda: nova.chat.state.selected == room.key)
        nova.root.after(10, lambda: fill(nova.root, "the lesson is over"))
        nova.chat.menus.of_room(room).invoke("Close the room …")
        tilda.see("the lesson is over", err=True)
        nova.wait(lambda: nova.conversation("Networks") is None)
    nova.close()
