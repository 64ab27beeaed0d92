"""The state that a client must keep."""

from netchat.chat.outbox import ClientState, RoomView
from netchat.wire import RoomKind, Send


def test_each_memory_has_a_device_key_of_its_own():
    assert len(ClientState().device_key) == 16
    assert ClientState().device_key != ClientState().device_key


def test_forgetting_the_session_keeps_the_device_and_its_counter():
    memory = ClientState(token=b"t", counter=7)
    key = memory.device_key
    memory.rooms["lobby"] = RoomView("lobby", RoomKind.LOBBY, "", 1, 5)
    memory.outbox[7] = Send(7, "lobby", "x")
    memory.forget_session()
    assert (memory.device_key, memory.counter) == (key, 7)
    assert (memory.token, memory.rooms, memory.outbox) == (b"", {}, {})
