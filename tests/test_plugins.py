"""Codes and channels of users: specifications, soft decoders and plots."""

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import netchat.channels
import netchat.coding
from netchat import bench
from netchat.bench.engine.simulation import Simulation
from netchat.bench.link.run import link_bench
from netchat.bench.theory.limits import capacity
from netchat.channels.laws import check as check_channel
from netchat.channels.stream import ChannelStream
from netchat.cli.main import cli
from netchat.coding import framing, laws
from netchat.coding.block.repetition import Repetition
from netchat.coding.code import Shortened
from netchat.coding.concatenate import AsBits, Concatenated
from netchat.coding.interleave import Interleaved

SOFT = '''
import numpy as np
from netchat.coding import Code, Decoded


class Soft(Code):
    """A repetition code that decides by the sum of the ratios."""

    def __init__(self, n=3):
        super().__init__(f"soft ({n})", k=1, n=n, minimum_distance=n, citation="my own")

    def _encode(self, message):
        return np.repeat(message, self.n, axis=1)

    def _decode(self, received):
        bit = (2 * received.sum(axis=1) > self.n).astype(np.uint8)
        return Decoded(bit[:, None], (received != bit[:, None]).sum(axis=1))

    def _decode_soft(self, received, soft, erasures):
        bit = (soft.sum(axis=1) < 0).astype(np.uint8)
        wrong = (received != bit[:, None]).sum(axis=1)
        lost = np.zeros(len(bit), bool) if erasures is None else erasures.all(axis=1)
        return Decoded(bit[:, None], np.where(lost, -1, wrong))
'''


@pytest.fixture
def soft(tmp_path):
    (tmp_path / "soft.py").write_text(SOFT)
    return f"{tmp_path}/soft.py:Soft"


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.slow
def test_a_soft_decoder_gets_ratios(soft, workers):
    """With soft decisions, n repetitions over Gaussian noise have the error rate of no code."""
    (point,) = bench.run(soft, "awgn:4dB", errors=3000, workers=workers).points
    uncoded = bench.theory("uncoded:1", "awgn:4dB").ber
    assert point.ber == pytest.approx(uncoded, rel=0.08)  # 3000 errors: 4 standard errors
    assert uncoded < 0.7 * bench.theory("repetition:3@hard", "awgn:4dB").ber
    # There is no theory for a soft decoder, only for the best one.
    assert point.theory.fer_kind == "bound"
    assert "maximum-likelihood" in point.theory.name


@pytest.mark.parametrize(
    "around", ["{}+interleave:5", "hamming:7,4+{}", "uncoded:9+{}+interleave:2"]
)
def test_a_soft_decoder_inside_other_codes_gets_ratios(soft, around):
    spec = around.format(soft)
    assert netchat.coding.get(spec).soft
    hard = around.format("repetition:3@hard")
    assert not netchat.coding.get(hard).soft
    better, worse = (
        bench.run(each, "awgn:4dB", frames=4000, errors=10**6, workers=1).points[0].ber
        for each in (spec, hard)
    )
    assert better < 0.8 * worse


def test_ratios_of_other_channels(soft):
    """Ratios of a BSC differ only in sign; those of an erasure channel are 0 for an erased bit."""
    seen = []

    class Listening(Repetition):
        fast = "rows"

        def _decode_soft(self, received, soft, erasures):
            seen.append((received, soft, erasures))
            return super()._decode_soft(received, soft, erasures)

    assert Listening.soft
    bench.run(Listening(), ["bsc:0.1", "bec:0.3", "awgn:0dB"], frames=64, workers=1)
    kinds = {
        np.unique(abs(ratios)).size: (received, ratios, lost) for received, ratios, lost in seen
    }
    received, ratios, lost = kinds.pop(1)
    assert np.allclose(ratios, np.where(received, -1, 1) * np.log(0.9 / 0.1))
    received, ratios, lost = kinds.pop(2)
    assert ((ratios == 0) == lost).all()
    assert np.isposinf(ratios[~lost & (received == 0)]).all()
    ((received, ratios, lost),) = kinds.values()
    assert ((ratios < 0) == received).all()
    for spec, exact in (("bsc:0.1", 0.1**3 + 3 * 0.1**2 * 0.9), ("bec:0.3", 0.3**3)):
        (point,) = bench.run(soft, spec, errors=2000, workers=1).points
        assert point.fer == pytest.approx(exact, rel=0.1)


def test_a_soft_decoder_on_bytes_gets_no_ratios():
    class Octets(netchat.coding.Code):
        def __init__(self):
            super().__init__("octets", k=2, n=2, alphabet="byte", citation="my own")

        def _encode(self, message):
            return message.copy()

        def _decode(self, received):
            return netchat.coding.Decoded(received.copy(), np.zeros(len(received), np.int64))

        def _decode_soft(self, received, soft, erasures):
            raise AssertionError

    assert bench.run(Octets(), "awgn:4dB", frames=100, workers=1).points[0].tally.frames == 100


CODE, CHANNEL = "hamming:7,4", "bsc:0.05"


def _through_bytes(code):
    result = code.decode_bytes(code.encode_bytes(b"chat"))
    assert (result.data, result.failed) == (b"chat", 0)
    return result


@pytest.mark.parametrize(
    "call",
    [
        lambda code, channel: bench.run(code, channel, frames=500, workers=1).points[0].tally,
        lambda code, channel: bench.run([code], (channel,), frames=500, workers=1).points[0].tally,
        lambda code, channel: bench.theory(code, channel),
        lambda code, channel: Simulation(code, channel, 1).run(0).tally,
        lambda code, channel: capacity(channel),
        lambda code, channel: [v.law for v in laws.check(code)],
        lambda code, channel: check_channel(channel),
        lambda code, channel: netchat.coding.get(code).spec,
        lambda code, channel: netchat.channels.get(channel).spec,
        lambda code, channel: ChannelStream(channel, 1).damage(bytes(1000)),
        lambda code, channel: netchat.coding.get(code).encode_bytes(b"chat"),
        lambda code, channel: _through_bytes(netchat.coding.get(code)),
        lambda code, channel: framing.coded_length(netchat.coding.get(code), 5),
        lambda code, channel: framing.data_length(netchat.coding.get(code), 9),
        lambda code, channel: Concatenated(code, code).encode([[1, 0, 1, 1]]).tolist(),
        lambda code, channel: Interleaved(code, 2).encode([[1, 0, 1, 1] * 2]).tolist(),
        lambda code, channel: Shortened(netchat.coding.get(code), 2).encode([[1, 0]]).tolist(),
        lambda code, channel: bench.run(CODE, CHANNEL, frames=100, workers=1).point(code, channel).tally,
    ],
)  # fmt: skip
def test_a_spec_is_equivalent_to_its_object(call):
    by_spec = call(CODE, CHANNEL)
    assert by_spec == call(netchat.coding.get(CODE), netchat.channels.get(CHANNEL))


@pytest.mark.slow
def test_a_string_is_one_spec():
    assert AsBits("rs:20,10").n == 160
    results = link_bench("rs:255,223", "bsc:1e-4", seconds=0.3, repeats=1, workers=1)
    assert [(point.link, point.channel) for point in results.points] == [("rs:255,223", "bsc:1e-4")]
    assert len(bench.run("uncoded:8", "bsc", frames=64, workers=1).points) == len(
        bench.CHANNELS["bsc"]
    )
    assert len(bench.run("uncoded:8", ["bec"], frames=64, workers=1).points) == 9


@pytest.mark.slow
def test_a_channel_written_by_following_the_page(tmp_path, monkeypatch):
    """The example of docs/CODES.md works in a new file, with the commands given there."""
    page = Path("docs/CODES.md").read_text()
    source = re.search(r"```python\n(\"\"\"A channel of your own.*?)```", page, re.S)[1]
    assert source == Path("experiments/my_channel.py").read_text()
    monkeypatch.setenv("NETCHAT_ENCODE_BENCH_WORKERS", "1")
    monkeypatch.chdir(tmp_path)
    Path("experiments").mkdir()
    Path("experiments/my_channel.py").write_text(source)
    commands = re.findall(r"^\$ netchat (.*my_channel\.py.*?)(?:\s+#.*)?$", page, re.M)
    assert any(command.startswith("encode-bench") for command in commands)
    for command in commands:
        done = CliRunner().invoke(cli, command.split())
        assert done.exit_code == 0, (command, done.stdout, done.stderr)
        points = re.findall(r"my_channel\.py:Z:0\.\d+", done.stdout)
        assert len(points) == (5 if "my_channel.py:Z " in command else 1)


def test_results_of_a_user_channel_have_a_grid_and_a_plot():
    results = bench.run(
        ["hamming:7,4"], ["experiments/my_channel.py:Z", CHANNEL], frames=2000, workers=1
    )
    assert "Bit error rate after decoding, experiments/my_channel.py:Z:" in results.grid()
    assert results.grid().splitlines()[1].split() == ["rate", "0.2", "0.1", "0.05", "0.02", "0.01"]
    panel, other = results.plot().axes
    assert panel.get_title(loc="left") == "Z"
    assert other.get_title(loc="left").startswith("Independent errors")
    assert panel.get_xlim()[0] < 0.01 < 0.2 < panel.get_xlim()[1]


def test_a_channel_of_a_notebook_has_a_plot():
    class Mine(type(netchat.channels.get("experiments/my_channel.py:Z"))):
        pass

    channel = Mine(0.3)
    results = bench.run("uncoded:8", channel, frames=500, workers=1)
    assert results.points[0].ber == pytest.approx(0.15, abs=0.03)
    assert results.plot().axes[0].get_xlabel() == "order of the measurements"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("experiments/my_channel.py:Y", "has no Y; it has"),
        ("experiments/my_channel.py:log2:8", "must be a netchat.channels.Channel, got float"),
        ("experiments/my_channel.py:Z:1,2,3", "argument"),
        ("nowhere.py:Z", "There is no file nowhere.py"),
        ("experiments/my_channel.py:Z:x", "experiments/my_channel.py:Z:x: "),
        ("y:0.1", "is not a channel; use one of bsc:P"),
        ("", "is not a channel"),
    ],
)
def test_invalid_channels(spec, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        netchat.channels.get(spec)


def test_a_byte_stream_accepts_only_error_channels():
    with pytest.raises(ValueError, match="supports only bit errors"):
        ChannelStream("experiments/my_channel.py:Z")


def test_a_file_changed_twice_in_a_second_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = tmp_path / "mine.py"
    for n in (4, 5):
        file.write_text(SOFT.replace("n=3", f"n={n}"))
        os.utime(file, (1e9, 1e9))
        assert netchat.coding.get(f"{file}:Soft").n == n
    assert list(tmp_path.iterdir()) == [file]
