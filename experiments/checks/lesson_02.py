"""Self-checks of lesson 2: sniffing."""

from functools import lru_cache
from typing import Any

from netchat.course import (
    LOBBY,
    Capture,
    SimulatedConversation,
    Variant,
    exercise,
    need,
    whole_number,
)
from netchat.wire import Send, encode

PLACES = ("the library", "platform 9", "the old lab", "the roof", "room B-12", "the boathouse")
TIMES = ("noon", "half past three", "ten to six", "midnight", "a quarter to eight")
REMARKS = (
    "Is anyone awake?",
    "The build is green again.",
    "Who took the crimping tool?",
    "Lunch?",
    "I have read the RFC twice now.",
    "Mind the step.",
    "It works on my machine.",
    "Can someone restart the printer?",
    "Good morning!",
)

#: Bytes that TLS 1.3 adds to the data: a header of 5, a type of 1, a tag of 16.
TLS_OVERHEAD = 22


@lru_cache(maxsize=64)
def _party(variant: Variant, purpose: str) -> tuple[Capture, tuple[str, str, str]]:
    """Return a capture of four people in the lobby, and a secret that two of them share."""
    rng = variant.random(purpose)
    people = variant.people(purpose, 4)
    chat = SimulatedConversation(variant.seed(purpose))
    for name in people[:3]:
        chat.enter(name)
    for _ in range(rng.randrange(3, 6)):
        chat.say(rng.choice(people[:3]), LOBBY, rng.choice(REMARKS))
    chat.enter(people[3])
    sender, receiver = rng.sample(people, 2)
    secret = f"{rng.choice(PLACES)}, {rng.choice(TIMES)}"
    chat.tell(sender, receiver, secret)
    for _ in range(rng.randrange(2, 4)):
        chat.say(rng.choice(people), LOBBY, rng.choice(REMARKS))
    chat.leave(rng.choice([name for name in people if name not in (sender, receiver)]))
    return chat.capture(), (sender, receiver, secret)


def party(variant: Variant) -> Capture:
    """Return the student's capture."""
    return Capture(_party(variant, "party")[0].packets)


@exercise("2.1", "The users and their addresses", given=party)
def phone_book(capture: Capture, book: Any) -> None:
    need(isinstance(book, dict), f"book must be a dict, got {type(book).__name__}.")
    right: dict[str, str] = {}
    for message in capture.messages():
        right[message.user] = message.conversation.client[0]
    server = next(iter(capture.messages())).conversation.server[0]
    need(
        server not in book.values() and server not in book,
        f"Your book contains {server}, which is the server.",
        "message.conversation.client is the address and port of the user's machine.",
    )
    need(
        not set(book) & set(right.values()),
        "Your book maps addresses to names; it must map names to addresses.",
    )
    missing, strange = set(right) - set(book), set(book) - set(right)
    need(
        not strange,
        f"Your book contains {next(iter(strange), None)!r}, but no user in the capture has this "
        "name.",
    )
    need(not missing, f"{len(missing)} of the users are missing.", "Do you look at all messages?")
    for name, address in book.items():
        need(
            isinstance(address, str),
            f"For {name} your book has {address!r}: an address is a text, without the port.",
        )
        need(address == right[name], f"{name} is not at {address}.")


@exercise("2.2", "Who said how much", given=party)
def count_of_messages(capture: Capture, counts: Any) -> None:
    need(isinstance(counts, dict), f"counts must be a dict, got {type(counts).__name__}.")
    right: dict[str, int] = {}
    heard: dict[str, int] = {}
    for message in capture.messages().filter(type=["SEND", "EVENT"]):
        if message.type == "SEND":
            right[message.user] = right.get(message.user, 0) + 1
        elif message.fields["counter"]:
            heard[message.user] = heard.get(message.user, 0) + 1
    total = whole_number(sum(counts.values()), "the sum of all counts")
    need(
        counts != heard,
        "These are the messages that each user *received*.",
        "Which message does a client send when its user presses Enter?",
    )
    need(
        total <= sum(right.values()),
        f"You count {total} messages in total, but fewer were sent.",
        "Every text passes the wire several times: once up, and down to each member. Which of "
        "the two do you want to count?",
    )
    need(
        total == sum(right.values()),
        f"You count {total} messages in total, but more were sent.",
        "Private messages count, too.",
    )
    for name, count in right.items():
        need(counts.get(name, 0) == count, f"Your count for {name} is wrong.")


@exercise("2.3", "The secret")
def the_secret(variant: Variant, sender: Any, receiver: Any, text: Any) -> None:
    right = _party(variant, "party")[1]
    need(
        (sender, receiver) != (right[1], right[0]),
        "These are the right two users, but in the wrong order.",
        "The server sends a copy to both of them. Who sent it *to the server*?",
    )
    need(
        isinstance(text, str) and text == right[2],
        f"{text!r} is not the private message.",
        "A private conversation is a room of two, and its code begins with @.",
    )
    need(sender == right[0], f"{sender} did not send it.")
    need(receiver == right[1], f"It was not for {receiver}.", "Who else is in that room?")


@lru_cache(maxsize=64)
def _rows_to_filter(variant: Variant) -> list[dict[str, Any]]:
    return _party(variant, "filter")[0].messages().to_dicts()


@exercise("2.4", "A filter of your own")
def filter_of_your_own(variant: Variant, heard_by: Any) -> None:
    rows = _rows_to_filter(variant)
    for name in sorted({row["user"] for row in rows}):
        for row in rows:
            chosen = heard_by(row, name)
            need(
                isinstance(chosen, bool),
                f"heard_by must return True or False, got {chosen!r}.",
            )
            fields = row["fields"]
            right = (
                row["type"] == "EVENT"
                and row["user"] == name
                and fields["kind_name"] == "CHAT"
                and fields["sender"] != name
            )
            if chosen == right:
                continue
            what = f"a {row['type']} on {row['user']}'s connection"
            if row["type"] == "EVENT":
                what += f" (a {fields['kind_name']} from {fields['sender']})"
            need(
                False,
                f"For {name}, your filter {'accepts' if chosen else 'rejects'} {what}.",
                "A user hears what arrives on their own connection, is chat, and comes from "
                "another user.",
            )


def encrypted_records(variant: Variant) -> tuple[list[int], list[str]]:
    """Return the sizes of encrypted records, and their candidate texts of different lengths."""
    rng = variant.random("sealed")
    texts = {len(text): text for text in (*REMARKS, *(f"See you at {place}." for place in PLACES))}
    candidates = list(texts.values())
    rng.shuffle(candidates)
    candidates = candidates[:8]
    truth = sorted(candidates, key=len)
    while truth in (sorted(truth, key=len), sorted(truth, key=len, reverse=True)):
        truth = rng.sample(candidates, 4)  # not in an order that sorting finds
    sizes = [len(encode(Send(n, LOBBY, text))) + TLS_OVERHEAD for n, text in enumerate(truth, 1)]
    return sizes, candidates


@exercise("2.5", "What the lengths reveal", given=encrypted_records)
def what_lengths_tell(given: tuple[list[int], list[str]], guess: Any) -> None:
    sizes, candidates = given
    need(isinstance(guess, (list, tuple)), "guess must be a list of texts.")
    need(
        len(guess) == len(sizes),
        f"There are {len(sizes)} records, but you have {len(guess)} texts.",
    )
    for place, (text, size) in enumerate(zip(guess, sizes, strict=True), 1):
        need(text in candidates, f"{text!r} is not among the candidates.")
        real = len(encode(Send(place, LOBBY, text))) + TLS_OVERHEAD
        need(
            real == size,
            f"Record {place} has {size} bytes, but with {text!r} it would have {real}.",
            "How long is the frame of a text? You worked it out in lesson 1.",
        )
