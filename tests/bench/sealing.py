"""Bench of sealed messages: `python -m tests.bench.sealing`.

It seals and opens 64-byte texts on one core, and compares that with the raw primitives of the same
library in the same run: a sealed message costs at least one signature and one encryption, and an opened
one a verification and a decryption. In a history, one verification covers all messages of a sender that
are linked.

Figures are messages per second of CPU time; medians of five runs.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from netchat.chat.sealing.device_key import DeviceKey
from netchat.chat.sealing.pins import Pins
from netchat.chat.sealing.sealed_room import SealedRoom
from netchat.wire import SealedEvent

__all__ = ["main"]

COUNT = 2000
TEXT = "x" * 64


def _rate(run: Callable[[], None], count: int = COUNT) -> float:
    """Return the median rate of five runs that handle `count` messages each."""
    rates = []
    for _ in range(5):
        begin = time.process_time()
        run()
        rates.append(count / (time.process_time() - begin))
    return statistics.median(rates)


def _member() -> SealedRoom:
    room = SealedRoom(DeviceKey(), Pins(), 1, 1)
    room.set_secret(bytes(16), 1)
    return room


def main() -> None:
    """Print the rates."""
    key, cipher, nonce = Ed25519PrivateKey.generate(), AESGCM(os.urandom(32)), os.urandom(12)
    signed, plain, extra = os.urandom(300), TEXT.encode() + bytes(8), os.urandom(200)
    signature, sealed = key.sign(signed), cipher.encrypt(nonce, plain, extra)
    public = key.public_key()

    def each(action: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(COUNT):
                action()

        return run

    sender = _member()
    events: list[SealedEvent] = []

    def seal() -> None:
        events.clear()
        for number in range(1, COUNT + 1):
            message = sender.seal(number, "Nova", TEXT)
            events.append(SealedEvent(number, 0, 5, number, "R", "Nova", (message,)))

    def open_live() -> None:
        receiver = _member()
        for event in events:
            opened = receiver.open(event)
            assert not opened.problems

    def open_past() -> None:
        assert all(one and one.text == TEXT for one in _member().open_past(events))

    rows = [
        (
            "sign + encrypt",
            _rate(each(lambda: (key.sign(signed), cipher.encrypt(nonce, plain, extra)))),
        ),
        ("seal", _rate(seal)),
        (
            "verify + decrypt",
            _rate(
                each(
                    lambda: (public.verify(signature, signed), cipher.decrypt(nonce, sealed, extra))
                )
            ),
        ),
        ("open, live", _rate(open_live)),
        ("decrypt", _rate(each(lambda: cipher.decrypt(nonce, sealed, extra)))),
        ("open, history", _rate(open_past)),
    ]
    print("messages of 64 bytes per second and core")
    for at in range(0, len(rows), 2):
        (raw_name, raw), (name, rate) = rows[at : at + 2]
        print(f"{name:<14} {rate:>9,.0f}   {raw_name:<17} {raw:>9,.0f}   ratio {rate / raw:.2f}")


if __name__ == "__main__":
    main()
