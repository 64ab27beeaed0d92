"""Every consumer of the protocol handles each message, or declares in its table that it does not.

A message that is only declared fails here once for each consumer that does not list it. Code
generated from the declaration (codecs, document, Scapy, Wireshark, views of captures) needs no table.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import find
from hypothesis import strategies as st

from netchat import chat
from netchat.chat import client_events as events
from netchat.chat import client_handlers as answers
from netchat.chat import server_handlers as requests
from netchat.chat.client import ChatClient
from netchat.chat.client_events import ClientEvent
from netchat.load import user
from netchat.tui.event_handlers import handle_event
from netchat.tui.json_output import event_json
from netchat.tui.session import ChatSession
from netchat.web.site import PAGE
from netchat.wire import MESSAGES, Hello, Way
from netchat.wire.pairs import ANSWERS
from tests.tui.offline import Idle
from tests.web.node import NODE, run

TO_SERVER = {message for message in MESSAGES.values() if message.WAY & Way.TO_SERVER}
TO_CLIENT = {message for message in MESSAGES.values() if message.WAY & Way.TO_CLIENT}

#: Source of the client's rules, in Python and on the page.
CLIENT = "".join(
    Path(str(chat.__file__)).with_name(name).read_text("utf-8")
    for name in (
        "client.py",
        "client_session.py",
        "client_handlers.py",
        "client_files.py",
        "client_sealing.py",
        "outbox.py",
    )
)
PAGE_CLIENT = "".join(
    (PAGE / name).read_text("utf-8")
    for name in ("client.js", "files.js", "handlers.js", "sealing.js")
)
PAGE_VIEWS = "".join(
    file.read_text("utf-8") for file in PAGE.glob("*.js") if file.name != "protocol.js"
)

each_event = pytest.mark.parametrize("event", get_args(ClientEvent), ids=lambda h: h.__name__)


# -- messages from clients ----------------------------------------------------------------------


def test_the_server_handles_what_clients_send_and_only_that():
    assert {
        *requests.HANDLERS,
        Hello,
    } == TO_SERVER  # HELLO starts a session and is handled separately
    assert Hello not in requests.HANDLERS


def test_each_message_of_clients_says_what_answers_it():
    assert set(ANSWERS) == TO_SERVER
    assert {answer for answering in ANSWERS.values() for answer in answering} <= TO_CLIENT


@pytest.mark.parametrize("message", sorted(TO_SERVER, key=lambda m: m.TYPE), ids=lambda m: m.NAME)
def test_a_client_and_the_page_send_it(message):
    assert re.search(rf"\b{message.__name__}\(|\bask\({message.__name__}\b", CLIENT)
    assert re.search(rf'\("{message.NAME}"', PAGE_CLIENT)


# -- messages from the server -------------------------------------------------------------------


def test_the_client_handles_what_the_server_sends_and_only_that():
    assert set(answers.HANDLERS) == TO_CLIENT


def test_the_load_generator_handles_what_the_server_sends_and_only_that():
    assert set(user.HANDLERS) == TO_CLIENT


@pytest.mark.skipif(NODE is None, reason="node is not installed: apt-get install nodejs")
def test_the_page_handles_what_the_server_sends_and_only_that(tmp_path):
    script = """
    const { HANDLERS } = await import(process.env.PAGE + "/handlers.js");
    console.log(JSON.stringify(Object.keys(HANDLERS)));
    """
    handled = json.loads(run(tmp_path, "--input-type=module", "--eval", script))
    assert set(handled) == {message.NAME for message in TO_CLIENT}


# -- client events ------------------------------------------------------------------------------


def _sample(event):
    return find(st.builds(event), lambda _: True)


def test_all_events_are_in_the_union():
    assert {kind.__name__ for kind in get_args(ClientEvent)} == {*events.__all__} - {"ClientEvent"}


@each_event
@pytest.mark.slow
def test_the_terminal_takes_it_in(event):
    conversation = ChatSession(Idle(ChatClient("Nova")))  # type: ignore[arg-type]
    assert isinstance(handle_event(conversation, _sample(event)), list)


@each_event
@pytest.mark.slow
def test_it_has_a_form_in_json(event):
    assert json.loads(event_json(_sample(event)))["type"]


def test_the_page_shows_what_its_client_tells():
    told = set(re.findall(r'report\(\s*"(\w+)"', PAGE_CLIENT))
    assert len(told) > 10
    for what in told:
        assert re.search(rf'on\("{what}"|on_{what}\(', PAGE_VIEWS), f"no view shows {what!r}"
