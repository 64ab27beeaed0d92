"""`netchat.Client` and `netchat.Server`, as programs use them."""

from __future__ import annotations

import asyncio

import pytest

import netchat
from netchat.chat.client_events import HistoryReceived, RoomEvent
from netchat.errors import CannotConnect, Refused
from netchat.net.client import _received
from netchat.wire import Event, EventKind


@pytest.fixture
async def server():
    async with netchat.Server(port=0) as server:
        yield server


async def test_send_returns_the_event_when_it_is_acknowledged(server):
    async with netchat.Client(server.address, name="Robot") as chat:
        room = await chat.join("lobby")
        first, second = await room.send("Hello"), await room.send("again")
    assert (first.text, first.sender, second.seq) == ("Hello", "Robot", first.seq + 1)


async def test_events_of_a_room_come_in_order_from_the_join_on(server):
    async with (
        netchat.Client(server.address, name="Nova") as nova,
        netchat.Client(server.address, name="Maya") as maya,
    ):
        room = await nova.create()
        other = await maya.join(room.code)
        for number in range(5):
            await other.send(str(number))
        await other.leave()
        seen = []
        async for event in room.events():
            seen.append((EventKind(event.kind).name, event.sender, event.text))
            if event.kind == EventKind.LEAVE:
                break
    texts = [text for kind, _, text in seen if kind == "CHAT"]
    assert texts == list("01234")
    assert seen[-1][:2] == ("LEAVE", "Maya")


async def test_client_iterates_over_all_rooms(server):
    async with netchat.Client(server.address, name="Nova") as chat:
        lobby, own = await chat.join("lobby"), await chat.create()
        await lobby.send("a")
        await own.send("b")
        said = []
        async for event in chat:
            if isinstance(event, RoomEvent) and event.own:
                said.append(event.event.text)
            if said == ["a", "b"]:
                break


async def test_members_and_history(server):
    async with (
        netchat.Client(server.address, name="Nova") as nova,
        netchat.Client(server.address, name="Maya") as maya,
    ):
        room = await nova.create()
        await maya.join(room.code)
        for text in "abc":
            await room.send(text)
        assert {member.name for member in await room.members()} == {"Nova", "Maya"}
        assert [event.text for event in await room.history(2)] == ["b", "c"]


async def test_private_room_and_rename(server):
    async with (
        netchat.Client(server.address, name="Nova") as nova,
        netchat.Client(server.address, name="Maya") as maya,
    ):
        await nova.rename("Nora")
        assert nova.name == "Nora"
        private = await maya.private("Nora")
        await private.send("psst")
        async for event in nova:
            if isinstance(event, RoomEvent) and event.event.text == "psst":
                assert event.peer == "Maya"
                break


@pytest.mark.parametrize("call", ["join", "private"])
async def test_refusals_by_the_server_are_raised(server, call):
    async with netchat.Client(server.address, name="Nova") as chat:
        with pytest.raises(Refused):
            await getattr(chat, call)("NO-SUCH-ONE")


async def test_taken_name_is_raised_with_a_suggestion(server):
    async with netchat.Client(server.address, name="Nova"):
        with pytest.raises(Refused, match="Try"):
            async with netchat.Client(server.address, name="Nova"):
                pass


async def test_text_for_a_room_that_was_left_is_refused(server):
    async with netchat.Client(server.address, name="Nova") as chat:
        room = await chat.create()
        await room.leave()
        with pytest.raises(Refused):
            await room.send("too late")


async def test_no_server(unused_tcp_port):
    with pytest.raises(CannotConnect):
        async with netchat.Client(("127.0.0.1", unused_tcp_port), name="Nova"):
            pass


async def test_waiting_calls_end_when_the_client_is_closed(server):
    async with netchat.Client(server.address, name="Nova") as chat:
        room = await chat.join("lobby")
        chat._driver.drop()  # the network fails
        sending = asyncio.create_task(room.send("in between"))
        event = await sending  # retransmitted after the reconnect
        assert event.text == "in between"
        iterating = asyncio.create_task(anext(aiter(chat._mailbox.read())))
        await asyncio.sleep(0)
    iterating.cancel()
    with pytest.raises(CannotConnect):
        await room.send("after the end")


async def test_create_survives_a_lost_connection(server):
    async with netchat.Client(server.address, name="Nova") as chat:
        creating = asyncio.create_task(chat.create())
        await asyncio.sleep(0)
        chat._driver.drop()
        joining = asyncio.create_task(chat.join("lobby"))
        room, lobby = await creating, await joining
        assert lobby.code == "lobby"
        assert room.code in chat.rooms


async def test_history_on_disk_outlives_the_server(tmp_path):
    for expected in (0, 1):
        async with (
            netchat.Server(port=0, history=tmp_path / "history.db") as server,
            netchat.Client(server.address, name="Nova") as chat,
        ):
            room = await chat.join("lobby")
            texts = [event.text for event in await room.history() if event.text == "kept"]
            assert len(texts) == expected
            await room.send("kept")


async def test_a_moderator_acts_with_methods_of_the_room(server):
    async with (
        netchat.Client(server.address, name="Ada") as ada,
        netchat.Client(server.address, name="Nova") as nova,
    ):
        room = await ada.create()
        other = await nova.join(room.code)
        await room.set_title("Physics")
        await room.lock("full")
        await room.make_read_only()
        with pytest.raises(Refused, match="read-only"):
            await other.send("hello?")
        assert (room.title, room.role, room.is_locked, room.is_read_only) == (
            "Physics",
            1,
            True,
            True,
        )
        assert (other.title, other.role) == ("Physics", 0)
        await room.unlock()
        await room.make_writable()
        await room.mute("Nova", "quiet", seconds=60)
        with pytest.raises(
            Refused, match=r"Ada has muted you for another 60 seconds: quiet|1 minute"
        ):
            await other.send("but")
        await room.unmute("Nova")
        with pytest.raises(Refused, match="Only a moderator"):
            await other.kick("Ada")
        with pytest.raises(Refused, match="Only an owner"):
            await room.appoint("Nova")
        with pytest.raises(Refused, match="Only an owner"):
            await room.dismiss("Nova")
        await room.kick("Nova", "bye")
        events = [event async for event in other.events()]
        assert events[-1].kind == EventKind.REMOVED
        await room.ban("Nova", "again", seconds=60)
        with pytest.raises(Refused, match="has banned you"):
            await nova.join(room.code)
        (ban,) = await room.bans()
        assert (ban.name, ban.reason) == ("Nova", "again")
        await room.unban(f"#{ban.number}")
        assert await room.bans() == []
        await room.clear()
        assert [event.kind for event in await room.history()] == [EventKind.ROOM_CHANGED]
        await room.close("over")
        assert room.code not in ada.rooms


async def test_events_tell_whether_they_were_sealed_and_what_is_wrong(server):
    async with (
        netchat.Client(server.address, name="Nova") as nova,
        netchat.Client(server.address, name="Maya") as maya,
    ):
        lobby = await nova.join("lobby")
        assert not (await lobby.send("for the server too")).is_sealed
        room = await nova.create(sealed=True)
        other = await maya.join(room.invitation)
        sent = await room.send("for members")
        assert (sent.text, sent.is_sealed, sent.problems) == ("for members", True, ())
        events = other.events()
        joined, received = await anext(events), await anext(events)
        assert (joined.kind, joined.is_sealed) == (EventKind.JOIN, False)
        assert received == sent
        assert (await other.history())[-1] == sent

        # As if the server had sent a later message before.
        (sender,) = maya._core.sealing.rooms[room.code]._senders.values()
        sender.counter += 1000
        await room.send("again")
        repeated = await anext(events)
        assert (repeated.text, repeated.is_sealed) == ("again", True)
        (problem,) = repeated.problems
        assert "repeated or out of order" in problem


def test_past_events_that_should_have_been_sealed_have_problems():
    events = tuple(Event(seq, 1, 1, 1, 1, "R", "Nova", "x") for seq in (1, 2, 3))
    past = HistoryReceived("R", events, 1, 1, {1: (), 2: ("forged",)}, {3: ("not sealed",)})
    found = [(event.seq, event.is_sealed, event.problems) for event in _received(past)]
    assert found == [(1, True, ()), (2, True, ("forged",)), (3, False, ("not sealed",))]


async def test_messages_are_edited_answered_reacted_to_found_and_deleted(server):
    async with (
        netchat.Client(server.address, name="Nova") as nova,
        netchat.Client(server.address, name="Maya") as maya,
    ):
        room = await nova.create()
        other = await maya.join(room.code)
        first = await room.send("a red pne")
        edit = await room.edit(first, "a red pen")
        reply = await other.reply(first, "which pen?")
        reaction = await other.react(first.seq, "👍")
        back = await other.react(first, "👍", remove=True)
        with pytest.raises(Refused, match="Only its sender"):
            await other.edit(first, "mine")
        found = await room.search("PEN red")
        many = await room.search("pen", count=1)
        deletion = await room.delete(first)
        left = await room.history(10)
    assert [edit.text, reply.text] == [f"{first.seq}\na red pen", f"{first.seq}\nwhich pen?"]
    assert [reaction.text, back.text] == [f"{first.seq}\n+👍", f"{first.seq}\n-👍"]
    assert [message.seq for message in found] == [edit.seq]
    assert [message.seq for message in many] == [reply.seq]
    assert deletion.kind == EventKind.DELETE
    assert [e.text for e in left if e.kind == EventKind.ERASED] == ["", ""]
