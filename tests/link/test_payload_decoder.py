"""Decoding of payloads."""

from __future__ import annotations

from netchat.link.code_table import block_code
from netchat.link.header import Header, Kind
from netchat.link.payload_decoder import PayloadDecoder, payload_context
from netchat.link.stats import LinkStats


def test_a_decoded_payload_is_encoded_again_as_it_was_sent() -> None:
    header = Header(
        kind=Kind.DATA, code=4, link=9, length=5, offset=0, number=0, window=64, ack=0, echo=0,
        delay=0, arrived=0, wrong=0, checked=0,
    )  # fmt: skip
    coded = block_code("rs:255,223").encode(payload_context(header), b"hello")
    decoder = PayloadDecoder(LinkStats())

    payload = decoder.data(header, bytes([coded[0] ^ 0xFF]) + coded[1:], 0)

    assert payload == b"hello"
    assert decoder.sent(header, payload) == coded
    assert decoder.sent(header._replace(length=0), b"") == b""
