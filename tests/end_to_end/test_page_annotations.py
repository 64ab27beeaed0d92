"""Edits, deletions, replies and reactions on the page, at both sizes and with a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.cli.chatter import Chatter
from tests.end_to_end.browsing import People, Person, needs_chromium
from tests.end_to_end.processes import Server
from tests.end_to_end.test_page_daily import SMALL
from tests.end_to_end.test_page_looks import faults
from tests.end_to_end.test_page_sealed import create_sealed

pytestmark = [needs_chromium, pytest.mark.slow]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--ephemeral", "--web", "--web-port", "0") as running:
        yield running
        assert running.complaints == []


@pytest.fixture
def people(chromium: Browser, server: Server) -> Iterator[People]:
    people = People(chromium, f"http://127.0.0.1:{server.wait_for('page')['port']}")
    yield people
    people.go_home()


def message(person: Person, text: str) -> Locator:
    return person.log.locator(".lines .message", has=person.page.locator(".text", has_text=text))


def open_menu(person: Person, text: str) -> None:
    """Open the menu of a message, as a mouse or a finger does."""
    bubble = message(person, text).locator(".bubble")
    if person.page.evaluate("matchMedia('(pointer: coarse)').matches"):
        bubble.locator(".text").tap()
    else:
        bubble.hover()
        bubble.get_by_role("button", name="More about this message").click()
    expect(person.page.locator("#message-menu")).to_be_visible()


def test_messages_are_edited_deleted_answered_and_reacted_to(
    people: People, server: Server
) -> None:
    nova, maya = people.new(), people.new(phone=True, dark=True)
    code = nova.enter("Nova")
    maya.enter("Maya", code)
    with Chatter("Terry", server.port, "--room", code) as terry:
        nova.sees("Terry joined")
        nova.say("What is a CRC?", "Nothing")
        maya.sees("Nothing")

        # Replies: Maya with the menu, Nova with the button beside the message.
        open_menu(maya, "What is a CRC?")
        assert faults(maya.page, "menu") == []
        assert maya.page.evaluate(SMALL) == []
        maya.page.click("#message-reply")
        expect(maya.page.locator("#about")).to_contain_text("Replying to Nova: What is a CRC?")
        assert maya.page.evaluate(SMALL) == []
        maya.page.keyboard.type("A cheksum")
        maya.page.keyboard.press("Enter")
        expect(maya.page.locator("#about")).to_be_hidden()
        answer = message(nova, "A cheksum")
        expect(answer.locator(".quote")).to_have_text("Nova What is a CRC?")
        expect(nova.log.locator(".mentioned, .other").last).to_contain_text("A cheksum")
        terry.see("A cheksum")

        # Edits: with the menu and with the arrow key; a draft survives.
        open_menu(maya, "A cheksum")
        maya.page.click("#message-edit")
        expect(maya.page.locator("#text")).to_have_value("A cheksum")
        maya.say("A checksum")
        expect(message(nova, "A checksum")).to_contain_text("edited")
        expect(message(nova, "A cheksum")).to_have_count(0)
        nova.page.locator("#text").press("ArrowUp")
        expect(nova.page.locator("#text")).to_have_value("Nothing")
        nova.page.keyboard.press("Escape")
        expect(nova.page.locator("#about")).to_be_hidden()
        expect(nova.page.locator("#text")).to_have_value("")

        # Reactions: added with the menu, joined and taken back by pressing them.
        open_menu(nova, "A checksum")
        nova.page.locator("#message-reactions button", has_text="🎉").click()
        reaction = message(maya, "A checksum").locator(".reaction")
        expect(reaction).to_have_text("🎉 1")
        expect(reaction).to_have_attribute("aria-pressed", "false")
        reaction.click()
        expect(message(nova, "A checksum").locator(".reaction")).to_have_text("🎉 2")
        expect(reaction).to_have_attribute("title", "Nova, Maya")
        reaction.click()
        expect(message(nova, "A checksum").locator(".reaction")).to_have_text("🎉 1")
        open_menu(nova, "A checksum")
        nova.page.fill("#message-reaction", "two words")
        nova.page.press("#message-reaction", "Enter")
        expect(nova.page.locator("#toasts")).to_contain_text("contains no space")

        # Deletions: only of the user's own messages, or by a moderator; quotes of them go, too.
        open_menu(maya, "Nothing")
        expect(maya.page.locator("#message-delete")).to_be_hidden()
        expect(maya.page.locator("#message-edit")).to_be_hidden()
        maya.page.keyboard.press("Escape")
        open_menu(nova, "What is a CRC?")
        nova.page.click("#message-delete")
        expect(nova.page.locator("#deleting")).to_contain_text("It disappears for everyone.")
        nova.page.click("#delete-yes")
        for person in (nova, maya):
            person.sees("This message was deleted.")
            expect(person.log.locator(".quote")).to_have_text("Nova deleted")
        open_menu(nova, "A checksum")  # of Maya, by the moderator
        nova.page.click("#message-delete")
        nova.page.click("#delete-yes")
        maya.sees("Nova deleted this message.")

        # After a reload, the history shows the same.
        shown = nova.log.locator(".lines .text").all_text_contents()
        assert shown == ["This message was deleted.", "Nothing", "Nova deleted this message."]
        for person in (nova, maya):
            person.page.reload()
            person.ready()
            person.sees("Nothing")
            assert person.texts() == shown
            assert faults(person.page, "room") == []
        assert terry.end() == 0


def test_the_menu_with_the_keyboard_alone(people: People) -> None:
    nova = people.new()
    nova.enter("Kim")
    nova.say("first", "second", "third")
    nova.sees("third")
    nova.log.focus()
    press = nova.page.keyboard.press
    press("Enter")
    press("ArrowUp")
    press("Enter")
    expect(nova.page.locator("#message-brief")).to_have_text("Kim: second")
    nova.page.locator("#message-reply").focus()
    press("Enter")
    nova.page.keyboard.type("indeed")
    press("Enter")
    expect(nova.log.locator(".quote")).to_have_text("Kim second")
    nova.log.locator(".quote").click()
    expect(nova.log.locator(".item.revealed .text")).to_have_text("second")


def test_the_commands_of_the_terminal(people: People) -> None:
    nova, maya = people.new(), people.new()
    maya.enter("Juno", nova.enter("Ceres"))
    maya.say("one", "two")
    nova.sees("two")
    nova.say("/reply @Juno indeed", "/react tada", "mine", "/edit mine, corrected")
    expect(message(maya, "indeed").locator(".quote")).to_have_text("Juno two")
    expect(message(maya, "two").locator(".reaction")).to_have_text("🎉 1")
    maya.sees("mine, corrected")
    nova.say("/delete", "/react tada")
    maya.sees("This message was deleted.")
    expect(message(maya, "two").locator(".reaction")).to_have_count(0)
    nova.say("/reply @Nobody1 hm")
    expect(nova.page.locator("#text-problem")).to_have_text("There is no message of Nobody1 here.")
    assert maya.texts() == ["one", "two", "indeed", "This message was deleted."]


def test_messages_show_their_numbers_while_a_command_needs_them(people: People) -> None:
    nova = people.new()
    nova.enter("Cleo")
    nova.say("one", "two", "three")
    nova.sees("three")
    numbers = nova.log.locator(".meta .number")
    expect(numbers.first).to_be_hidden()
    nova.page.locator("#text").press_sequentially("/edit ")
    for number in numbers.all():
        expect(number).to_be_visible()
    shown = message(nova, "two").locator(".number").inner_text()
    assert shown.startswith("#")
    nova.page.keyboard.type(f"{shown} 2")
    nova.page.keyboard.press("Enter")
    expect(message(nova, "2")).to_contain_text("edited")
    assert nova.texts() == ["one", "2", "three"]
    expect(numbers.first).to_be_hidden()
    nova.say(f"/delete {shown}")
    nova.sees("This message was deleted.")


def test_annotations_of_a_sealed_room_agree_with_the_terminal(
    people: People, server: Server
) -> None:
    nova, maya = people.new(), people.new(phone=True)
    link = create_sealed(nova, "Pallas")
    code, _, secret = link.rpartition("/r/")[2].partition("#")
    maya.visit(link.removeprefix(people.address))
    maya.accept("Hygiea")
    with Chatter("Terry", server.port, "--room", f"{code}#{secret}") as terry:
        nova.sees("Terry joined")
        nova.say("sealed txt")
        terry.see("Pallas: sealed txt")
        terry.say("/reply @Pallas of what?", "/react @Pallas tada")
        nova.sees("of what?")
        expect(message(maya, "of what?").locator(".quote")).to_have_text("Pallas sealed txt")
        expect(message(maya, "sealed txt").locator(".reaction")).to_have_text("🎉 1")
        # The page's own, which the terminal opens.
        message(nova, "sealed txt").locator(".reaction").click()
        expect(message(maya, "sealed txt").locator(".reaction")).to_have_text("🎉 2")
        terry.see("[react] Pallas 🎉")
        nova.say("/edit sealed text")
        terry.see("sealed text")
        expect(message(maya, "sealed text")).to_contain_text("edited")
        maya.say("/react @Terry +1", "to be deleted")
        expect(message(nova, "of what?").locator(".reaction")).to_have_text("👍 1")
        terry.see("Hygiea: to be deleted")
        maya.say("/delete")
        nova.sees("This message was deleted.")
        terry.see("[delete] Hygiea")
        # A client refuses an edit of a message that another user has sealed.
        number = message(nova, "of what?").locator(".number").text_content()
        maya.say(f"/edit {number} changed by Hygiea")
        maya.say("afterwards")
        nova.sees("afterwards")
        expect(message(nova, "changed by Hygiea")).to_have_count(0)
        expect(nova.log.locator(".text", has_text="of what?")).to_have_count(1)
        shown = nova.texts()
        for person in (nova, maya):
            person.page.reload()
            person.ready()
            person.sees("afterwards")
            assert person.texts() == shown
            expect(message(person, "sealed text")).to_contain_text("edited")
            expect(message(person, "sealed text").locator(".reaction")).to_have_text("🎉 2")


def test_an_edit_waits_for_the_connection(people: People) -> None:
    nova, maya = people.new(), people.new()
    maya.enter("Ida", nova.enter("Ion"))
    nova.say("before")
    maya.sees("before")
    nova.page.evaluate("() => window.dispatchEvent(new Event('offline'))")
    nova.page.context.set_offline(True)
    nova.page.locator("#text").press("ArrowUp")
    nova.say("after")
    expect(nova.log.locator(".tail .message")).to_have_count(0)  # it is no message
    nova.page.context.set_offline(False)
    maya.sees("after")
    expect(message(nova, "after")).to_contain_text("edited")


def test_a_room_is_searched_and_code_is_shown(people: People) -> None:
    nova, maya = people.new(), people.new(phone=True, dark=True)
    code = nova.enter("Ursa")
    nova.say("the needle in the haystack", "```python\nx = '<b>'\n```", "and `inline code` here")
    expect(nova.log.locator("code.block")).to_have_text("x = '<b>'")
    expect(nova.log.locator("code:not(.block)")).to_have_text("inline code")
    expect(nova.log.locator("b")).to_have_count(0)
    for part in range(4):  # more than the page loads at first
        nova.say(*(f"filler {part}-{number}" for number in range(20)))
    nova.sees("filler 3-19")
    maya.enter("Lynx", code)
    maya.sees("filler 3-19")
    maya.tool("search-open")
    maya.page.fill("#search-words", "NEEDLE hay")
    maya.page.press("#search-words", "Enter")
    expect(maya.page.locator("#search-state")).to_have_text("1 message found.")
    assert faults(maya.page, "search") == []
    assert maya.page.evaluate(SMALL) == []
    expect(maya.log.locator(".text", has_text="needle")).to_have_count(0)
    maya.page.locator("#search-found button").click()
    expect(maya.log.locator(".item.revealed .text")).to_have_text("the needle in the haystack")
    maya.log.locator(".item.revealed .text").scroll_into_view_if_needed()
    assert faults(maya.page, "code") == []
    nova.say("/search filler 2-")
    expect(nova.page.locator("#search-found li")).to_have_count(20)
    nova.page.fill("#search-words", "nowhere to be found")
    nova.page.press("#search-words", "Enter")
    expect(nova.page.locator("#search-state")).to_have_text("No messages found.")
    nova.page.keyboard.press("Escape")

    # The server cannot read sealed messages: those that are loaded are searched here.
    nova.say("/msg Lynx a sealed needle")
    nova.sees("a sealed needle")
    nova.sees("Messages are sealed")
    nova.say("/search needle")
    expect(nova.page.locator("#search-found button")).to_contain_text("a sealed needle")
