"""Secrets of rooms: links, words and typing mistakes."""

import pytest

from netchat.chat.sealing.room_secret import (
    new_secret,
    read_invitation,
    read_secret,
    secret_words,
    show_secret,
)
from netchat.chat.sealing.wordlist import WORDS


def test_it_is_written_in_two_ways():
    for _ in range(20):
        secret = new_secret()
        assert read_secret(show_secret(secret)) == read_secret(secret_words(secret)) == secret
    assert len(set(WORDS)) == 2048
    assert len({word[:4] for word in WORDS}) == 2048


def test_words_may_be_abbreviated_and_punctuated():
    secret = bytes(16)
    words = secret_words(secret).split()
    assert read_secret(", ".join(word[:4].upper() for word in words)) == secret


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("abandon " * 11 + "zoo", "do not match their checksum"),
        ("abandon " * 11 + "xylophone", "Word 12 of the secret is not in the list"),
        ("abandon " * 11 + "abandons", "Word 12 of the secret is not in the list"),
        ("abandon ability", "has 12 words, got 2"),
        ("short", "got 5 characters"),
        ("A" * 21 + "B", "got 22 characters"),
    ],
)
def test_mistakes_are_named(written, problem):
    with pytest.raises(ValueError, match=problem):
        read_secret(written)


@pytest.mark.parametrize(
    ("written", "code", "secret"),
    [
        ("7K3F9-2MQ0T", "7K3F9-2MQ0T", ""),
        (" 7K3F92MQ0T#abc ", "7K3F92MQ0T", "abc"),
        ("7K3F92MQ0T one two", "7K3F92MQ0T", "one two"),
        ("http://localhost:6480/r/7K3F92MQ0T#abc", "7K3F92MQ0T", "abc"),
        ("https://localhost/r/7K3F92MQ0T", "7K3F92MQ0T", ""),
        ("", "", ""),
    ],
)
def test_an_invitation_is_split(written, code, secret):
    assert read_invitation(written) == (code, secret)
