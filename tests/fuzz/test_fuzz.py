"""A short run of each fuzz target, on random bytes; `make fuzz` runs a million under atheris."""

from __future__ import annotations

import pytest

from netchat.errors import BadChecksum, BadMagic, FrameTooLarge
from netchat.wire import Frame, Ping, encode
from tests.fuzz import frame_reader
from tests.fuzz.__main__ import main, run_random
from tests.fuzz.choices import Choices


@pytest.mark.parametrize(
    ("target", "cases"),
    [
        ("frame_reader", 4000),
        ("hub", 1000),
        ("pcap", 2000),
        ("reassembly", 1000),
        ("decoder", 400),
        ("link", 200),
        ("datagram_listener", 400),
        ("websocket", 1000),
    ],
)
def test_no_random_input_breaks_it(target: str, cases: int) -> None:
    run_random(target, cases, seed=20_000)


def test_the_command_runs_one_case_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["fuzz", "hub", "--case", "00" * 40])
    main()


def test_a_failing_case_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(frame_reader, "parse", lambda stream, limit: ([], None, -1))

    with pytest.raises(AssertionError):
        run_random("frame_reader", 100, seed=1)

    assert "--case " in capsys.readouterr().err


def test_the_reference_parser_knows_right_from_wrong() -> None:
    ping = encode(Ping(7))
    frame = Frame(Ping.TYPE, ping[16:])

    assert frame_reader.parse(ping + ping[:5], 512) == ([frame], None, 5)
    assert frame_reader.parse(ping + b"x", 512) == ([frame], BadMagic, 0)
    assert frame_reader.parse(ping[:-1] + b"x", 512) == ([], BadChecksum, 0)
    assert frame_reader.parse(ping, 20) == ([], FrameTooLarge, 0)


def test_choices_are_zero_where_the_bytes_end() -> None:
    choices = Choices(b"\x05\x02ab\xff")

    assert choices.below(3) == 2
    assert choices.blob(9) == b"ab"
    assert choices
    assert choices.byte() == 255
    assert not choices
    assert (choices.byte(), choices.below(9), choices.blob(9), choices.one_in(2)) == (
        0,
        0,
        b"",
        False,
    )
