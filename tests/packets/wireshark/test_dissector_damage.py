"""Damaged captures in tshark: the dissector raises no error, and shows what is complete."""

import random
import subprocess

import pytest

from netchat.packets.encapsulate import Encapsulation
from tests.packets.sharks import EDITCAP, needs_tshark, tshark
from tests.vectors import VECTORS, frame_of


def _long_story(path, seed):
    """Return many frames in both directions, cut into segments at random offsets."""
    rng = random.Random(seed)
    conversation = Encapsulation(now=0.0)
    vectors = list(VECTORS)
    for _ in range(6):
        rng.shuffle(vectors)
        for by_server in (False, True):
            raw = b"".join(frame_of(vector) for vector in vectors)
            while raw:
                size = rng.randint(1, 400)
                conversation.send(raw[:size], by_server=by_server)
                raw = raw[size:]
    conversation.save(path)


@needs_tshark
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rate", ["0.002", "0.02", "0.2"])
def test_noise_raises_no_error(tmp_path, rate, seed):
    _long_story(tmp_path / "whole.pcapng", seed)
    # Not the lower headers: otherwise tshark would not call the dissector.
    noise = ["-E", rate, "-o", "54", "--seed", str(seed)]
    subprocess.run(
        [EDITCAP, *noise, str(tmp_path / "whole.pcapng"), str(tmp_path / "noisy.pcapng")],
        check=True,
        capture_output=True,
    )
    out, _ = tshark(tmp_path / "noisy.pcapng", "-V")
    assert "netchat NCP" in out


@needs_tshark
@pytest.mark.parametrize("snaplen", [54, 55, 60, 69, 70, 71, 80, 100, 150])
def test_truncated_packets_raise_no_error(tmp_path, snaplen):
    _long_story(tmp_path / "whole.pcapng", 1)
    subprocess.run(
        [EDITCAP, "-s", str(snaplen), str(tmp_path / "whole.pcapng"), str(tmp_path / "cut.pcapng")],
        check=True,
        capture_output=True,
    )
    tshark(tmp_path / "cut.pcapng", "-V")
    tshark(tmp_path / "cut.pcapng", "-2", "-V", "-Y", "netchat.truncated")


@needs_tshark
def test_a_truncated_file_raises_no_error(tmp_path):
    _long_story(tmp_path / "whole.pcapng", 2)
    raw = (tmp_path / "whole.pcapng").read_bytes()
    (tmp_path / "cut.pcapng").write_bytes(raw[: len(raw) // 2 + 7])
    out, err = tshark(tmp_path / "cut.pcapng", "-V")
    assert "netchat NCP" in out
    assert "cut short" in err
