"""The page when the server, the network or the tab fails."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from netchat.wire import Create
from tests.cli.chatter import Chatter
from tests.end_to_end.browsing import People, needs_chromium
from tests.end_to_end.processes import Server, free_port

pytestmark = needs_chromium

_names = itertools.count(1)

#: Makes every new WebSocket of the page fail, until its own `WebSocket` is restored.
NO_MORE_CONNECTIONS = """() => {
  window.Socket = WebSocket;
  WebSocket = class {
    constructor() { setTimeout(() => this.onclose?.()); }
    close() {}
  };
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    history: Path = tmp_path_factory.mktemp("page") / "history.db"
    port = str(free_port())
    options = ("--history", str(history), "--web", "--web-port", port, "--rate", "0")
    with Server(*options, port=free_port()) as running:
        yield running


@pytest.fixture
def people(chromium: Browser, server: Server) -> Iterator[People]:
    people = People(chromium, f"http://127.0.0.1:{server.wait_for('page')['port']}")
    yield people
    people.go_home()


@pytest.fixture
def pair(people: People):
    """Two users in one room: one on a desktop, one on a phone."""
    number = next(_names)
    nova, maya = people.new(), people.new(phone=True)
    maya.enter(f"Maya{number}", nova.enter(f"Nova{number}"))
    nova.sees(f"Maya{number} joined")
    return nova, maya


def test_the_server_is_killed_during_a_conversation(pair, server: Server) -> None:
    nova, maya = pair
    nova.say("before")
    maya.sees("before")
    server.kill()
    expect(nova.page.locator("#banner")).to_contain_text("cannot be reached")
    expect(nova.page.locator("#banner")).to_contain_text("Next try in")
    nova.say("while it is", "gone")
    maya.say("me too")
    expect(nova.pending).to_have_count(2)
    expect(nova.pending.locator(".unseen").last).to_contain_text("sending")
    server.start()
    nova.page.click("#retry")
    for person in pair:
        person.online()
        person.sees("me too")
        person.sees("gone")
        expect(person.pending).to_have_count(0)
        expect(person.page.locator("#banner")).to_be_hidden()
    assert nova.texts() == maya.texts()
    assert sorted(nova.texts()) == ["before", "gone", "me too", "while it is"]


def test_flight_mode(pair) -> None:
    nova, maya = pair
    maya.page.context.set_offline(True)
    maya.say("hello?")
    nova.say("can you hear me?")
    # The connection is not closed, only silent: the page must detect this.
    expect(maya.page.locator("#banner")).to_contain_text("Next try in")
    expect(maya.pending).to_have_count(1)
    maya.say("I am in a tunnel")
    maya.page.context.set_offline(False)
    for person in pair:
        person.sees("I am in a tunnel")
        person.sees("hello?")
        person.sees("can you hear me?")
        expect(person.pending).to_have_count(0)
    assert nova.texts() == maya.texts()


def test_a_reloaded_tab_loses_nothing(pair, server: Server) -> None:
    nova, maya = pair
    nova.say("one")
    maya.sees("one")
    nova.page.evaluate(NO_MORE_CONNECTIONS)
    server.kill()
    expect(nova.page.locator("html")).not_to_have_attribute("data-link", "online")
    nova.say("unsent")
    nova.page.fill("#text", "half a sent")
    mark = len(server.lines)
    server.start()
    server.wait_for("page", since=mark)
    nova.page.reload()
    nova.ready()
    assert nova.page.input_value("#text") == "half a sent"
    maya.sees("unsent")
    nova.sees("unsent")
    expect(nova.pending).to_have_count(0)
    assert nova.texts() == maya.texts() == ["one", "unsent"]
    assert len(nova.log.locator(".notice", has_text="joined").all()) == 2


def test_tabs_are_separate_users_and_a_new_tab_resumes_a_closed_one(
    people: People,
) -> None:
    profile = people.profile()
    first, second = people.tab(profile), people.tab(profile)
    number = next(_names)
    code = first.enter(f"One{number}")
    second.enter(f"Two{number}", code)
    first.sees(f"Two{number} joined")
    second.say("I close this tab")
    first.sees("I close this tab")
    second.page.close()
    third = people.tab(profile)
    expect(third.page.locator("#me")).to_contain_text(f"Two{number}")
    third.sees("I close this tab")
    third.say("and I am back")
    first.sees("and I am back")
    assert first.log.locator(".notice", has_text=f"Two{number} left").count() == 0


def test_a_tab_stops_writing_after_a_takeover(people: People) -> None:
    profile = people.profile()
    first = people.tab(profile)
    name = f"Frost{next(_names)}"
    first.enter(name)
    # A frozen tab does not answer a new one.
    first.page.evaluate("() => { BroadcastChannel.prototype.postMessage = () => {} }")
    second = people.tab(profile)
    expect(second.page.locator("#me")).to_contain_text(name)
    expect(first.page.locator("#ended")).to_be_visible()
    second.say("mine now")
    second.sees("mine now")
    second.page.evaluate("dispatchEvent(new Event('pagehide'))")
    kept = second.page.evaluate("JSON.stringify(localStorage)")
    first.page.evaluate("dispatchEvent(new Event('pagehide'))")
    assert second.page.evaluate("JSON.stringify(localStorage)") == kept

    # This tab detects the takeover only by the other owner's mark in its state.
    second.page.evaluate(
        """() => {
          const key = Object.keys(localStorage).find((name) => name.startsWith("netchat:tab:"));
          localStorage.setItem(key, `another 1 {}`);
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    expect(second.page.locator("#ended-why")).to_contain_text("Another tab")


#: The first CREATE is not sent: the connection is cut in its place.
CUT_AT_CREATE = """(create) => {
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (frame) {
    if (frame[3] !== create) return send.call(this, frame);
    WebSocket.prototype.send = send;
    return this.close();
  };
}"""


def test_the_connection_is_cut_while_a_room_is_created(people: People) -> None:
    nova = people.new()
    nova.page.evaluate(CUT_AT_CREATE, Create.TYPE)
    nova.enter(f"Cut{next(_names)}")
    nova.say("here")
    nova.sees("here")
    expect(nova.page.locator("#rooms button")).to_have_count(1)


def test_a_suspended_tab_probes_before_giving_up(people: People) -> None:
    person = people.tab(people.profile())
    sockets: list[object] = []
    person.page.on("websocket", lambda socket: sockets.append(socket))
    person.page.clock.install()
    person.page.reload()
    person.ready()
    person.enter(f"Sleepy{next(_names)}")
    person.page.clock.fast_forward(60_000)  # browsers delay timers of hidden tabs this long
    for _ in range(3):
        person.page.clock.fast_forward(1_000)
        person.say("awake")
    person.sees("awake", 3)
    assert len(sockets) == 1


def test_scrolling_up_loads_history_and_new_messages_keep_the_position(
    pair, server: Server
) -> None:
    nova, maya = pair
    with Chatter("Writer", server.port, "--room", nova.code) as writer:
        writer.say(*(f"line {n}" for n in range(150)))
        maya.sees("line 149")
        writer.end()
    maya.page.reload()
    maya.ready()
    maya.sees("line 149")
    assert len(maya.texts()) < 100
    for _ in range(10):
        maya.log.evaluate("log => log.scrollTo(0, -log.scrollHeight)")
        if maya.log.locator(".head:not([hidden])").count():
            break
        maya.page.wait_for_timeout(100)
    assert maya.texts() == [f"line {n}" for n in range(150)]

    top = maya.log.locator(".text", has_text="line 20").first
    top.scroll_into_view_if_needed()
    before = top.bounding_box()
    nova.say("news", "more news")
    maya.sees("more news")
    assert top.bounding_box() == before
    expect(maya.page.locator("#jump")).to_contain_text("2 new")
    maya.page.bring_to_front()
    maya.page.click("#jump")
    expect(maya.page.locator("#jump")).to_be_hidden()
    expect(maya.log.locator(".text", has_text="more news")).to_be_in_viewport()


def test_another_connection_takes_over_the_session(pair) -> None:
    """For example, a phone thaws a tab after another one has taken over."""
    nova, maya = pair
    kept = nova.page.evaluate("JSON.stringify(localStorage)")
    thief = nova.page.context.browser.new_context()
    page = thief.new_page()
    page.add_init_script(f"for (const [k, v] of Object.entries({kept})) localStorage.setItem(k, v)")
    page.goto(nova.page.url)
    expect(nova.page.locator("#ended")).to_be_visible()
    thief.close()
    nova.page.click("#ended-again")
    nova.ready()
    nova.say("mine again")
    maya.sees("mine again")


def test_a_server_without_its_history_and_a_taken_name(chromium: Browser) -> None:
    port = str(free_port())
    with Server("--ephemeral", "--web", "--web-port", port, port=free_port()) as server:
        people = People(chromium, f"http://127.0.0.1:{server.wait_for('page')['port']}")
        nova = people.new()
        nova.enter("Nova")
        nova.say("kept")
        nova.sees("kept")
        luna = people.new()
        luna.page.fill("#home-name", "Luna")
        luna.page.click("#home-lobby")
        luna.say("before")
        luna.sees("before")
        # It must not reconnect before another user has taken the name.
        nova.page.evaluate(NO_MORE_CONNECTIONS)
        mark = len(server.lines)
        server.kill()
        expect(nova.page.locator("html")).not_to_have_attribute("data-link", "online")
        nova.say("lost words")
        server.start()
        server.wait_for("page", since=mark)
        luna.page.evaluate(
            "dispatchEvent(new Event('online'))"
        )  # reconnect now instead of after the delay
        thief = people.new()
        thief.enter("Nova")
        nova.page.evaluate("() => { WebSocket = Socket }")

        expect(nova.page.locator("#renaming-problem")).to_contain_text("is taken")
        nova.page.keyboard.press("Escape")  # the dialog insists on another name
        expect(nova.page.locator("#renaming-problem")).to_contain_text("is taken")
        nova.page.click("#rename-form .primary")  # accept the suggestion
        nova.online()
        expect(nova.page.locator("#me")).to_contain_text("Nova2")
        expect(nova.page.locator("#subtitle")).to_contain_text("this room no longer exists")
        expect(nova.log.locator(".failed")).to_contain_text("lost words")
        assert nova.texts() == ["kept"]
        nova.tool("leave")
        nova.page.click("#leave-yes")
        expect(nova.page.locator("#home")).to_be_visible()

        # The lobby exists again, but empty; earlier messages stay on the page.
        luna.online()
        luna.say("after")
        expect(luna.log.locator(".lines .text")).to_have_text(["after"])
        expect(luna.log.locator(".former .text")).to_have_text(["before"])
        expect(luna.log.locator(".former")).to_contain_text(
            "The server has restarted without its history"
        )
        people.go_home()
