"""Runs on a Dask cluster: real schedulers and workers, which join, leave and die."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from netchat import bench
from netchat.errors import BenchError

#: A point of several tasks: the convolutional code needs seconds for these frames.
CODE, CHANNEL, FRAMES = "conv:voyager,k=506", "awgn:3dB", 60_000


def run(**options):
    return bench.run(CODE, CHANNEL, frames=FRAMES, errors=10**9, **options)


@pytest.fixture(scope="module")
def alone():
    """Counts of one process."""
    return run(workers=1).points[0].tally


class Cluster:
    """A scheduler, and workers that tests start and kill."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        log = folder / "scheduler-0.log"
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        wait_for(lambda: re.search(r"tcp://127\.0\.0\.1:\d+\n", log.read_text()))
        self.address = re.search(r"tcp://\S+", log.read_text())[0]

    def _start(self, program, *arguments, **environment):
        with (self.folder / f"{program}-{len(self.processes)}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + program, *arguments],
                cwd=self.folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, **environment},
            )  # fmt: skip
        self.processes.append(process)
        return process

    def worker(self, **environment):
        return self._start(
            "worker", self.address, "--nthreads", "1", "--no-dashboard", "--no-nanny", **environment
        )

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()


def wait_for(condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path):
    pytest.importorskip("distributed")
    found = Cluster(tmp_path)
    yield found
    found.close()


def test_workers_that_join_and_die(cluster, alone):
    """One worker is killed in the middle, and another one joins: the counts stay the same."""
    first = cluster.worker()
    seen = []

    def progress(at):
        seen.append(at.workers)
        if len(seen) == 3:
            cluster.worker()
            wait_for(lambda: count_workers(cluster.address) == 2)
            first.send_signal(signal.SIGKILL)

    results = run(cluster=cluster.address, progress=progress)
    assert results.points[0].tally == alone
    assert results.complete
    assert first.wait(30) == -signal.SIGKILL
    assert {1, 2} <= set(seen)


def test_workers_with_other_versions_get_no_work(cluster, alone, tmp_path, capfd):
    """A worker with a changed version of netchat is named and not used; alone, it ends the run."""
    (tmp_path / "sitecustomize.py").write_text(
        "import netchat.version\nnetchat.version.__version__ = '0.0.1'\n"
    )
    old = cluster.worker(PYTHONPATH=str(tmp_path))
    with pytest.raises(
        BenchError, match=r"1 worker of the cluster cannot be used: netchat .* is needed"
    ):
        run(cluster=cluster.address)
    assert "has netchat 0.0.1 and is not used" in capfd.readouterr().err
    cluster.worker()
    wait_for(lambda: count_workers(cluster.address) == 2)
    assert run(cluster=cluster.address).points[0].tally == alone
    assert old.poll() is None


def count_workers(address):
    import distributed

    with distributed.Client(address, set_as_default=False) as client:
        return len(client.nthreads())


def test_resume_with_and_without_a_cluster(cluster, alone, tmp_path):
    """Interrupt a run on a cluster, continue it in one process, and the other way round."""
    cluster.worker()
    file = tmp_path / "run.json"
    for number, where in enumerate(({"cluster": cluster.address}, {"workers": 1})):
        other = ({"workers": 1}, {"cluster": cluster.address})[number]
        file.unlink(missing_ok=True)
        results = run(resume=file, progress=lambda _: os.kill(os.getpid(), signal.SIGINT), **where)
        assert not results.complete
        assert results.points[0].tally.frames < FRAMES
        assert run(resume=file, **other).points[0].tally == alone


def test_a_local_cluster(tmp_path):
    """Classes of a file travel with the task, although the workers do not have the file."""
    pytest.importorskip("distributed")
    (tmp_path / "mine.py").write_text(
        "from netchat.coding.block.hamming import Hamming\n"
        "class Mine(Hamming):\n    def __init__(self): super().__init__(7, 4)\n"
    )
    spec = f"{tmp_path}/mine.py:Mine"
    options = {"channels": "bsc:0.05", "errors": 300}
    here = bench.run(spec, workers=1, **options).points[0]
    there = bench.run(spec, cluster="local:1", **options).points[0]
    assert there.tally == here.tally


def test_a_cluster_that_does_not_exist(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("netchat.bench.engine.cluster._CONNECT", 1)
    with pytest.raises(BenchError, match=r"Cannot use the cluster at tcp://127.0.0.1:1: "):
        run(cluster="tcp://127.0.0.1:1")


def test_a_lost_scheduler_keeps_what_was_measured(cluster, tmp_path):
    cluster.worker()
    file = tmp_path / "run.json"

    def progress(_):
        cluster.processes[0].kill()

    with pytest.raises(BenchError, match="cluster"):
        run(cluster=cluster.address, resume=file, progress=progress)
    assert bench.Results.read(file).points[0].tally.frames > 0
