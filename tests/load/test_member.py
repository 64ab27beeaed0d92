"""The check that every member gets all events once and in order can fail."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.errors import BadChecksum, Unexpected
from netchat.load.event_log import TRIM_AT, EventLog
from netchat.load.faults import Faults, count_faults
from netchat.load.member import MemberCheck
from netchat.load.sequence_check import SenderCheck, SequenceCheck, make_text
from netchat.wire import Event, EventKind, Message, Ping, encode

DEVICE, PAYLOAD = 7, 24


def event(seq: int, counter: int | None = None, text: str | None = None, room: str = "lobby"):
    """Return event `seq` of a room that has only messages; counters begin with event 11."""
    counter = seq - 10 if counter is None else counter
    text = make_text(seq * 1_000_000_000, PAYLOAD) if text is None else text
    return encode(Event(seq, 0, DEVICE, counter, EventKind.CHAT, room, "Ann", text))


class Room:
    """The load generator's log, with members that started after event 10."""

    def __init__(self, members: int = 3, sent: int = 0) -> None:
        self.log = EventLog()
        self.sender = SenderCheck(DEVICE, "Ann", PAYLOAD)
        self.sender.sent = sent
        self.log.senders[DEVICE] = self.sender
        self.said: list[Message] = []
        self.members = [MemberCheck(self.log, self.said.append) for _ in range(members)]
        for member in self.members:
            member.begin(10)

    def count_faults(self) -> Faults:
        return count_faults(self.log, self.members)


def test_correct_streams_have_no_faults():
    room = Room(sent=5)
    for member in room.members:
        member.feed(b"".join(event(seq) for seq in range(11, 16)))
    assert not room.count_faults()
    assert [m.known for m in room.members] == [15, 15, 15]
    assert list(room.log.dues)[1:] == [11, 12, 13, 14, 15]


@given(st.integers(0, 2**32))
def test_the_split_of_the_stream_and_the_first_reader_do_not_matter(seed):
    draw = random.Random(seed)
    room = Room(sent=6)
    streams = []
    for _ in room.members:
        frames = [event(seq) for seq in range(11, 17)]
        frames.insert(draw.randint(0, 6), encode(Ping(1)))
        streams.append(b"".join(frames))
    most = draw.choice([3, 90, 800])
    while any(streams):
        which = draw.choice([i for i, s in enumerate(streams) if s])
        cut = draw.randint(1, most)
        chunk, streams[which] = streams[which][:cut], streams[which][cut:]
        room.members[which].feed(chunk)
    assert not room.count_faults()
    assert room.said == [Ping(1)] * 3
    assert all(m.known == 16 for m in room.members)


#: Events that one member receives instead of 11 to 15, and the expected faults.
FAULTY = {
    "lost": ([11, 12, 14, 15], Faults(lost=1)),
    "the first lost": ([12, 13, 14, 15], Faults(lost=1)),
    "the last lost": ([11, 12, 13, 14], Faults(lost=1)),
    "two lost": ([11, 14, 15], Faults(lost=2)),
    "all lost": ([], Faults(lost=5)),
    "doubled": ([11, 12, 13, 13, 14, 15], Faults(doubled=1)),
    "the last doubled": ([11, 12, 13, 14, 15, 15], Faults(doubled=1)),
    "all doubled": ([11, 12, 13, 14, 15, 11, 12, 13, 14, 15], Faults(doubled=5)),
    "reordered": ([11, 13, 12, 14, 15], Faults(disordered=1)),
    "the last reordered": ([11, 12, 13, 15, 14], Faults(disordered=1)),
    "lost and doubled": ([11, 12, 12, 14, 15], Faults(lost=1, doubled=1)),
}


@pytest.mark.parametrize("whole", [True, False], ids=["in one chunk", "frame by frame"])
@pytest.mark.parametrize("turn", [0, 1, 2], ids=["first", "between", "last"])
@pytest.mark.parametrize("fault", FAULTY)
def test_a_fault_in_one_stream_is_found_for_any_first_reader(fault, turn, whole):
    room = Room(sent=5)
    seqs, expected = FAULTY[fault]
    for number, member in enumerate(room.members):
        frames = [event(s) for s in (seqs if number == turn else range(11, 16))]
        for chunk in [b"".join(frames)] if whole else frames:
            if chunk:
                member.feed(chunk)
    assert room.count_faults() == expected


@pytest.mark.parametrize("fault", FAULTY)
def test_a_fault_in_all_streams_is_found(fault):
    room = Room(sent=5)
    seqs, one = FAULTY[fault]
    for member in room.members:
        if seqs:
            member.feed(b"".join(event(s) for s in seqs))
    assert room.count_faults() == Faults(one.lost * 3, one.doubled * 3, one.disordered * 3)


@pytest.mark.parametrize(
    ("counters", "expected"),
    [
        ([1, 2, 4], Faults(lost=3)),  # the numbers of the room hide the loss of message 3
        ([1, 2, 2, 3, 4], Faults(doubled=3)),
        ([1, 3, 2, 4], Faults(disordered=3)),
        ([1, 2, 3], Faults(lost=3)),
    ],
)
def test_a_fault_in_the_log_itself_is_found_by_the_senders_counters(counters, expected):
    room = Room(sent=4)
    for member in room.members:
        member.feed(b"".join(event(11 + i, c) for i, c in enumerate(counters)))
    assert room.count_faults() == expected


@pytest.mark.parametrize("turn", [0, 1])
def test_an_event_that_differs_between_members_is_found(turn):
    room = Room(sent=3)
    other = event(12, text=make_text(1, PAYLOAD))
    for number, member in enumerate(room.members):
        middle = other if number == turn else event(12)
        member.feed(event(11) + middle + event(13))
    assert room.count_faults().altered == (2 if turn == 0 else 1)


@pytest.mark.parametrize("text", ["", "hello", make_text(1, PAYLOAD)[:-1] + "y"])
def test_a_text_that_was_not_sent_is_found(text):
    room = Room(members=1, sent=1)
    room.members[0].feed(event(11, text=text))
    assert room.count_faults() == Faults(altered=1)


def test_a_damaged_frame_is_refused_although_others_got_it_whole():
    room = Room()
    room.members[0].feed(event(11))
    damaged = bytearray(event(11))
    damaged[-1] ^= 1
    with pytest.raises(BadChecksum):
        room.members[1].feed(bytes(damaged))


def test_numbers_that_jump_far_are_refused():
    room = Room()
    with pytest.raises(Unexpected, match="999999999"):
        room.members[0].feed(event(999_999_999, 1))
    with pytest.raises(Unexpected):
        SequenceCheck().take(2**63)


def test_events_of_other_rooms_and_users_are_ignored():
    room = Room(members=2)
    stranger = encode(Event(11, 0, 0, 0, EventKind.JOIN, "lobby", "Bob", ""))
    for member in room.members:
        member.feed(event(3, 1, room="0123456789") + stranger)
    assert not room.count_faults()
    assert room.log.dues[1] == 0


def test_a_member_that_is_ahead_of_the_log_waits_for_it():
    room = Room(members=2, sent=4)
    late = MemberCheck(room.log, room.said.append)
    late.begin(12)
    room.members.append(late)
    late.feed(event(13)[:9])
    late.feed(event(13)[9:] + event(14) + encode(Ping(1)))
    assert late.known == 12
    assert not room.said
    for member in room.members[:2]:
        member.feed(b"".join(event(s) for s in range(11, 15)))
    assert late.known == 14
    assert room.said == [Ping(1)]
    assert not room.count_faults()


def test_a_reconnected_member_continues_after_its_last_event():
    room = Room(members=2, sent=5)
    stream = [event(s) for s in range(11, 16)]
    room.members[0].feed(b"".join(stream))
    member = room.members[1]
    member.feed(stream[0] + stream[1] + stream[2][:20])
    member.lost()
    assert member.known == 12
    member.begin(12)
    member.feed(b"".join(stream[2:]))
    assert not room.count_faults()


@pytest.mark.parametrize(
    ("last", "expected"), [(13, Faults(lost=1)), (11, Faults(doubled=1)), (99, Faults(lost=3))]
)
def test_a_resumption_from_the_wrong_event_is_counted(last, expected):
    room = Room(members=2, sent=5)
    room.members[0].feed(b"".join(event(s) for s in range(11, 16)))
    member = room.members[1]
    member.feed(event(11) + event(12))
    member.lost()
    member.begin(last)
    for seq in range(last + 1, 16):
        member.feed(event(seq))
    assert room.count_faults() == expected


def test_a_message_counts_as_acknowledged_when_its_sender_receives_it():
    room = Room(members=1, sent=3)
    sender = MemberCheck(room.log, room.said.append, room.sender)
    sender.begin(10)
    room.members[0].feed(event(11) + event(12))
    assert sender.acknowledged == 0
    sender.feed(event(11))
    assert sender.acknowledged == 1
    sender.feed(event(12) + event(13))
    assert sender.acknowledged == 3


def test_bytes_that_all_members_have_read_are_discarded():
    room = Room(members=2)
    big = "x" * 60_000
    seq = 11
    while room.log.end < TRIM_AT + 100_000:
        for member in room.members:
            member.feed(event(seq, text=make_text(1, 24) + big))
        seq += 1
    room.members[1].feed(event(seq)[:30])  # the slowest member has received part of a frame
    room.log.trim(min(m.pos for m in room.members))
    assert len(room.log.data) < 1000
    room.members[0].feed(event(seq))
    room.members[1].feed(event(seq)[30:] + event(seq + 1))
    room.members[0].feed(event(seq + 1))
    faults = room.count_faults()
    assert (faults.lost, faults.doubled, faults.disordered) == (0, 0, 0)
    assert [m.known for m in room.members] == [seq + 1, seq + 1]
