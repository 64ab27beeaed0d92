"""Sealed files against a hostile server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.sealing.sealed_file import (
    PART_SIZE,
    FileOpener,
    FileSealer,
    new_file_key,
    sealed_size,
)
from netchat.errors import SealingError

KEY = bytes(range(32))
SEALED = PART_SIZE + 16
DATA = bytes(range(251)) * 800  # three parts and a bit


def sealed(data, key=KEY):
    return FileSealer(key, len(data)).seal(data, 0, sealed_size(len(data)))


def test_keys_differ():
    assert len(new_file_key()) == 32
    assert new_file_key() != new_file_key()


@pytest.mark.parametrize("size", [0, 1, PART_SIZE - 1, PART_SIZE, PART_SIZE + 1, 3 * PART_SIZE])
def test_files_of_any_size(size):
    data = DATA[:size]
    form = sealed(data)
    assert len(form) == sealed_size(size)
    assert FileOpener(KEY, size).open(form) == data


@given(st.integers(0, sealed_size(len(DATA)) - 1), st.integers(1, 2 * SEALED))
def test_any_range_is_part_of_the_whole(offset, length):
    form, sealer = sealed(DATA), FileSealer(KEY, len(DATA))
    length = min(length, len(form) - offset)
    begin, count = sealer.plain_range(offset, length)
    part = sealer.seal(DATA[begin : begin + count], offset, length)
    assert part == form[offset : offset + length]


@given(st.lists(st.integers(1, SEALED * 2), max_size=8))
def test_pieces_of_any_size_open(sizes):
    form, opener, opened = sealed(DATA), FileOpener(KEY, len(DATA)), b""
    for size in [*sizes, len(form)]:
        opened += opener.open(form[:size])
        form = form[size:]
    assert opened == DATA


def test_the_rest_after_a_restart():
    opener = FileOpener(KEY, len(DATA), part=2)
    assert opener.open(sealed(DATA)[2 * SEALED :]) == DATA[2 * PART_SIZE :]


def parts(form):
    return [form[at : at + SEALED] for at in range(0, len(form), SEALED)]


@pytest.mark.parametrize(
    "hostile",
    [
        lambda p: [p[1], p[0], *p[2:]],  # swapped
        lambda p: [p[0], p[0], *p[1:]],  # repeated
        lambda p: [p[0], *p[2:]],  # dropped
        lambda p: [p[0][:-1] + bytes([p[0][-1] ^ 1]), *p[1:]],  # changed
        lambda p: parts(sealed(DATA[:PART_SIZE] + bytes(len(DATA) - PART_SIZE), bytes(32))),
    ],
)
def test_a_hostile_server_is_noticed(hostile):
    form = b"".join(hostile(parts(sealed(DATA))))
    with pytest.raises(SealingError, match="of the file was changed"):
        FileOpener(KEY, len(DATA)).open(form)


def test_another_size_is_noticed():
    """A server cannot pass the start of a file off as a shorter file."""
    with pytest.raises(SealingError):
        FileOpener(KEY, PART_SIZE).open(sealed(DATA)[:SEALED])


def test_a_cut_file_never_ends():
    opener = FileOpener(KEY, len(DATA))
    assert len(opener.open(sealed(DATA)[:-1])) == 3 * PART_SIZE
