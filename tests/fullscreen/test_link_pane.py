"""The link pane, with a real link."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("textual")

from textual.widgets import Sparkline

from netchat.fullscreen.link_pane import LinkPane
from netchat.link.link import Link
from tests.fullscreen.running import redraw, running, screen_lines
from tests.tui.pane_user import PaneUser


async def test_with_a_link_its_pane_is_open_from_the_start():
    user = PaneUser()
    link = Link.client("rs:255,223")
    user.session.client.path = SimpleNamespace(link=link, channel="bsc:1e-3")
    async with running(user, (120, 32)) as (app, pilot):
        app.meter.goodput_out.extend([10.0, 4000.0])
        await redraw(app, pilot)
        shown = "\n".join(screen_lines(app))
        for text in ("rs:255,223 · not open yet", "0 sent, 0 received", "repaired", "bsc:1e-3"):
            assert text in shown, text
        data = list(app.query_one("#link-sparkline-out", Sparkline).data)
        at = data.index(4000.0)  # a second later, there is one more value
        assert data[at - 1 : at + 1] == [10.0, 4000.0]
        await pilot.press("f3")
        await redraw(app, pilot)
        assert not app.query_one(LinkPane).display


async def test_without_one_f3_says_how_to_use_a_link():
    async with running(PaneUser(), (120, 32)) as (app, pilot):
        assert not app.query_one(LinkPane).display
        await pilot.press("f3")
        await redraw(app, pilot)
        assert "There is no link: frames are sent uncoded." in "\n".join(screen_lines(app))
