"""Tests of Python's client, run on the page's client under node."""

import pytest
from hypothesis import settings
from hypothesis.stateful import rule, run_state_machine_as_test

from netchat.chat.client import ChatClient
from netchat.chat.client_events import RoomEvent
from netchat.wire import FrameReader, Hello, decode
from tests.chat import test_hub_machine
from tests.chat import world as chat
from tests.chat.test_client import (  # noqa: F401
    TestConversation,
    TestEnding,
    TestPrivate,
    TestWhatCannotBeSent,
    test_a_text_the_server_refuses_is_reported,
    test_the_outbox_is_sent_in_order,
    test_warnings_are_reported,
)
from tests.chat.test_client_annotations import (  # noqa: F401
    test_a_refusal_is_reported,
    test_a_search_is_answered_and_repeated_after_a_lost_connection,
    test_an_old_server_gets_no_search,
    test_an_old_server_gets_none,
    test_every_kind_is_sent_in_order,
    test_it_survives_a_lost_connection_and_counts_once,
    test_only_members_annotate,
)
from tests.chat.test_client_handlers import (  # noqa: F401
    TestOrder,
    TestProtocolErrors,
    TestRoomPositions,
    give,
    lobby,
    test_a_ping_is_answered,
    welcome,
)
from tests.chat.test_client_reconnect import (  # noqa: F401
    test_a_crash_loses_nothing_that_was_acknowledged,
    test_a_request_whose_answer_is_lost,
    test_a_room_that_is_gone,
    test_a_room_that_refuses_a_rejoin_says_why,
    test_a_server_without_a_disk_restarts_with_another_log,
    test_cut_at_any_byte_nothing_is_lost_or_duplicated,
    test_events_deleted_meanwhile_are_reported,
    test_every_welcome_is_lost,
    test_messages_without_a_connection_are_sent_later,
    test_the_acknowledgement_is_pending_when_the_client_reconnects,
    test_the_session_is_over_and_the_rooms_are_joined_again,
    world,
)
from tests.web.page_client import NODE, Node, PageClient

pytestmark = pytest.mark.skipif(
    NODE is None, reason="node is not installed: apt-get install nodejs"
)


@pytest.fixture(scope="module")
def node():
    process = Node()
    yield process
    process.close()


@pytest.fixture(autouse=True)
def page_clients(node, monkeypatch):
    """Make every client of the simulated world one of the page's."""
    monkeypatch.setattr(chat, "ChatClient", node.client)


@pytest.fixture
def client(node):
    """Return a connected client whose server the test plays."""
    client = node.client("Nova")
    client.connected()
    give(client, welcome(lobby(10)))
    return client


def reload(world_, user):
    """Close a user's tab while it is active, and reopen it."""
    if user.link is not None:
        world_.drop(user)
    user.core.reload()


class TestReload:
    def test_messages_sent_offline_survive_a_reload(self):
        there = chat.World()
        nova, sourav = there.user("Nova", "lobby"), there.user("Sourav", "lobby")
        there.drop(nova)
        nova.core.say("lobby", "a")
        nova.core.send_private("sourav", "b")
        reload(there, nova)
        there.connect(nova)
        there.settle()
        assert sourav.texts() == ["a"]
        (private,) = [code for code in sourav.core.memory.rooms if code != "lobby"]
        assert sourav.texts(private) == ["b"]
        assert nova.core.unsent == 0

    def test_the_session_resumes_after_the_last_applied_event(self):
        there = chat.World()
        nova, sourav = there.user("Nova", "lobby"), there.user("Sourav", "lobby")
        sourav.core.say("lobby", "seen")
        there.settle()
        reload(there, nova)
        sourav.core.say("lobby", "meanwhile")
        there.settle()
        there.connect(nova)
        there.settle()
        assert nova.texts() == ["seen", "meanwhile"]
        assert nova.core.name == "Nova"
        assert len(there.hub.state.shared.sessions) == 2

    def test_counters_continue_and_no_message_is_duplicated(self):
        there = chat.World()
        nova, sourav = there.user("Nova", "lobby"), there.user("Sourav", "lobby")
        nova.core.say("lobby", "one")
        there.exchange()  # the page closes before it is on disk
        there.take_batch()
        reload(there, nova)
        nova.core.say("lobby", "two")
        there.connect(nova)
        there.settle()
        assert sourav.texts() == nova.texts() == ["one", "two"]
        assert [h.event.counter for h in sourav.all(RoomEvent) if h.event.device] == [1, 2]

    def test_reload_before_the_first_connection(self, node):
        core = node.client("Nova")
        core.connected()
        core.reload()
        core.connected()
        (hello,) = [decode(f) for f in FrameReader().feed(core.data_to_send())]
        assert isinstance(hello, Hello)
        assert (hello.name, hello.token, hello.positions) == ("Nova", b"", ())


class PageChat(test_hub_machine.Chat):
    """The state machine of `tests/chat` with pages and terminals, and reloads of pages."""

    @rule(who=test_hub_machine.WHO)
    def reload(self, who):
        user = self.users[who]
        if isinstance(user.core, PageClient):
            reload(self.world, user)


@pytest.mark.slow
def test_any_order_of_faults(node, monkeypatch):
    def client(name, memory=None):
        return node.client(name) if name in ("Nova", "Maya") else ChatClient(name, memory)

    monkeypatch.setattr(chat, "ChatClient", client)
    run_state_machine_as_test(
        PageChat,
        settings=settings(derandomize=True, max_examples=60, stateful_step_count=40, deadline=None),
    )
