"""Self-checks of lesson 1: a message on the wire."""

from functools import lru_cache
from typing import Any

from netchat.course import SimulatedConversation, Variant, exercise, need, whole_number
from netchat.errors import PeerError
from netchat.packets import Encapsulation
from netchat.wire import FrameReader, Send, decode, encode

PLACES = ("Łódź", "Zürich", "Málaga", "Århus", "Plzeň", "São Paulo", "Αθήνα", "Львів", "Kraków")
SIGNS = "👋🌍🚀📡🛰🔭🪐"
REMARKS = (
    "the cable is in the cupboard",
    "the second port blinks again",
    "lunch at a quarter past twelve",
    "who has taken my Ethernet adapter?",
    "this packet is for you alone",
    "the checksum was right all along",
)


def greeting(variant: Variant) -> str:
    """Return a text whose characters take one to four bytes."""
    rng = variant.random("greeting")
    (name,) = variant.people("greeting", 1)
    return f"Grüße aus {rng.choice(PLACES)}, {name}! {rng.choice(SIGNS)}"


@exercise("1.1", "Characters and bytes", given=greeting)
def characters_and_bytes(text: str, characters: Any, size: Any, widest: Any) -> None:
    characters, size = whole_number(characters, "characters"), whole_number(size, "size")
    need(
        characters != len(text.encode()) or size != len(text),
        "The two numbers are swapped: there are never fewer bytes than characters.",
    )
    need(
        characters == len(text),
        f"{characters} is not the number of characters.",
        "len() of a text counts its characters.",
    )
    need(
        size == len(text.encode()),
        f"{size} is not the number of bytes on the wire.",
        "Encode the text, and count the bytes of the result.",
    )
    need(
        isinstance(widest, str) and len(widest) == 1 and widest in text,
        "widest must be one character of your text, as a str.",
    )
    need(
        len(widest.encode()) == max(len(c.encode()) for c in text),
        f"{widest!r} takes {len(widest.encode())} bytes, but another character takes more.",
        "max() with key=... finds the largest by any measure.",
    )


@exercise("1.2", "A length prefix")
def length_prefix(variant: Variant, text_field: Any) -> None:
    (name,) = variant.people("field", 1)
    for text in ("", name, greeting(variant), "é" * 200, "x" * 1000):
        field = text_field(text)
        need(
            isinstance(field, bytes),
            f"text_field must return bytes, got {type(field).__name__}.",
            "Join two bytes objects with +.",
        )
        need(
            len(field) == 2 + len(text.encode()),
            f"For {text[:20]!r} the field has {len(field)} bytes; it must have two for the "
            "length and then the bytes of the text.",
        )
        need(
            field[2:] == text.encode(),
            f"After its length, the field of {text[:20]!r} is not that text in UTF-8.",
        )
        answer = int.from_bytes(field[:2], "big")
        need(
            answer != int.from_bytes(len(text.encode()).to_bytes(2, "little"), "big")
            or field[0] == field[1],
            "The length has its least significant byte first.",
            "Network byte order is big-endian.",
        )
        need(
            answer == len(text.encode()),
            f"The length of {text[:20]!r} is given as {answer}: a reader would stop too early or "
            "read too far.",
            "Does it count bytes?",
        )


@exercise("1.3", "A frame by hand")
def frame_by_hand(variant: Variant, my_frame: Any) -> None:
    rng = variant.random("frame")
    for counter in (1, rng.randrange(2, 1000), rng.randrange(2**33, 2**40)):
        text = f"{greeting(variant)} {counter}"
        frame = my_frame(counter, "lobby", text)
        need(isinstance(frame, bytes), f"my_frame must return bytes, got {type(frame).__name__}.")
        try:
            found = FrameReader().feed(frame)
            messages = [decode(one) for one in found]
        except PeerError as error:
            need(
                False,
                f"A receiver refuses the frame: {error}.",
                "Draw the frame with byte_grid, and compare it with the header's table field "
                "by field.",
            )
        need(
            messages,
            "A receiver still waits for the rest of this frame: it is shorter than its header "
            "says.",
            "The length in the header counts only the body.",
        )
        need(
            isinstance(messages[0], Send),
            f"A receiver reads this as {messages[0].NAME}.",
            "The type number says which message the body contains.",
        )
        need(
            frame == encode(Send(counter, "lobby", text)),
            f"A receiver reads {messages[0]}, which is not the message that you were given.",
        )


@lru_cache(maxsize=64)
def overheard(variant: Variant) -> bytes:
    """Return one packet with a user's message in the lobby."""
    rng = variant.random("overheard")
    first, second = variant.people("overheard", 2)
    chat = SimulatedConversation(variant.seed("overheard"))
    chat.enter(first)
    chat.enter(second)
    chat.say(second, "lobby", f"{first}, {rng.choice(REMARKS)}")
    packets = chat.capture().packets
    return next(bytes(p) for p in packets if b"NC\x01\x20" in bytes(p))


@exercise("1.4", "A packet by hand", given=overheard)
def packet_by_hand(packet: bytes, source: Any, port: Any, sequence: Any, text: Any) -> None:
    right = ".".join(map(str, packet[26:30]))
    need(isinstance(source, str), "source must be a text such as '192.0.2.1'.")
    need(
        source != ".".join(map(str, packet[30:34])),
        f"{source} is the packet's destination, not its source.",
    )
    need(
        source == right,
        f"{source} is not the packet's source.",
        "The source address is bytes 12 to 15 of the IPv4 header, which follows the Ethernet "
        "header.",
    )
    port = whole_number(port, "port")
    need(
        port != int.from_bytes(packet[34:36], "big"),
        f"{port} is the source port; the exercise wants the destination port.",
    )
    need(
        port == int.from_bytes(packet[36:38], "big"),
        f"{port} is not the destination port of this segment.",
        "TCP's header follows IPv4's; its first two bytes are the source port.",
    )
    need(
        whole_number(sequence, "sequence") == int.from_bytes(packet[38:42], "big"),
        f"{sequence} is not this segment's sequence number.",
        "Four bytes after the two ports, most significant first.",
    )
    need(isinstance(text, str), "text must be a str: decode the bytes.")
    need(
        text == decode(FrameReader().feed(packet[54:])[0]).text,
        f"{text[:40]!r} is not the text of the message.",
        "The text is the last field of the body; do its two length bytes belong to it?",
    )


@lru_cache(maxsize=1024)
def _real_cost(size: int) -> int:
    """Return the bytes of the packets that carry this message."""
    wire = Encapsulation()
    wire.send(encode(Send(1, "lobby", "x" * size)))
    return sum(len(packet) for packet in wire.packets[3:-1])  # neither the handshake nor the ACK


@exercise("1.5", "What a message costs")
def cost_on_the_wire(variant: Variant, bytes_on_the_wire: Any) -> None:
    rng = variant.random("cost")
    sizes = [1, 11, 1427, 1428, 2887, 2888, *(rng.randrange(100, 16000) for _ in range(4))]
    for size in sizes:
        real = _real_cost(size)
        answer = whole_number(bytes_on_the_wire(size), "bytes_on_the_wire")
        need(
            answer == real,
            f"For a text of {size} bytes you return {answer}, but {abs(answer - real)} bytes "
            f"{'more' if answer < real else 'fewer'} are on the wire.",
            "How long is the frame? How many segments does it need? What does each of them add?",
        )
