"""Addresses and versions of a cluster; `test_cluster` starts schedulers and workers."""

import pickle
import sys
from types import SimpleNamespace

import pytest

from netchat import bench
from netchat.bench.engine.cluster_worker import WrongVersions, call, versions
from netchat.errors import BenchError


def run(**options):
    return bench.run("hamming:7,4", "bsc:0.05", **options)


@pytest.mark.parametrize(
    "address", ["local:0", "local:x", "local:1000", "10.0.0.1:8786", "http://x"]
)
def test_wrong_addresses(address):
    with pytest.raises(ValueError, match=r"'cluster' must be"):
        run(cluster=address)
    with pytest.raises(ValueError, match="cannot be combined"):
        run(cluster="local:1", workers=2)


def test_without_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BenchError, match=r"--cluster needs Dask: pip install 'netchat\[cluster\]'"):
        run(cluster="local:1")


def test_a_call_checks_versions():
    pickled = pickle.dumps((max, (1, 2)))
    assert call(pickled, versions()) == 2


def test_a_worker_with_other_versions_says_so(monkeypatch):
    worker = SimpleNamespace(address="tcp://here")
    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(get_worker=lambda: worker))
    with pytest.raises(WrongVersions) as caught:
        call(b"", {**versions(), "numpy": "9"})
    assert caught.value.args == ("tcp://here", f"numpy {versions()['numpy']}")
