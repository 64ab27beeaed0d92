"""The full-screen app, with Textual's pilot, at 80x24 and 160x50, dark and light."""

from __future__ import annotations

import pytest

pytest.importorskip("textual")

from textual.widgets import Input, OptionList, RichLog, Static

from netchat.chat.client_events import Offline
from netchat.fullscreen.app import ChatApp
from netchat.fullscreen.password_screen import PasswordScreen
from netchat.fullscreen.prompt import PromptArea
from netchat.wire import EventKind, Private, RoomKind, Send
from tests.fullscreen.running import SIZES, redraw, running
from tests.tui.offline import ROOM, asked
from tests.tui.pane_user import PaneUser


def drawn(app: ChatApp) -> str:
    """Return the lines of the log that are drawn."""
    return "\n".join(strip.text.rstrip() for strip in app.query_one("#log", RichLog).lines)


def log_size(app: ChatApp) -> int:
    return sum(bool(entry.sender) for entry in app.panes.conversations["lobby"].entries)


def sent(user: PaneUser) -> list[str]:
    return [m.text for m in user.session.core.memory.outbox.values() if isinstance(m, Send)]


@pytest.mark.parametrize("is_dark", [True, False])
@pytest.mark.parametrize("size", SIZES)
async def test_the_panes_fit_the_screen(size, is_dark):
    user = PaneUser()
    user.event("lobby", "Nova", kind=EventKind.JOIN)
    user.enter(ROOM)
    user.event("lobby", "Nova", "Sourav, where are you?")
    user.event(ROOM, "Nova", "a long line " * 20)
    async with running(user, size, is_dark=is_dark) as (app, _):
        assert app.current_theme.dark is is_dark
        log = app.query_one("#log", RichLog)
        assert "Nova  a long line" in drawn(app)
        assert max(map(len, drawn(app).splitlines())) <= log.size.width <= size[0]
        regions = [app.query_one(f"#{name}").region for name in ("side", "middle", "people")]
        assert sum(region.width for region in regions) == size[0]
        rows = app.query_one("#conversations", OptionList)
        assert [str(row.prompt) for row in rows.options] == ["# lobby  1", "# 7K3F9-2MQ0T"]
        assert rows.highlighted == 1
        assert app.query_one("#status", Static).region.bottom == size[1]


async def test_a_user_types_completes_recalls_and_pastes():
    user = PaneUser()
    user.event("lobby", "Nova", kind=EventKind.JOIN)
    async with running(user) as (app, pilot):
        await pilot.press(*"hi", "enter")
        assert sent(user) == ["hi"]
        prompt = app.query_one(PromptArea)
        await pilot.press("up")
        assert prompt.text == "hi"
        await pilot.press("down", *"No", "tab")
        assert prompt.text == "Nova "
        await pilot.press("escape", *"/cre", "tab")
        assert prompt.text == "/create "
        await pilot.press("escape", *"one", "ctrl+j", *"two", "enter")
        assert sent(user)[1] == "one\ntwo"
        prompt.insert("pasted\nlines")
        assert prompt.size.height == 1 or prompt.text == "pasted\nlines"
        await pilot.press("enter")
        assert sent(user)[2] == "pasted\nlines"
        await pilot.press("enter")  # nothing to send
        await pilot.press(*"/frob", "enter")
        await redraw(app, pilot)
        assert "Unknown command /frob" in drawn(app)


async def test_conversations_are_selected_by_mouse_and_keys():
    user = PaneUser()
    user.event("lobby", "Nova", kind=EventKind.JOIN)
    user.enter(ROOM)
    async with running(user) as (app, pilot):
        await pilot.click("#conversations", offset=(4, 0))
        assert app.state.selected == "lobby"
        assert app.focused is app.query_one(PromptArea)
        await pilot.press("alt+down")
        assert app.state.selected == ROOM
        await pilot.press("alt+down")
        assert app.state.selected == "lobby"
        members = app.query_one("#members", OptionList)
        names = [row.id for row in members.options]
        await pilot.click("#members", offset=(3, names.index("Nova")))
        await redraw(app, pilot)
        assert app.state.selected == "@nova"
        await pilot.press(*"psst", "enter")
        assert any(isinstance(request, Private) for request in asked(user.session))


async def test_the_palette_lists_conversations_and_commands():
    user = PaneUser()
    async with running(user) as (app, _):
        titles = [command.title for command in app.get_system_commands(app.screen)]
        assert {"Go to lobby", "New room", "Commands", "Theme"} <= set(titles)


async def test_a_lost_connection_is_shown():
    user = PaneUser()
    async with running(user) as (app, pilot):
        user.session.core.online = False
        user.take(Offline("connection lost", 100.0))
        await redraw(app, pilot)
        banner = app.query_one("#banner", Static)
        assert banner.display
        assert "reconnecting in 100 s" in str(banner.render())
        user.session.core.online = True
        await redraw(app, pilot)
        assert not banner.display


async def test_passwords_are_not_shown_and_must_be_repeated():
    user = PaneUser()
    user.session.client.password_problem = lambda: ""
    registered: list[str] = []
    user.session.client.register = lambda password, code: registered.append(password)
    async with running(user) as (app, pilot):
        await pilot.press(*"/register", "enter")
        await pilot.pause()
        assert isinstance(app.screen, PasswordScreen)
        assert all(field.password for field in app.screen.query(Input))
        await pilot.press(*"secret", "enter", *"secreT", "enter")
        assert "differ" in str(app.screen.query_one("#password-hint").render())
        await pilot.press("backspace", "t", "enter")
        assert registered == ["secret"]
        user.session.client.password_problem = lambda: "not encrypted"
        await pilot.press(*"/register", "enter")
        await redraw(app, pilot)
        assert "not encrypted" in drawn(app)


@pytest.mark.thorough
@pytest.mark.slow
async def test_ten_thousand_messages_and_a_storm_of_resizes():
    user = PaneUser()
    async with running(user) as (app, pilot):
        for index in range(10_000):
            user.event("lobby", "Nova", f"message {index}")
            if not index % 1000:
                await redraw(app, pilot)
        await redraw(app, pilot)
        assert log_size(app) == 10_000
        for width in range(60, 140, 10):
            await pilot.resize_terminal(width, 24)
        await redraw(app, pilot)
        await redraw(app, pilot)
        assert drawn(app).endswith("Nova  message 9999")
        await pilot.press("pageup")
        await pilot.pause()
        log = app.query_one("#log", RichLog)
        offset = log.scroll_y
        user.event("lobby", "Nova", "one more")
        await redraw(app, pilot)
        assert log.scroll_y == offset


async def test_people_are_hidden_in_a_narrow_terminal_and_by_a_key():
    user = PaneUser()
    async with running(user, (60, 20)) as (app, pilot):
        assert not app.query_one("#people").display
        await pilot.resize_terminal(120, 30)
        await redraw(app, pilot)
        assert app.query_one("#people").display
        await pilot.press("f2")
        assert not app.query_one("#people").display


async def test_hostile_text_and_markup_are_only_text():
    user = PaneUser()
    user.event("lobby", "Nova", "[bold]x[/bold] \x1b[2J \u202eevil [@click=app.quit]y[/]")
    user.enter(ROOM, RoomKind.SEALED)
    user.session.core.memory.rooms[ROOM].title = "[red]title[/]"
    async with running(user) as (app, pilot):
        app.panes.select("lobby")
        await redraw(app, pilot)
        shown = " ".join(drawn(app).split())
        assert "[bold]x[/bold] \\x1b[2J \\u202eevil [@click=app.quit]y[/]" in shown
        rows = app.query_one("#conversations", OptionList)
        assert "[red]title[/]" in str(rows.options[1].prompt)


@pytest.mark.parametrize(
    ("keys", "status"), [(["ctrl+q"], 0), ([*"quit", "enter"], 0), (["ctrl+c"], 130)]
)
async def test_every_way_to_leave_ends_the_app(keys, status):
    async with running(PaneUser()) as (app, pilot):
        await pilot.press(*keys)
        await pilot.pause()
        assert app.return_value == status
