"""The browser of a capture, with Textual's pilot."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path

import pytest

pytest.importorskip("textual")

from textual.widgets import Input, Static, Tree

from netchat.fullscreen.byte_view import ByteView
from netchat.fullscreen.capture_app import CaptureApp
from netchat.fullscreen.row_list import RowList
from netchat.fullscreen.text_screen import TextScreen
from netchat.packets import Decoder, PcapngWriter, read_packets
from netchat.packets.browse.capture import BrowsedCapture
from netchat.packets.browse.layers import packet_tree
from netchat.wire import encode
from netchat.wire.messages import Send
from tests.end_to_end.processes import ROOT
from tests.fullscreen.running import text_of, until
from tests.packets.segments import Talk

CAPTURED = ROOT / "captures"


@asynccontextmanager
async def browsing(path: Path | str = "two-users.pcapng", size=(160, 50), line: str = ""):
    file = CAPTURED / path
    app = CaptureApp(BrowsedCapture.open(file, Decoder()), file.name, ports=(6464,), line=line)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.capture.is_decoded)
        await pilot.pause()
        yield app, pilot
    app.capture.close()


async def select(app: CaptureApp, pilot, number: int) -> None:
    """Select a packet of the whole list."""
    app.query_one("#packets", RowList).cursor = number - 1
    await pilot.pause()
    await pilot.pause()


def label(app: CaptureApp) -> str:
    node = app.query_one("#tree", Tree).cursor_node
    return str(node.label).strip() if node is not None else ""


def lit(app: CaptureApp) -> bytes:
    view = app.query_one(ByteView)
    return view.data[view._lit.start : view._lit.stop]


async def test_list_tree_and_bytes_are_synchronised():
    async with browsing() as (app, pilot):
        await select(app, pilot, 25)
        assert label(app).startswith("SEND lobby #1")
        frame = encode(Send(1, "lobby", "Hi Orion, can you read this?"))
        assert lit(app) == frame
        tree = app.query_one("#tree", Tree)
        tree.focus()
        await pilot.press("down", "down")
        await pilot.pause()
        assert label(app) == "counter: 1"
        assert lit(app) == bytes(7) + b"\x01"
        assert app.query_one("#doc", Static).render()
        view = app.query_one(ByteView)
        at = view.data.index(b"Orion")
        x = 2 + 6 + 3 * (at % view.per_row)  # border, padding and offset come first
        await pilot.click(view, offset=(x, at // view.per_row - view.scroll_offset.y))
        await pilot.pause()
        await pilot.pause()
        assert label(app) == 'text: "Hi Orion, can you read this?"'
        await select(app, pilot, 3)
        assert label(app).startswith("TCP: 37290 → 6464")
        assert len(lit(app)) == 32


async def test_a_filter_is_completed_applied_and_removed():
    async with browsing() as (app, pilot):
        await select(app, pilot, 26)
        await pilot.press("slash", *"us", "tab")
        field = app.query_one("#filter", Input)
        assert field.value == "user "
        await pilot.press(*"== ", "tab")
        assert field.value == 'user == "Nova" '
        await pilot.press("tab")
        assert field.value == 'user == "Orion" '
        await pilot.press("enter")
        packets = app.query_one("#packets", RowList)
        assert app.focused is packets
        assert packets.count == len(app.capture.packets) - 31
        assert app._number(packets.cursor) == 27  # the next one that is shown
        field.value = "type == FROB"
        await pilot.press("slash", "enter")
        await pilot.pause()
        assert app.focused is field
        assert "Filter: " in text_of(app)
        assert "FROB" in text_of(app).split("\n")[-2]
        assert field.cursor_position == len("type == ")
        field.value = ""
        await pilot.pause()
        assert packets.count == len(app.capture.packets)
        await pilot.press("escape")
        assert app.focused is packets
        await pilot.press("slash")
        field.value = 'user == "Nemo"'
        await pilot.press("enter")
        assert packets.count == 0


async def test_a_conversation_is_selected_followed_and_drawn():
    async with browsing() as (app, pilot):
        await select(app, pilot, 30)
        await pilot.press("c")
        assert app.query_one("#filter", Input).value == "conversation == 2"
        assert "27 shown" in text_of(app)
        await pilot.press("c")
        assert app.query_one("#packets", RowList).count == 58
        await pilot.press("f")
        await pilot.pause()
        assert isinstance(app.screen, TextScreen)
        assert "Conversation 2: Orion" in text_of(app)
        assert "[lobby] Nova: So can anyone on this network." in text_of(app)
        await pilot.press("escape", "l")
        await pilot.pause()
        rows = app.screen.query_one(RowList)
        assert " 30 " in str(app.screen._lines[rows.cursor])
        await pilot.press("q")
        assert not isinstance(app.screen, TextScreen)
        await pilot.press("t")
        assert ":" in text_of(app).split("\n")[10][:22]


async def test_a_packet_without_a_chat_has_neither(tmp_path):
    path = tmp_path / "other.pcapng"
    talk = Talk(port=80).open()
    with PcapngWriter(path) as out:
        for packet in talk.packets:
            out.write(packet)
    async with browsing(path) as (app, pilot):
        for key in ("f", "l", "c"):
            await pilot.press(key)
        await pilot.pause()
        assert not isinstance(app.screen, TextScreen)
        assert app.query_one("#packets", RowList).count == len(talk.packets)


async def test_a_damaged_file_shows_its_packets_and_the_problem(tmp_path):
    path = tmp_path / "damaged.pcapng"
    with PcapngWriter(path) as out:
        for packet in read_packets(CAPTURED / "two-users.pcapng"):
            out.write(packet)
    path.write_bytes(path.read_bytes()[:-30])
    async with browsing(path) as (app, pilot):
        await until(pilot, lambda: "is truncated" in text_of(app))
        assert app.query_one("#packets", RowList).count == 57


@pytest.mark.parametrize("name", ["link-noisy", "tls", "bad-crc", "gaps", "ipv6"])
async def test_every_packet_of_other_captures_can_be_selected(name):
    async with browsing(f"{name}.pcapng", (80, 24)) as (app, pilot):
        packets = app.query_one("#packets", RowList)
        for number in range(1, len(app.capture.packets) + 1, 7):
            await select(app, pilot, number)
            assert packets.cursor == number - 1
            last = [node for node in packet_tree(app.capture, number) if node.size][-1]
            assert label(app) == last.label.strip()


async def test_the_keys_of_the_list_and_the_palette():
    async with browsing(size=(100, 30)) as (app, pilot):
        packets = app.query_one("#packets", RowList)
        await pilot.press("end")
        assert packets.cursor == 57
        await pilot.press("pageup", "k", "up", "j")
        assert packets.cursor == 57 - (packets.size.height - 1) - 1
        await pilot.press("home", "down")
        assert packets.cursor == 1
        await pilot.click(packets, offset=(4, 5))
        assert packets.cursor == 5
        titles = {command.title for command in app.get_system_commands(app.screen)}
        assert {"Filter", "Follow", "Ladder", "Conversation", "Time", "Theme"} <= titles
        for width in (60, 200, 61, 140):
            await pilot.resize_terminal(width, 20)
        await pilot.pause()
        assert packets.cursor == 5
        await pilot.press("q")
        assert app.return_value == 0
