"""Self-checks of lesson 15: secrets on the wire."""

import itertools
import random
import struct
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from netchat.course import (
    EncryptedRecord,
    NotAnswered,
    Variant,
    Wrong,
    client_hello,
    encrypted_traffic,
    exercise,
    need,
    protect,
    tls_record,
    whole_number,
)

TEXTS = ("meet me at nine", "bring the map", "the door is open", "trust no server", "see you")


def stream(variant: Variant) -> bytes:
    """Return one direction of a TLS connection."""
    return _stream(variant.random("stream"))


def _stream(rng: random.Random, *, cut: bool = False) -> bytes:
    secret = rng.randbytes(32)
    parts = [tls_record(22, client_hello(rng, "chat.example.org")), tls_record(20, b"\1")]
    for number in range(rng.randrange(6, 12)):
        content = rng.randbytes(rng.choice((0, 5, 40, 300, 1200)))
        parts.append(protect(secret, number, content))
    parts.append(tls_record(21, rng.randbytes(19)))
    data = b"".join(parts)
    return data[: -rng.randrange(1, 19)] if cut else data


def _records(data: bytes) -> list[tuple[int, int]]:
    found, at = [], 0
    while at + 5 <= len(data):
        kind, _, size = struct.unpack_from(">BHH", data, at)
        at += 5 + size
        if at <= len(data):
            found.append((kind, size))
    return found


@exercise("15.1", "Records", given=stream)
def the_records(given: bytes, records: Any) -> None:
    rng = random.Random(given)
    for data in (given, _stream(rng), _stream(rng, cut=True), given[:3], b""):
        right = _records(data)
        answer = records(data)
        need(
            isinstance(answer, (list, tuple)) and all(len(pair) == 2 for pair in answer),
            "records must return a list of pairs (type, length).",
        )
        found = [(whole_number(a, "a type"), whole_number(b, "a length")) for a, b in answer]
        for number, (one, expected) in enumerate(zip(found, right, strict=False)):
            need(
                one == expected or number > 0,
                f"The first of {len(data)} bytes are {data[:5].hex(' ')}: this is not {one}.",
                "The length has two bytes, the higher one first, after one byte of type and two of version. "
                "It does not count these five bytes.",
            )
            need(
                one == expected,
                f"In {len(data)} bytes, record {number} is not {one}. Those before it are right.",
                "The next record begins after the five bytes of this header and all bytes that its length "
                "counts.",
            )
        need(
            len(found) <= len(right),
            f"In {len(data)} bytes you find one record too many, the last one: {found[-1:]}.",
            "Does it end within the stream?",
        )
        need(
            len(found) == len(right),
            f"In {len(data)} bytes you find {len(found)} of {len(right)} records.",
            "An incomplete record is left out, but a complete one that ends with the stream is not.",
        )


def hello(variant: Variant) -> bytes:
    """Return a ClientHello."""
    rng = variant.random("hello")
    word = rng.choice(("chat", "mail", "wiki", "bank", "lab"))
    return client_hello(rng, f"{word}.{rng.choice(('example.org', 'example.net', 'example'))}")


def _without_name(message: bytes, name: str) -> bytes:
    """Return a ClientHello in which the extension with the server's name has another type."""
    content = struct.pack(">HBH", len(name) + 3, 0, len(name)) + name.encode()
    whole = struct.pack(">HH", 0, len(content)) + content
    assert whole in message
    return message.replace(whole, struct.pack(">HH", 0xFDE8, len(content)) + content)


@exercise("15.2", "Who is that for?", given=hello)
def who_is_that_for(given: bytes, server_name: Any) -> None:
    rng = random.Random(given)
    names = ("a.example", "very-long-name-of-a-server.example.org", "chat.example.net")
    cases: list[tuple[bytes, str | None]] = [(given, _name_in(given))]
    for _ in range(3):
        cases += [(client_hello(rng, name), name) for name in names]
    cases.append((_without_name(client_hello(rng, names[2]), names[2]), None))
    for message, right in cases:
        answer = server_name(message)
        need(
            right is not None or answer is None,
            f"This ClientHello has no server name, but you return {answer!r}.",
            "Another extension, of another type, may contain the same bytes. Only type 0 counts. Without it, "
            "return None.",
        )
        need(
            right is None or answer is not None,
            f"This ClientHello of {len(message)} bytes has a server name, but you return None.",
            "It may be in any of the extensions. The next one begins after four bytes of type and length, "
            "and the content.",
        )
        need(
            right is None or isinstance(answer, str),
            f"server_name must return a text, got {type(answer).__name__}.",
            "bytes.decode() makes a text of bytes.",
        )
        need(
            answer == right,
            f"For a ClientHello of {len(message)} bytes you return {answer!r}, but the name has "
            f"{len(right or '')} characters.",
            "The session ID and the list of suites have different lengths in different hellos. The content "
            "of the extension has five bytes before the name.",
        )


def _name_in(message: bytes) -> str:
    at = 4 + 2 + 32
    at += 1 + message[at]
    at += 2 + int.from_bytes(message[at : at + 2], "big")
    at += 1 + message[at]
    at += 2
    while True:
        kind, size = struct.unpack_from(">HH", message, at)
        if kind == 0:
            return message[at + 9 : at + 4 + size].decode()
        at += 4 + size


class Connection(NamedTuple):
    """A traffic secret of a key log, and the records of that direction."""

    secret: bytes
    records: list[bytes]


def connection(variant: Variant) -> Connection:
    """Return a student's own connection."""
    return _connection(variant.random("connection"))[0]


def _connection(rng: random.Random) -> tuple[Connection, list[tuple[int, bytes]]]:
    secret = rng.randbytes(32)
    inner: list[tuple[int, bytes]] = [
        (23, f"{text} {rng.randrange(100)}".encode()) for text in rng.sample(TEXTS, 4)
    ]
    inner.insert(2, (22, b"\x18\0\0\1\0"))  # a key update
    inner += [(23, b"ends with zeros\0\0"), (21, b"\1\0")]
    records = [
        protect(secret, n, content, kind=kind, padding=rng.choice((0, 0, 7, 30)))
        for n, (kind, content) in enumerate(inner)
    ]
    return Connection(secret, records), inner


@exercise("15.3", "Open a record", given=connection)
def open_a_record(given: Connection, open_record: Any) -> None:
    rng = random.Random(given.secret)
    cases = [_connection(rng), _connection(rng)]
    first = _opened(open_record, given.secret, 0, given.records[0])
    need(
        isinstance(first, (list, tuple)) and len(first) == 2,
        "open_record must return a pair (type, content).",
    )
    for case, inner in cases:
        for number, (record, (kind, content)) in enumerate(zip(case.records, inner, strict=True)):
            answer = _opened(open_record, case.secret, number, record)
            need(
                isinstance(answer, (list, tuple)) and len(answer) == 2,
                f"For record {number}, open_record returns {answer!r}, not a pair (type, content).",
            )
            need(
                whole_number(answer[0], "the type") == kind,
                f"For record {number}, you return the type {answer[0]!r}.",
                "The header says 23 for every encrypted record. The real type is inside, as the last byte "
                "that is not 0.",
            )
            need(
                isinstance(answer[1], (bytes, bytearray)) and bytes(answer[1]) == content,
                f"For record {number}, you return the content {answer[1]!r}.",
                "Only the zeros after the type are padding; zeros before it belong to the content.",
            )
        wrong = bytearray(case.records[0])
        wrong[-1] ^= 1
        _must_fail(open_record, case.secret, 0, bytes(wrong))
        _must_fail(open_record, case.secret, 1, case.records[0])


def _opened(open_record: Any, secret: bytes, number: int, record: bytes) -> Any:
    try:
        return open_record(secret, number, record)
    except Wrong as wrong:
        if " raises InvalidTag" not in str(wrong):
            raise
    need(
        number > 0,
        "Not even record 0 can be opened: decrypt raises InvalidTag.",
        "For number 0 the nonce is the IV itself. Is it? The key has 16 bytes, the data is the record "
        "without its header, and the additional data is the header.",
    )
    raise Wrong(
        f"Record 0 can be opened, but for record {number} decrypt raises InvalidTag.",
        "Only the nonce changes from record to record: it is the IV, XORed with the number as 12 bytes, the "
        "higher ones first.",
    )


def _must_fail(open_record: Any, secret: bytes, number: int, record: bytes) -> None:
    try:
        answer = open_record(secret, number, record)
    except Exception:
        return
    need(
        answer is not None,
        "For a damaged record, or one with another number, you return None.",
        "Do not catch InvalidTag: the caller must learn that the record was changed.",
    )
    need(
        False,
        "A damaged record, or one with another number, is accepted.",
        "Use decrypt, which checks the tag, and the number of the record in the nonce.",
    )


def _key(private: X25519PrivateKey, public: bytes) -> bytes:
    secret = private.exchange(X25519PublicKey.from_public_bytes(public))
    return HKDF(hashes.SHA256(), 32, None, b"lesson 15").derive(secret)


@exercise("15.4", "The evil server")
def the_evil_server(variant: Variant, evil: Any) -> None:
    rng = variant.random("evil")
    for _ in range(2):
        private = {
            name: X25519PrivateKey.from_private_bytes(rng.randbytes(32))
            for name in ("alice", "bob")
        }
        public = {name: key.public_key().public_bytes_raw() for name, key in private.items()}
        server = evil()
        handed = server.hand_over(public["alice"], public["bob"])
        if handed is ...:
            raise NotAnswered
        need(
            isinstance(handed, (list, tuple))
            and len(handed) == 2
            and all(isinstance(key, (bytes, bytearray)) and len(key) == 32 for key in handed),
            "hand_over must return two public keys of 32 bytes.",
        )
        keys = {
            "alice": _key(private["alice"], bytes(handed[0])),
            "bob": _key(private["bob"], bytes(handed[1])),
        }
        said = []
        for number in range(6):
            sender, receiver = rng.sample(("alice", "bob"), 2)
            text = f"{rng.choice(TEXTS)} {number}"
            said.append(text)
            nonce = number.to_bytes(12, "big")
            data = AESGCM(keys[sender]).encrypt(nonce, text.encode(), None)
            out = _forwarded(server, sender, number, data)
            if out is ...:
                raise NotAnswered
            need(isinstance(out, (bytes, bytearray)), "forward must return bytes.")
            try:
                opened = AESGCM(keys[receiver]).decrypt(nonce, bytes(out), None).decode()
            except InvalidTag:
                opened = ""
            need(
                opened == text,
                f"{receiver.title()} notices you: the message that you forward "
                f"{'cannot be opened' if not opened else 'has another text'}.",
                "Alice and Bob do not have the same key any more: each has one in common with you. Seal the "
                "text again, with the receiver's key and the same number.",
            )
        found = list(server.read)
        need(
            len(found) <= len(said),
            f"You were not noticed, but after {len(said)} messages `read` has {len(found)} texts.",
            "Each server begins with an empty list of its own, made in __init__.",
        )
        for text in found:
            need(
                isinstance(text, str),
                f"You were not noticed, but `read` has {text!r}, which is not a text.",
                "unseal returns the text.",
            )
        rightly = sum(one == text for one, text in zip(found, said, strict=False))
        need(
            found == said,
            f"You were not noticed, but you have read {rightly} of {len(said)} texts rightly.",
            "Between opening and sealing again, you have the text. If you hand over the real keys, you "
            "cannot open anything.",
        )


def _forwarded(server: Any, sender: str, number: int, data: bytes) -> Any:
    try:
        return server.forward(sender, number, data)
    except Exception as error:
        name = type(error).__name__
        need(
            name != "InvalidTag",
            f"forward({sender!r}, {number}, …) raises InvalidTag: you open what {sender.title()} sealed "
            "with another key.",
            "You have one key in common with Alice, and one with Bob. They compute theirs from the public "
            "key that you handed over, the first to Alice and the second to Bob.",
        )
        raise Wrong(
            f"forward({sender!r}, {number}, …) raises {name}: {error}",
            "Create a server in a cell of your own, hand over two keys, and follow forward line by line.",
        ) from error


class Sniffed(NamedTuple):
    """The number of a capture, and the records in it."""

    number: int
    records: list[EncryptedRecord]


def traffic(variant: Variant) -> Sniffed:
    """Return the records of a student's own chat."""
    number = variant.seed("traffic") % 10**6
    return Sniffed(number, encrypted_traffic(number).records)


def _right_pairs(found: list[set[str]], true: list[set[str]]) -> float:
    def together(groups: list[set[str]], pair: tuple[str, str]) -> bool:
        return any(set(pair) <= group for group in groups)

    pairs = list(itertools.combinations(sorted(set().union(*true)), 2))
    return sum(together(found, pair) == together(true, pair) for pair in pairs) / len(pairs)


@exercise("15.5", "Who talks to whom?", given=traffic)
def who_talks_to_whom(given: Sniffed, rooms: Any) -> None:
    shares, answers = [], []
    for number in range(4):
        chat = encrypted_traffic(given.number + number)
        answer = rooms([EncryptedRecord(*record) for record in chat.records])
        need(
            isinstance(answer, (list, tuple)),
            "rooms must return a list with the members of each room.",
        )
        groups = [set(group) for group in answer]
        known = set().union(*chat.rooms)
        need(
            all(group <= known for group in groups),
            "One of your rooms has a member who is not a user.",
            "The users have names such as 'user A'.",
        )
        need(
            sum(map(len, groups)) == len(set().union(*groups)) if groups else True,
            "One of the users is in several of your rooms, but each is in one room only.",
            "If A is with B, and B with C, then all three are in one room. join takes care of that.",
        )
        shares.append(_right_pairs(groups, chat.rooms))
        answers.append(groups)
    need(
        shares[0] < 0.95 or any(groups != answers[0] for groups in answers),
        "You return the same rooms for four different chats.",
        "The function must use its argument, and nothing that was computed from the first chat.",
    )
    share = sum(shares) / len(shares)
    need(
        share >= 0.95,
        f"Over four chats, you are right about {share:.0%} of the pairs.",
        "Compare only records from the server, of the same size and at nearly the same time. Two users of "
        "one room share nearly all of them; two users of different rooms share a few by chance.",
    )
    chats = [encrypted_traffic(given.number + number) for number in range(2)]
    shares = [
        sum(
            _right_pairs([set(group) for group in rooms(chat.records, window=window)], chat.rooms)
            for chat in chats
        )
        / len(chats)
        for window in (1e-4, 0.5)
    ]
    need(
        shares[0] < 0.95,
        "With window=0.0001, in which hardly any two records fall, you find the same rooms.",
        "Compare the times with window, not with a fixed number.",
    )
    need(
        shares[1] >= 0.9,
        "With window=0.05 you find the rooms, but with window=0.5 you are right about "
        f"{shares[1]:.0%} of the pairs.",
        "Do you compare the exact sizes? And in a longer window, more records of other rooms agree by "
        "chance: demand a larger share.",
    )


@exercise("15.6", "Cheap padding")
def cheap_padding(variant: Variant, padded: Any) -> None:
    rng = variant.random("padding")
    sizes = [*range(1, 400), *(int(1.013**n) for n in range(470, 1068)), 1_000_000]
    sizes += [rng.randrange(1, 1_000_001) for _ in range(400)]
    results = set()
    for size in sorted(set(sizes)):
        result = whole_number(padded(size), f"padded({size})")
        results.add(result)
        need(
            result >= size,
            f"padded({size}) is {result}: a record cannot become shorter.",
            "Round up, never down. Rounding a real number may give one less than you expect.",
        )
        need(
            result - size <= max(15, 0.12 * size),
            f"padded({size}) is {result}: {result - size} bytes more, but {int(max(15, 0.12 * size))} are "
            "allowed.",
            "Steps must grow with the size: 12 % of a small size is little. A limit of 12 % is exceeded if "
            "you round up afterwards.",
        )
    need(
        len(results) <= 150,
        f"For {len(set(sizes))} sizes there are {len(results)} different results, more than 150.",
        "Which lengths lie as far apart as they may? Each is a fixed factor above the one before.",
    )
