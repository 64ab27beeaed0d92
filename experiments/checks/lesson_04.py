"""Self-checks of lesson 4: craft your own packet."""

import itertools
import random
from collections.abc import Iterable
from typing import Any, NamedTuple

from netchat.course import LocalServer, Variant, Wrong, exercise, need
from netchat.net import Probe, parse_message
from netchat.wire import Error, ErrorCode, Join, Message, Ping, Pong, encode

#: Numbers for the names of test clients.
_VISITORS = itertools.count(1)

#: A user who is on the server when the frames of exercise 4.3 arrive.
NEIGHBOUR = "Vega"


class JoinOf(NamedTuple):
    """Field values of a JOIN."""

    request: int
    log: int
    after: int
    room: str


def join_of(variant: Variant) -> JoinOf:
    """Return the field values of a JOIN."""
    rng = variant.random("join")
    code = "".join(rng.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=10))
    return JoinOf(rng.randrange(2, 1000), rng.randrange(2**62), rng.randrange(5, 500), code)


@exercise("4.1", "A frame from its fields", given=join_of)
def frame_from_fields(given: JoinOf, frame: Any) -> None:
    need(
        not hasattr(frame, "layers"),
        "frame is still a Scapy packet; bytes(...) builds it.",
    )
    need(isinstance(frame, bytes), "frame must be bytes.")
    message = parse_message(frame)
    need(
        message is not None,
        "These bytes are not exactly one valid frame.",
        "Does it start with NCP()? Did you set a length or a CRC? Look at NCP(frame).show().",
    )
    need(isinstance(message, Join), f"This is a valid frame, but its type is {type(message).NAME}.")
    for name, value in given._asdict().items():
        need(
            getattr(message, name) == value,
            f"In your JOIN, {name} is {getattr(message, name)!r}.",
        )


#: The errors of exercise 4.2. (The notebook shows BadMagic and BadChecksum.)
FAULTS = ("BadVersion", "UnknownType", "UnknownFlags", "FrameTooLarge", "BadBody")


def faults_of(variant: Variant) -> list[str]:
    """Return four kinds of invalid frames."""
    return variant.random("faults").sample(FAULTS, 4)


@exercise("4.2", "Wrong on purpose", given=faults_of)
def wrong_on_purpose(given: list[str], wrong: Any) -> None:
    need(isinstance(wrong, dict), "wrong must be a dict from names to bytes.")
    with LocalServer() as server:
        for name in given:
            need(name in wrong, f"There is no frame for {name}.")
            need(isinstance(wrong[name], bytes), f"The frame for {name} must be bytes.")
            answers, closed = _provoke(server, [wrong[name]])
            errors = [message for message in answers if isinstance(message, Error)]
            need(
                errors,
                f"The server does not refuse your frame for {name}.",
                "It may be a valid frame, or the server is still waiting for the rest of it.",
            )
            need(
                errors[0].text.startswith(name),
                f"To your frame for {name} the server answers: {errors[0].text}",
                "It checks the header from its first byte to its last, then the CRC, then the "
                "body, and stops at the first error.",
            )
            need(closed, f"After your frame for {name} the connection is still open.")


#: The errors of exercise 4.3, and the reason for each.
REFUSALS = {
    "NOT_A_MEMBER": "a message to a room that the client has not joined",
    "NO_SUCH_ROOM": "the room does not exist",
    "TEXT_NOT_ALLOWED": "the text is empty",
    "NAME_TAKEN": f"the name is in use ({NEIGHBOUR} is online)",
    "NO_SUCH_USER": "no user has this name",
}


def refusals_of(variant: Variant) -> dict[str, str]:
    """Return three requests that the server refuses without closing the connection."""
    names = variant.random("refusals").sample(sorted(REFUSALS), 3)
    return {name: REFUSALS[name] for name in names}


@exercise("4.3", "Refused, but still connected", given=refusals_of)
def refused_politely(given: dict[str, str], refused: Any) -> None:
    need(isinstance(refused, dict), "refused must be a dict from names to lists of frames.")
    with LocalServer() as server, Probe(server.host, server.port) as neighbour:
        neighbour.hello(NEIGHBOUR)
        for name in given:
            need(name in refused, f"There are no frames for {name}.")
            frames = refused[name]
            need(
                isinstance(frames, (list, tuple)) and all(isinstance(f, bytes) for f in frames),
                f"For {name}, give a list of frames, each of them bytes.",
            )
            answers, closed = _provoke(server, frames)
            codes = [ErrorCode(m.code).name for m in answers if isinstance(m, Error)]
            need(
                not closed,
                f"The server closes the connection after your frames for {name}: {codes}.",
            )
            need(
                codes,
                f"The server refuses none of your frames for {name}.",
                "Try them with send(...) from above: what does the server answer?",
            )
            need(
                codes == [name],
                f"Your frames for {name} are refused with {', '.join(codes)}.",
                "The server checks the text only for members of the room.",
            )


def _provoke(server: LocalServer, frames: Iterable[bytes]) -> tuple[list[Message], bool]:
    """Send HELLO and frames; return the answers, and whether the server closed the connection."""
    with Probe(server.host, server.port) as probe:
        probe.hello(f"visitor-{next(_VISITORS)}")  # a name stays reserved for some time
        # The server answers the PING after it has handled the frames. All in one write: bytes that
        # arrive after the server has closed would make the kernel discard its last answer.
        probe.send(b"".join(frames) + encode(Ping(1)))
        answers = probe.listen(2.0, lambda m: isinstance(m, (Error, Pong)), quiet=0.3)
        if answers and isinstance(answers[-1], Error) and answers[-1].code < 100:
            answers += probe.listen(2.0)  # until it is closed
        return answers, bool(probe.closed)


class Row(NamedTuple):
    """One field of the sensor's message."""

    name: str
    size: str
    meaning: str
    kind: str


def layout_of(variant: Variant) -> list[Row]:
    """Return the fields of a sensor's message in order, different for each student."""
    rng = variant.random("layout")
    middle = [
        rng.choice(
            [
                Row("station", "2 bytes, big-endian", "the sensor's number", ">H"),
                Row("station", "4 bytes, big-endian", "the sensor's number", ">I"),
            ]
        ),
        rng.choice(
            [
                Row("temperature", "2 bytes, big-endian, signed", "in tenths of a degree", ">h"),
                Row("temperature", "2 bytes, little-endian, signed", "in tenths of a degree", "<h"),
            ]
        ),
        rng.choice(
            [
                Row("pressure", "4 bytes, little-endian", "in pascals", "<I"),
                Row("pressure", "4 bytes, big-endian", "in pascals", ">I"),
            ]
        ),
    ]
    rng.shuffle(middle)
    bits = [
        Row("battery", "4 bits", "its charge, 0 to 15", "b4"),
        Row("door", "1 bit", "1 if its door is open", "b1"),
        Row("alarm", "3 bits", "0 is no alarm", "b3"),
    ]
    rng.shuffle(bits)
    label = [
        Row("label_len", "1 byte", "bytes of the label", "B"),
        Row("label", "label_len bytes", "the sensor's name", "s"),
    ]
    return [*middle, *bits, *label]


def build(rows: list[Row], values: dict[str, Any]) -> bytes:
    """Build a message by its layout, bit by bit, without Scapy."""
    out, bits, held = b"", 0, 0
    values = {**values, "label_len": len(values["label"])}
    for row in rows:
        if row.kind.startswith("b"):
            size = int(row.kind[1:])
            bits, held = bits << size | values[row.name], held + size
            if held == 8:
                out, bits, held = out + bytes([bits]), 0, 0
        elif row.kind == "s":
            out += values[row.name]
        else:
            size = {"h": 2, "H": 2, "I": 4, "B": 1}[row.kind[-1]]
            order = "little" if row.kind[0] == "<" else "big"
            out += values[row.name].to_bytes(size, order, signed=row.kind[-1] == "h")
    return out


class Sensor(NamedTuple):
    """The layout, and a sample message."""

    layout: list[Row]
    sample: bytes


def values_of(rng: random.Random) -> dict[str, Any]:
    """Return the values of a sensor's message."""
    return {
        "station": rng.randrange(300, 60000),
        "temperature": rng.randrange(-250, -1),
        "pressure": rng.randrange(95000, 105000),
        "battery": rng.randrange(16),
        "door": rng.randrange(2),
        "alarm": rng.randrange(8),
        "label": rng.choice([b"roof", b"cellar", b"the lab", b"garden gate", b"x" * 200]),
    }


def sensor_of(variant: Variant) -> Sensor:
    """Return the student's own protocol."""
    layout = layout_of(variant)
    return Sensor(layout, build(layout, values_of(variant.random("sample")) | {"label": b"roof"}))


def _dissect(rows: list[Row], reading: Any, rng: random.Random, prefix: bytes = b"") -> None:
    for _ in range(6):
        values = values_of(rng)
        raw = build(rows, values)
        packet = reading(prefix + raw)
        for row in rows:
            right = values.get(row.name, len(values["label"]))
            value = _field(packet, row.name)
            need(
                value == right,
                f"In a message with {row.name} = {right!r}, your layer reads {value!r}.",
                "Does a field before it take more or fewer bytes than it should? Compare the "
                "layout, row by row: size, byte order, sign.",
            )


@exercise("4.4", "A dissector of your own", given=sensor_of)
def dissector(given: Sensor, reading: Any) -> None:
    rng = random.Random(given.sample)
    _dissect(given.layout, reading, rng)
    for _ in range(4):
        values = values_of(rng)
        built = _built(reading, values)
        right = build(given.layout, values)
        need(
            built != build(given.layout, values | {"label": b""})[:-1] + b"\0" + values["label"],
            "Built from its fields, your message has a length of 0 before a nonempty label.",
            "FieldLenField computes the length if its default is None and length_of names the label.",
        )
        need(
            built == right,
            f"Built from its fields, a message is {built.hex(' ')[:60]} …; it should begin "
            f"{right.hex(' ')[:12]} and have {len(right)} bytes, but has {len(built)}.",
        )


@exercise("4.5", "A checksum that computes itself", given=sensor_of)
def self_made_checksum(given: Sensor, reading: Any) -> None:
    rng = random.Random(given.sample + b"5")
    for _ in range(6):
        values = values_of(rng)
        body = build(given.layout, values)
        right = 0
        for byte in body:
            right ^= byte
        built = _built(reading, values)
        need(
            len(built) == len(body) + 1,
            f"A message has {len(built)} bytes, but should have {len(body) + 1}: one byte more "
            "than in exercise 4.4.",
        )
        need(
            built[1:] == body, "After its first byte the message differs from that of exercise 4.4."
        )
        need(
            built[0] == right,
            f"The checksum is {built[0]:#04x}, but the following bytes give {right:#04x}.",
            "post_build gets the message as built so far, with a check byte of 0.",
        )
        given_one = bytes(reading(check=0x5A, **values))
        need(
            given_one[0] == 0x5A,
            "A checksum that is set must be left alone, so that a wrong one can be built.",
            "Compute it only if self.check is None.",
        )
        packet = reading(built)
        need(
            _field(packet, "check") == right,
            "When your layer dissects a message, it does not show the checksum.",
        )
    _dissect(given.layout, reading, rng, b"\0")


def _built(reading: Any, values: dict[str, Any]) -> bytes:
    try:
        return bytes(reading(**values))
    except Wrong:
        raise
    except Exception as error:
        raise Wrong(f"Building a message fails: {type(error).__name__}: {error}") from error


def _field(packet: Any, name: str) -> Any:
    try:
        return getattr(packet, name)
    except AttributeError:
        raise Wrong(f"Your layer has no field {name}.", "Use the names in the layout.") from None
