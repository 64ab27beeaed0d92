"""The line: what is sent, received and decoded, and the fate of each bit."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchat.channel_lab.catalogue import CODES
from netchat.channel_lab.line import compute_line
from netchat.channel_lab.state import StateError, parse_state
from netchat.coding import get
from netchat.wire import FrameReader, Send, decode

CHANNELS = [
    "bsc:0.03",
    "bec:0.1",
    "gilbert-elliott:0.02,0.2,0,0.5",
    "awgn:3dB",
    "awgn:8dB,qam16",
    "rayleigh:8dB",
]

#: Letters of a cell, by what was received and what the decoder believes.
CELLS = {
    ("same", "right"): ".,", ("flipped", "right"): "f", ("flipped", "wrong"): "x",
    ("erased", "right"): "e", ("erased", "wrong"): "E", ("same", "wrong"): "n",
}  # fmt: skip


def line(**state) -> dict:
    """Return the line of a state."""
    return compute_line(parse_state(state, {}), {})


def test_without_noise_everything_arrives():
    found = line(text="Hi!")
    assert found["ok"]
    assert found["text"] == "Hi!"
    assert found["sent"] == "".join(f"{byte:08b}" for byte in b"Hi!")
    assert found["coded"] == found["received"] == found["corrected"]
    assert found["cells"] == "....,,," * 6
    assert found["summary"] == "42 bits on the line in 6 blocks, none damaged; the text arrived."


def test_the_codewords_are_those_of_the_library():
    found = line(text="Hi!", code="golay:24")
    words = get("golay:24").encode(np.unpackbits(np.frombuffer(b"Hi!", np.uint8)).reshape(2, 12))
    assert found["coded"] == "".join(map(str, words.reshape(-1).tolist()))


def test_one_flip_is_corrected_and_two_are_not():
    one = line(text="Hi!", touched={"2": "flip"})
    assert one["ok"]
    assert one["cells"][:7] == "..f.,,,"
    assert one["outcome"][0] == {"ok": True, "claimed": "corrected", "flips": 1, "left": 0}
    two = line(text="Hi!", touched={"2": "flip", "3": "flip"})
    assert not two["ok"]
    assert two["cells"][:7].count("x") == 2
    assert two["cells"][:7].count("n") == 1  # (7,4) is perfect: it changes a third bit
    assert two["outcome"][0]["claimed"] == "corrected"
    assert not two["outcome"][0]["ok"]
    assert "decoded to a wrong message without notice" in two["summary"]


def test_erasures_are_recovered_or_lost():
    found = line(
        text="Hi!",
        code="repetition:3",
        touched={"0": "erase", "3": "erase", "4": "erase", "5": "erase"},
    )
    assert found["cells"][:6] == "e,,EEE"
    assert found["received"][:6] == "?00???"
    assert found["outcome"][1]["claimed"] == "failed"


def test_the_frame_is_a_valid_send():
    found = line(text="Hi!", carry="frame")
    frame = bytes.fromhex(found["frame"]["bytes"])
    assert decode(FrameReader().feed(frame)[0]) == Send(1, "lobby", "Hi!")
    fields = found["frame"]["fields"]
    assert [field["name"] for field in fields] == [
        "magic", "version", "type", "flags", "suite", "reserved", "length", "crc", "counter", "room", "text"
    ]  # fmt: skip
    assert [field["from"] for field in fields[1:]] == [field["to"] for field in fields[:-1]]
    assert fields[-1]["to"] == len(frame)
    assert found["received_frame"] == {"bytes": frame.hex(), "problem": ""}
    assert found["ok"]


def test_a_damaged_frame_is_rejected():
    found = line(text="Hi!", carry="frame", code="uncoded:8", touched={"250": "flip"})
    assert not found["ok"]
    assert (
        "checksum" in found["received_frame"]["problem"].lower()
        or "CRC" in found["received_frame"]["problem"]
    )
    assert "rejects the frame" in found["summary"]


@pytest.mark.parametrize("spec", [code.spec for code in CODES])
def test_every_suggested_code_over_every_channel(spec):
    for channel in CHANNELS:
        found = line(
            text="Hi!",
            code=spec,
            channel=channel,
            interleave="interleave:2",
            touched={"3": "flip", "9": "erase"},
        )
        size = len(found["coded"])
        assert len(found["received"]) == len(found["corrected"]) == len(found["cells"]) == size
        assert len(found["llr"]) == len(found["order"]) == size
        assert sorted(found["order"]) == list(range(size))
        assert found["received"][9] == "?"
        assert found["cells"][9] in "eE"
        assert (found["symbols"] is not None) == ("qam16" in channel)
        assert (found["soft"] is not None) == (channel in ("awgn:3dB", "rayleigh:8dB"))
        json.dumps(found, allow_nan=False)
        for sent, received, corrected, cell in zip(
            found["coded"], found["received"], found["corrected"], found["cells"], strict=True
        ):
            before = "erased" if received == "?" else "same" if received == sent else "flipped"
            after = "right" if corrected == sent else "wrong"
            expected = CELLS[before, after]
            assert cell in expected


def test_a_slider_never_makes_damage_jump():
    """With one seed, worse channels keep the errors of better ones."""
    for kind, values in (("bsc:{}", (0.01, 0.05, 0.2)), ("bec:{}", (0.05, 0.2, 0.5))):
        damaged = set()
        for value in values:
            found = line(text="a longer text", channel=kind.format(value), seed=4)
            pairs = zip(found["coded"], found["received"], strict=True)
            now = {at for at, (sent, received) in enumerate(pairs) if sent != received}
            assert damaged <= now
            damaged = now
        assert damaged
    near, far = (line(text="Hi!", channel=f"awgn:{level}dB", seed=4)["soft"] for level in (8, 2))
    sent = [1 - 2 * int(bit) for bit in line(text="Hi!")["coded"]]
    noise = [[value - mean for value, mean in zip(soft, sent, strict=True)] for soft in (near, far)]
    assert np.allclose(np.array(noise[1]) / np.array(noise[0]), 10 ** (6 / 20), rtol=0.1, atol=0.1)


def test_an_interleaver_spreads_a_burst():
    burst = {str(at): "flip" for at in range(8, 12)}
    assert not line(text="burst", code="hamming:7,4", touched=burst)["ok"]
    found = line(text="burst", code="hamming:7,4", touched=burst, interleave="interleave:10")
    assert found["ok"]
    blocks = [found["order"][at] // 7 for at in range(8, 12)]
    assert len(set(blocks)) == 4
    # The order is that of the library's interleaver.
    code = get("hamming:7,4+interleave:10")
    message = np.unpackbits(np.frombuffer(b"burst", np.uint8))
    assert found["coded"] == "".join(map(str, code.encode(message).tolist()))


def test_a_code_over_bytes_is_interleaved_by_bytes():
    found = line(text="x" * 22, code="rs:15,11", interleave="interleave:2")
    assert found["order"][:24] == [*range(8), *range(120, 128), *range(8, 16)]
    word = get("rs:15,11+interleave:2").encode(np.frombuffer(b"x" * 22, np.uint8))
    assert found["coded"] == "".join(f"{byte:08b}" for byte in word.tolist())


def test_the_constellation():
    found = line(text="Hi!", channel="awgn:40dB,qam16")
    assert found["bits_per_symbol"] == 4
    points = {label: (i, q) for i, q, label in found["points"]}
    assert len(points) == 16
    for number, (i, q) in enumerate(found["symbols"][:10]):
        nearest = points[found["coded"][4 * number : 4 * number + 4]]
        assert abs(i - nearest[0]) < 0.05
        assert abs(q - nearest[1]) < 0.05


def test_too_many_cells():
    with pytest.raises(StateError, match="at most 5000 are shown") as caught:
        line(text="x" * 256, code="repetition:5")
    assert caught.value.field == "text"


def test_codes_that_cannot_be_built():
    for code in (
        "hamming:9,4",
        "rs:15,15",
        "polar:16,99",
        "ldpc:wifi,700",
        "secded:72,99",
        "bch:15,14",
    ):
        with pytest.raises(StateError) as caught:
            line(code=code)
        assert caught.value.field == "code"
    with pytest.raises(StateError, match="at most 5000 bits"):
        line(code="rs:255,223+interleave:64")


def test_an_empty_text():
    found = line(text="")
    assert found["text"] == ""
    assert found["cells"] == "....,,,"
    assert found["ok"]


@settings(max_examples=12, deadline=None)
@given(
    st.text(max_size=30),
    st.sampled_from(["hamming:7,4", "rs:15,11", "golay:24"]),
    st.integers(0, 99),
)
def test_any_text_arrives_over_a_perfect_channel(text, code, seed):
    found = line(text=text, code=code, seed=seed)
    assert found["ok"]
    assert found["text"] == text
