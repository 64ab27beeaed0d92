"""The page's client core, under node, held to the tests of Python's: the same rules, the same faults."""

import pytest
from hypothesis import settings
from hypothesis.stateful import rule, run_state_machine_as_test

from netchat.chat.client import ChatClient
from netchat.chat.client_events import RoomEvent
from netchat.wire import FrameReader, Hello, decode
from tests.chat import test_machine
from tests.chat import world as chat
from tests.chat.test_client import (  # noqa: F401
    TestConversation,
    TestEnding,
    TestPrivate,
    TestWhatCannotBeSent,
    test_a_text_the_server_refuses_is_reported,
    test_the_outbox_is_sent_in_order,
    test_warnings_are_told,
)
from tests.chat.test_client_handlers import (  # noqa: F401
    TestOrder,
    TestServersThatDoWrong,
    TestWhereARoomBegins,
    give,
    lobby,
    test_a_ping_is_answered,
    welcome,
)
from tests.chat.test_reconnecting import (  # noqa: F401
    test_a_crash_loses_nothing_that_was_acknowledged,
    test_a_request_whose_answer_is_lost,
    test_a_room_that_is_gone,
    test_a_room_that_is_there_but_takes_nobody_back_says_why,
    test_a_server_without_a_disk_comes_back_with_another_log,
    test_cut_at_any_byte_nothing_is_lost_or_said_twice,
    test_every_welcome_is_lost,
    test_the_echo_is_under_way_when_the_client_comes_back,
    test_the_session_is_over_and_the_rooms_are_joined_again,
    test_what_was_deleted_meanwhile_is_told,
    test_what_was_said_without_a_connection_is_said_later,
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
    """In the world of these tests, every client is one of the page's."""
    monkeypatch.setattr(chat, "ChatClient", node.client)


@pytest.fixture
def client(node):
    """As in `tests/chat/test_client_handlers.py`: one that the test answers by hand."""
    client = node.client("Nova")
    client.connected()
    give(client, welcome(lobby(10)))
    return client


def reload(world_, user):
    """The tab is closed in mid-sentence, and opened again."""
    if user.link is not None:
        world_.drop(user)
    user.core.reload()


class TestReload:
    def test_what_was_typed_without_a_connection_outlives_the_page(self):
        there = chat.World()
        nova, sourav = there.user("Nova", "lobby"), there.user("Sourav", "lobby")
        there.drop(nova)
        nova.core.say("lobby", "a")
        nova.core.tell("sourav", "b")
        reload(there, nova)
        there.connect(nova)
        there.settle()
        assert sourav.texts() == ["a"]
        (private,) = [code for code in sourav.core.memory.rooms if code != "lobby"]
        assert sourav.texts(private) == ["b"]
        assert nova.core.unsent == 0

    def test_the_session_goes_on_behind_the_last_event_applied(self):
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
        assert len(there.hub.sessions) == 2

    def test_counters_go_on_and_nothing_is_said_twice(self):
        there = chat.World()
        nova, sourav = there.user("Nova", "lobby"), there.user("Sourav", "lobby")
        nova.core.say("lobby", "one")
        there.exchange()  # it is on its way to the disk when the page is closed
        there.take_batch()
        reload(there, nova)
        nova.core.say("lobby", "two")
        there.connect(nova)
        there.settle()
        assert sourav.texts() == nova.texts() == ["one", "two"]
        assert [h.event.counter for h in sourav.all(RoomEvent) if h.event.device] == [1, 2]

    def test_a_memory_before_its_first_connection(self, node):
        core = node.client("Nova")
        core.connected()
        core.reload()
        core.connected()
        (hello,) = [decode(f) for f in FrameReader().feed(core.data_to_send())]
        assert isinstance(hello, Hello)
        assert (hello.name, hello.token, hello.positions) == ("Nova", b"", ())


class PageChat(test_machine.Chat):
    """The state machine of `tests/chat`: pages and terminals together, and pages are reloaded."""

    @rule(who=test_machine.WHO)
    def reload(self, who):
        user = self.users[who]
        if isinstance(user.core, PageClient):
            reload(self.world, user)


def test_whatever_goes_wrong_in_any_order(node, monkeypatch):
    def client(name, memory=None):
        return node.client(name) if name in ("Nova", "Maya") else ChatClient(name, memory)

    monkeypatch.setattr(chat, "ChatClient", client)
    run_state_machine_as_test(
        PageChat,
        settings=settings(derandomize=True, max_examples=60, stateful_step_count=40, deadline=None),
    )
