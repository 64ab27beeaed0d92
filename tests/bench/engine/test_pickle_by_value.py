"""Objects whose classes another process cannot import."""

import json
import os
import subprocess
import sys
import threading

import pytest

import netchat.coding
from netchat import bench
from netchat.bench.engine.pickle_by_value import pickle_by_value
from netchat.coding.block.uncoded import Uncoded
from netchat.errors import BenchError

#: A notebook is a program like this: its classes are in `__main__`, and refer to its functions.
NOTEBOOK = """
import json
import os
import sys
from pathlib import Path

import numpy as np

from netchat import bench
from netchat.coding import Code, Decoded

FOLDER = Path(sys.argv[1])


def majority(word):
    return (2 * word.sum(axis=1) > word.shape[1]).astype(np.uint8)[:, None]


class Three(Code):
    def __init__(self):
        super().__init__("three", k=1, n=3, minimum_distance=3)
        self.vote = lambda word: majority(word)

    def _encode(self, message):
        return np.repeat(message, 3, axis=1)

    def _decode(self, received):
        (FOLDER / str(os.getpid())).touch()
        message = self.vote(received)
        return Decoded(message, (received != message).sum(axis=1))


runs = [bench.run([Three()], ["bsc:0.1", "bsc:0.03"], errors=300, workers=n) for n in (1, 2)]
counts = [[(p.tally.frames, p.tally.frame_errors, p.batches) for p in run.points] for run in runs]
print(json.dumps({"counts": counts, "pid": os.getpid()}))
"""


def test_classes_of_a_notebook_run_in_parallel_with_the_same_counts(tmp_path):
    program = tmp_path / "notebook.py"
    program.write_text(NOTEBOOK)
    processes = tmp_path / "processes"
    processes.mkdir()
    result = subprocess.run(
        [sys.executable, program, processes], capture_output=True, text=True, check=True
    )
    found = json.loads(result.stdout)
    alone, together = found["counts"]
    assert alone == together
    assert alone[0][1] >= 300
    pids = {int(file.name) for file in processes.iterdir()}
    assert len(pids - {found["pid"]}) == 2  # both workers decoded


def test_a_changed_object_of_a_plugged_in_file_is_sent_as_it_is(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import os\n"
        "from netchat.coding.block.uncoded import Uncoded\n"
        "class Mine(Uncoded):\n"
        "    pid = None\n"
        "    def _decode_bit_sliced(self, received):\n"
        "        if os.getpid() == self.pid:\n"
        "            raise RuntimeError('not in this process')\n"
        "        return super()._decode_bit_sliced(received)\n"
    )
    code = netchat.coding.get(f"{file}:Mine")
    code.pid = os.getpid()
    (point,) = bench.run([code], ["bsc:0.1"], errors=10, workers=2).points
    assert point.stopped_by == "errors"


def test_an_object_that_cannot_be_pickled_runs_in_the_calling_process():
    code = netchat.coding.get("hamming:7,4")
    code.lock = threading.Lock()
    assert pickle_by_value(code) is None
    (point,) = bench.run([code], ["bsc:0.1"], errors=10, workers=2).points
    assert point.stopped_by == "errors"


class Unloadable(Uncoded):
    """A code that can be pickled, but not loaded."""

    def __init__(self):
        super().__init__(8)
        self.broken = Broken()


class Broken:
    def __reduce__(self):
        return int, ("not a number",)


def test_an_object_that_a_worker_cannot_load_is_an_error():
    with pytest.raises(BenchError, match=r"cannot load the code.*Use one worker"):
        bench.run([Unloadable()], ["bsc:0.1"], errors=10, workers=2)
    assert bench.run([Unloadable()], ["bsc:0.1"], errors=10, workers=1).complete
