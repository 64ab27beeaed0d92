"""Tests of simulated chats: the real client and server rules, and reproducible captures."""

from netchat.course.conversation import LOBBY, SimulatedConversation
from netchat.packets import Damage, Gap, Notice, read


def three_people(seed: int):
    chat = SimulatedConversation(seed)
    chat.enter("Nova")
    chat.enter("Orion")
    code = chat.create("Nova")
    chat.join("Orion", code)
    chat.say("Orion", code, "one", "two")
    chat.enter("Vega")
    chat.tell("Vega", "Nova", "psst")
    chat.leave("Vega", "it is late")
    return chat.capture()


def test_the_capture_contains_every_message_undamaged():
    capture = three_people(1)
    items = list(capture.messages().items())
    assert not [item for item in items if isinstance(item, (Damage, Gap))]
    assert [n.event for n in items if isinstance(n, Notice)].count("opened") == 3
    said = [(m.user, m.fields["text"]) for m in capture.messages().filter(type="SEND")]
    assert said == [("Orion", "one"), ("Orion", "two"), ("Vega", "psst")]
    heard = [m.user for m in capture.messages().filter(type="EVENT") if m.fields["text"] == "two"]
    assert sorted(heard) == ["Nova", "Orion"]


def test_the_seed_determines_the_bytes():
    assert three_people(1).data() == three_people(1).data()
    assert three_people(1).data() != three_people(2).data()


def test_packets_are_ordered_by_time_and_numbered_from_one():
    capture = three_people(3)
    times = [float(packet.time) for packet in capture.packets]
    assert times == sorted(times)
    assert capture[1] is capture.packets[0]
    assert len(capture) == len(times)


def test_a_saved_capture_reads_the_same(tmp_path):
    chat = SimulatedConversation(4)
    chat.enter("Nova")
    chat.say("Nova", LOBBY, "x" * 4000)
    capture = chat.capture()
    saved = read(capture.save(tmp_path / "chat.pcapng"))
    assert [m.raw for m in saved] == [m.raw for m in capture.messages()]
    assert max(len(m.packets) for m in saved) == 3
