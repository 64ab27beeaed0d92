"""Counts are the same for any number of workers, and after any interruption."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import netchat.channels
import netchat.coding
from netchat import __version__, bench
from netchat.bench.engine.simulation import Simulation
from netchat.coding import Code, Decoded
from netchat.errors import BenchError

CODES = ["hamming:7,4", "rs:60,50", "experiments/my_code.py:Grid"]
CHANNELS = ["bsc:0.01", "bec:0.05", "gilbert-elliott:0.001,0.1,0,0.5"]


def counts(results):
    return [(p.code, p.channel, p.tally, p.batches, p.stopped_by) for p in results.points]


@pytest.fixture(scope="module")
def alone():
    return bench.run(CODES, CHANNELS, errors=200, frames=60_000, workers=1)


@pytest.mark.parametrize("workers", [2, 3])
def test_counts_do_not_depend_on_the_workers(alone, workers):
    assert counts(bench.run(CODES, CHANNELS, errors=200, frames=60_000, workers=workers)) == counts(
        alone
    )


def test_counts_do_not_depend_on_other_points(alone):
    only = bench.run(CODES[1:2], CHANNELS[:1], errors=200, frames=60_000, workers=1)
    assert counts(only)[0] in counts(alone)
    other = bench.run(CODES[1:2], CHANNELS[:1], errors=200, frames=60_000, workers=1, seed=2)
    assert counts(other)[0] not in counts(alone)


def test_each_rule_ends_a_point():
    for limits, stopped_by in (
        ({"errors": 10}, "errors"), ({"frames": 1000}, "frames"), ({"seconds": 1e-9}, "seconds")
    ):  # fmt: skip
        (point,) = bench.run(["hamming:7,4"], ["bsc:0.0001"], workers=1, **limits).points
        assert point.stopped_by == stopped_by
        if stopped_by == "frames":
            assert point.tally.frames == 1000


def test_a_limit_of_frames_cuts_batches_exactly():
    code, channel = netchat.coding.get("hamming:7,4"), netchat.channels.get("bsc:0.3")
    for limit in (1, 63, 64, 65, 1000):
        tally = Simulation(code, channel, 1, limit).run(0).tally
        assert tally.frames == limit
        assert tally.frame_errors <= limit
        assert tally.bits == 4 * limit


@pytest.mark.parametrize("spec", ["hamming:8,4", "secded:72,64", "rs:20,16", "repetition:4"])
def test_both_layouts_give_the_same_counts(spec):
    """Compare the counts of bit slices, of rows and of NumPy for the same blocks."""
    from netchat.bench.engine.tally_kernels import tally_bit_slices, tally_rows
    from netchat.coding import bit_slicing

    code, rng = netchat.coding.get(spec), np.random.default_rng(1)
    sent = rng.integers(0, 256 if code.alphabet == "byte" else 2, (200, code.k), dtype=np.uint8)
    flips = rng.random((200, code.n)) < 0.1
    result = code.decode(code.encode(sent) ^ flips)
    bits = [np.unpackbits(rows, axis=1) if code.alphabet == "byte" else rows
            for rows in (sent, result.message)]  # fmt: skip
    bad = (bits[0] != bits[1])[:150].sum(axis=1)
    failed = result.failed[:150]
    error = (bad > 0) | failed
    groups = [range(at, min(at + 7, 150)) for at in range(0, 150, 7)]
    expected = [
        error.sum(), bad.sum(), ((bad > 0) & ~failed).sum(), sum(error[g].any() for g in groups),
        sum(error[g].sum() ** 2 for g in groups), sum(bad[g].sum() ** 2 for g in groups),
    ]  # fmt: skip
    by_rows, by_bit_slices = np.zeros(6, np.int64), np.zeros(6, np.int64)
    tally_rows(sent, result.message, result.corrected, 150, 7, by_rows)
    tally_bit_slices(
        *(bit_slicing.from_rows(rows) for rows in bits),
        bit_slicing.from_rows(result.failed.astype(np.uint8)[:, None])[0], 150, 7, by_bit_slices,
    )  # fmt: skip
    assert by_rows.tolist() == by_bit_slices.tolist() == [int(number) for number in expected]


PROGRAM = """
import sys
from netchat import bench
results = bench.run(["rs:255,223"], ["bsc:0.0025", "bsc:0.002"], errors=50, frames=80_000,
                    resume=sys.argv[1], workers=int(sys.argv[2]))
sys.exit(0 if results.complete else 130)
"""


@pytest.mark.thorough
@pytest.mark.parametrize("workers", ["1", "2"])
def test_interrupted_and_resumed(tmp_path, workers):
    """A process that is interrupted repeatedly ends with the counts of an uninterrupted one."""
    state = tmp_path / "state.json"
    for attempt in range(30):
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(state), workers])
        if attempt < 2:
            deadline = time.monotonic() + 0.9 + 0.4 * attempt
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        status = process.wait(60)
        if status == 0:
            break
    assert status == 0
    whole = bench.run(
        ["rs:255,223"], ["bsc:0.0025", "bsc:0.002"], errors=50, frames=80_000, workers=1
    )
    assert counts(bench.Results.read(state)) == counts(whole)


def test_a_run_can_continue_to_more_errors(tmp_path):
    state = tmp_path / "state.json"
    few = bench.run(["rs:60,50"], ["bsc:0.01"], errors=20, resume=state, workers=1)
    more = bench.run(["rs:60,50"], ["bsc:0.01"], errors=500, resume=state, workers=1)
    assert more.points[0].batches > few.points[0].batches
    fresh = bench.run(["rs:60,50"], ["bsc:0.01"], errors=500, workers=1)
    assert counts(more) == counts(fresh)
    # A point whose last batch was cut short by a limit of frames starts from scratch.
    cut = tmp_path / "cut.json"
    bench.run(["rs:60,50"], ["bsc:0.001"], frames=1000, resume=cut, workers=1)
    longer = bench.run(["rs:60,50"], ["bsc:0.001"], frames=5000, resume=cut, workers=1)
    assert counts(longer) == counts(bench.run(["rs:60,50"], ["bsc:0.001"], frames=5000, workers=1))


def test_invalid_resume_files(tmp_path):
    state = tmp_path / "state.json"
    bench.run(["hamming:7,4"], ["bsc:0.1"], resume=state, seed=3, workers=1)
    assert bench.run(["hamming:7,4"], ["bsc:0.1"], resume=state, workers=1).seed == 3
    with pytest.raises(BenchError, match="started with seed 3"):
        bench.run(["hamming:7,4"], ["bsc:0.1"], resume=state, seed=4)
    for text in ("", "[]", '{"points": [{"code": 1}]}', json.dumps({"points": []})):
        state.write_text(text)
        with pytest.raises(BenchError, match="does not contain results"):
            bench.run(["hamming:7,4"], ["bsc:0.1"], resume=state)
        assert state.read_text() == text


def test_a_file_of_another_run_is_not_changed(tmp_path):
    state = tmp_path / "state.json"
    bench.run(["hamming:7,4"], ["bsc:0.1", "bsc:0.05"], resume=state, workers=1)
    text = state.read_text()
    for codes, channels in ((["repetition:3"], None), (None, ["bsc:0.1"])):
        with pytest.raises(
            BenchError, match=r"also contains hamming:7,4 over bsc:0\..* would be lost"
        ):
            bench.run(codes, channels, resume=state, workers=1)
    assert state.read_text() == text
    more = bench.run(["hamming:7,4", "repetition:3"], resume=state, workers=1)
    assert len(more.points) == 4
    text = state.read_text().replace(f'"version": "{__version__}"', '"version": "0.0.1"')
    state.write_text(text)
    with pytest.raises(BenchError, match=r"was written by netchat 0\.0\.1"):
        bench.run(resume=state, workers=1)
    assert state.read_text() == text


class Notebook(Code):
    """A code defined in a notebook, which no other process can create."""

    def __init__(self, wrong=False):
        super().__init__("mine", k=2, n=2, minimum_distance=1, citation="none")
        self.wrong = wrong

    def _encode(self, message):
        return message.copy()

    def _decode(self, received):
        if self.wrong:
            raise RuntimeError("not written yet")
        return Decoded(received.copy(), np.zeros(len(received), np.int64))


def test_a_code_that_is_an_object():
    (point,) = bench.run([Notebook()], ["bsc:0.1"], errors=1000).points
    assert point.ber_interval.low < 0.1 < point.ber_interval.high
    assert point.theory.fer == pytest.approx(1 - 0.9**2)


def test_an_error_of_a_code_is_reported(tmp_path):
    with pytest.raises(BenchError, match=r"mine over bsc:0.1 raised RuntimeError: not written yet"):
        bench.run([Notebook(wrong=True)], ["bsc:0.1"])
    file = tmp_path / "mine.py"
    file.write_text(
        "from netchat.coding.block.uncoded import Uncoded\n"
        "class Mine(Uncoded):\n"
        "    def _decode_bit_sliced(self, received):\n"
        "        raise RuntimeError('nor this')\n"
    )
    with pytest.raises(BenchError, match="nor this"):
        bench.run([f"{file}:Mine"], ["bsc:0.1"], workers=2)
    file.write_text(
        "import os\n"
        "from netchat.coding.block.uncoded import Uncoded\n"
        "class Mine(Uncoded):\n"
        "    def _decode_bit_sliced(self, received):\n"
        "        os._exit(7)\n"
    )
    with pytest.raises(BenchError, match="with status 7"):
        bench.run([f"{file}:Mine"], ["bsc:0.1"], workers=2)


def test_output_of_a_code_does_not_mix_with_results(tmp_path, capfd):
    file = tmp_path / "loud.py"
    file.write_text(
        "from netchat.coding.block.uncoded import Uncoded\n"
        "class Loud(Uncoded):\n"
        "    def _decode_bit_sliced(self, received):\n"
        "        print('here I am')\n"
        "        return super()._decode_bit_sliced(received)\n"
    )
    (point,) = bench.run([f"{file}:Loud"], ["bsc:0.1"], workers=2).points
    assert point.stopped_by == "errors"
    assert "here I am" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"codes": ["nonsense"]}, "Unknown code"),
        ({"channels": ["nonsense:1"]}, "not a channel"),
        ({"codes": ["hamming:7,4", "hamming:7,4"]}, "given more than once"),
        ({"errors": 0}, "'errors' must be above 0"),
        ({"frames": -1}, "'frames' must be above 0"),
        ({"seconds": 0.0}, "'seconds' must be above 0"),
        ({"seconds": float("nan")}, "'seconds' must be above 0"),
        ({"workers": 0}, "'workers' must be above 0"),
        ({"seed": -1}, "'seed' must be at least 0"),
    ],
)
def test_bad_arguments(arguments, said):
    with pytest.raises(ValueError, match=said):
        bench.run(**arguments)


def test_a_narrow_table_omits_columns():
    results = bench.run(["hamming:7,4"], ["bsc:0.1"], workers=1)
    assert "undetected" in results.table()
    for width in (40, 80, 120, 200):
        lines = results.table(width).splitlines()
        assert max(map(len, lines)) <= width
        assert {"channel", "FER", "BER"} <= set(lines[0].split())
    assert "theory" in results.table(80)
    assert "95 %" in results.table(100)
    assert results._repr_html_().count("<td>") == results._repr_html_().count("<th>")


def test_a_grid_fits_the_width():
    results = bench.run(
        ["hamming:7,4", "uncoded:64"],
        ["bsc:0.1", "bsc:0.01", "bsc:0", "gilbert-elliott:0.01,0.1,0,0.5", "awgn:4dB"],
        frames=20_000, errors=20_000, workers=1,
    )  # fmt: skip
    titles = [line for line in results.grid().splitlines() if line.startswith("Bit error rate")]
    assert [title.partition(", ")[2] for title in titles] == [
        "bsc:", "gilbert-elliott, by the mean length of a burst in bits:", "awgn:"
    ]  # fmt: skip
    _, heading, hamming, uncoded, *_ = results.grid().splitlines()
    assert heading.split() == ["rate", "0.1", "0.01", "0"]
    limit = results.point("hamming:7,4", "bsc:0").ber_interval.high
    assert hamming.split()[:2] == ["hamming:7,4", "0.571"]
    assert hamming.split()[-1] == f"<{limit:.2e}".replace("e-0", "e-")
    assert float(uncoded.split()[2]) == pytest.approx(0.1, abs=0.002)
    assert "  10\n" in results.grid()
    exact = [
        interval.low <= rate <= interval.high
        for point in results.points
        for rate, interval in (
            (point.theory.fer, point.fer_interval), (point.theory.ber, point.ber_interval)
        )
    ]  # fmt: skip
    assert len(exact) == 20
    assert results.grid().endswith(
        f"Of 20 frame and bit error rates that theory knows exactly, {sum(exact)} lie in their "
        "95 % intervals."
    )
    narrow = results.grid(40).partition("\n\n")[0].splitlines()
    assert max(map(len, narrow)) <= 40
    assert narrow[1].split() == ["rate", "0.1", "0"]
