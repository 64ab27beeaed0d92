"""Device ids and tokens."""

from netchat.chat.credentials import TOKEN_SIZE, device_id, new_token, token_hash
from netchat.chat.model import Session


def test_a_device_id_is_the_first_63_bits_of_the_keys_sha_256():
    # printf '\0%.0s' {1..16} | sha256sum: 374708fff7719dd5...
    assert device_id(bytes(16)) == 0x374708FFF7719DD5 >> 1
    assert all(device_id(bytes([n] * 16)) < 2**63 for n in range(100))


def test_tokens_are_long_and_never_the_same():
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {TOKEN_SIZE}


def test_a_token_is_not_stored_as_it_is():
    token = new_token()
    assert token_hash(token) != token
    assert token_hash(token) == token_hash(token)


def test_a_session_begins_without_rooms_and_away():
    session = Session(7, "Nova", 1)
    assert (session.id, session.name, session.rooms, session.is_away) == (7, "Nova", {}, True)
