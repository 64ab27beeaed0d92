"""Kernels: compiled once, with one notice, and cached; they also work without a valid cache."""

import importlib.util
import os
import random
import resource
import subprocess
import sys
import types

import numba
import pytest

import netchat.jit
from netchat.jit import damaged_files

#: A kernel that compiles fast, in a module that pretends to belong to netchat.
KERNEL = """
import sys
from netchat.jit import kernel
sys.modules["netchat.tiny"] = sys.modules[__name__]
__name__ = "netchat.tiny"

@kernel
def twice(x):
    return 2 * x
"""
PROGRAM = "from tiny import twice\nassert twice(4) == 8\nassert twice(4.5) == 9\n"
NOTICE = "netchat: compiling kernels"


@pytest.fixture
def folder(tmp_path):
    """The folder of the kernel, and of its cache."""
    (tmp_path / "tiny.py").write_text(KERNEL)
    return tmp_path


def environment(folder, **more):
    path = os.pathsep.join([str(folder), *filter(None, sys.path)])
    return {**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": path, **more}


def run(folder, program=PROGRAM, env=None, **options):
    """Run a program, and return its standard error."""
    result = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(folder, **(env or {})), capture_output=True, text=True, check=True, **options,
    )  # fmt: skip
    assert result.stdout == ""
    return result.stderr


def test_the_notice_is_printed_once(folder):
    told = run(folder)
    assert told.count(NOTICE) == 1
    assert told.count("\n") == 1
    assert run(folder) == ""


def test_one_of_several_processes_compiles(folder):
    """One process compiles each version, and the others load it from the cache."""
    program = PROGRAM + "print(len(twice.stats.cache_misses))\n"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program], env=environment(folder), stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]  # fmt: skip
    assert sum(int(process.communicate()[0]) for process in processes) == 2


#: Numba's behaviour if it can write neither beside the code nor in the home directory.
NO_FOLDER = "import numba.core.caching as c; c.CacheImpl._locator_classes = []\n"


def test_without_a_folder_for_the_cache(folder):
    told = run(folder, NO_FOLDER + PROGRAM)
    assert told.count("\n") == 1
    assert told.startswith(
        "netchat: compiling kernels, up to a minute, in each process: no cache folder"
    )
    assert "NUMBA_CACHE_DIR" in told


def test_a_folder_that_is_a_file_and_no_home(folder):
    """A system service: no home directory, and a variable with an invalid folder."""
    (folder / "file").touch()
    program = NO_FOLDER.replace("[]", "[c.UserProvidedCacheLocator, c.UserWideCacheLocator]")
    env = {
        "NUMBA_CACHE_DIR": str(folder / "file" / "cache"),
        "HOME": str(folder / "file" / "home"),
        "XDG_CACHE_HOME": str(folder / "file"),
    }
    told = run(folder, program + PROGRAM, env=env)
    assert told.count("\n") == 1
    assert "in each process: no cache folder" in told


def test_a_full_disk(folder):
    told = run(folder, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
    assert told.count(NOTICE) == 1
    assert told.count("compiled kernels cannot be cached: File too large.") == 1
    assert told.count("\n") == 2


def test_no_compiler(folder):
    """With NUMBA_DISABLE_JIT, every code, every channel and the bench work without a warning."""
    program = """
import warnings; warnings.simplefilter("error")
import numpy as np, netchat.coding, netchat.channels
from netchat import bench
rng = np.random.Generator(np.random.SFC64(1))
for spec in ("uncoded:8", "repetition:4", "hamming:8,4", "secded:22,16", "crc:8,8", "crc:32,16",
             "rs:12,8", "rs:60,20", "conv:5,7,k=9", "ldpc:nr,8,16", "conv:5,7,7,k=9,end=tailbiting",
             "polar:8,4", "polar:16,4,crc=6,decoder=scl2", "conv:5,7,k=4,algorithm=max-log",
             "turbo:40,iterations=1", "turbo:40,iterations=1,algorithm=log-map",
             "rs:9,5+interleave:2+hamming:7,4"):
    code = netchat.coding.get(spec)
    message = rng.integers(0, 256 if code.alphabet == "byte" else 2, (3, code.k), dtype=np.uint8)
    word = code.encode(message)
    word[:, 0] ^= code.corrects > 0
    assert (code.decode(word).message == message).all(), spec
for spec in ("bsc:0.01", "gilbert-elliott:0.01,0.1,0,0.5", "bec:0.1", "awgn:4dB"):
    for code in ("hamming:7,4", "rs:9,5"):
        assert bench.run(code, spec, frames=100, workers=1).points[0].tally.frames == 100
"""
    told = run(folder, program, env={"NUMBA_DISABLE_JIT": "1"})
    assert told.count("\n") == 1
    assert told.startswith("netchat: NUMBA_DISABLE_JIT is set: kernels run uncompiled")


def shorter(content):
    return content[: len(content) // 2]


def empty(content):
    return b""


def garbage(content):
    return random.Random(1).randbytes(len(content))


def one_bit(content):
    """Damage the middle of a cache file, where the machine code is."""
    return content[:-500] + bytes([content[-500] ^ 1]) + content[-499:]


@pytest.fixture
def function(folder, monkeypatch):
    """Return the kernel, not compiled yet, with its cache in that folder."""
    monkeypatch.setattr(numba.core.config, "CACHE_DIR", str(folder / "cache"))
    spec = importlib.util.spec_from_file_location("tiny", folder / "tiny.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "tiny", module)
    monkeypatch.setitem(sys.modules, "netchat.tiny", module)
    spec.loader.exec_module(module)
    return module.twice.py_func


def compiled(function, monkeypatch):
    """Load a kernel from its cache, as another process would, and return the notices."""
    told = []
    monkeypatch.setattr(netchat.jit, "on_compile", told.append)
    monkeypatch.setattr(netchat.jit._notice, "_said", set())
    twice = netchat.jit.kernel(function)
    assert (twice(4), twice(4.5)) == (8, 9)
    assert bool(twice.stats.cache_misses) == bool(told)
    return told


def test_a_change_in_an_imported_module_is_noticed(folder, function, monkeypatch):
    """A kernel can call functions of another file of netchat."""
    other = folder / "other.py"
    other.write_text("# one version")
    module = types.ModuleType("netchat.other")
    module.__file__ = str(other)
    monkeypatch.setitem(function.__globals__, "other", module)
    assert len(compiled(function, monkeypatch)) == 1
    assert compiled(function, monkeypatch) == []
    other.write_text("# another version")
    assert len(compiled(function, monkeypatch)) == 1
    assert compiled(function, monkeypatch) == []


@pytest.mark.parametrize("damage", [shorter, empty, garbage, one_bit])
@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_a_damaged_cache_is_compiled_again(folder, function, damage, ending, monkeypatch):
    assert len(compiled(function, monkeypatch)) == 1
    files = sorted((folder / "cache").rglob(f"*.{ending}"))
    assert files
    assert compiled(function, monkeypatch) == []
    for file in files:
        file.write_bytes(damage(file.read_bytes()))
    assert damaged_files(files[0].parent) == (files if ending == "nbc" else [])
    told = compiled(function, monkeypatch)
    # Some bits of an index have no meaning.
    assert len(told) == 1 or (ending == "nbi" and damage is one_bit)
    assert compiled(function, monkeypatch) == []
    assert damaged_files(files[0].parent) == []


def test_a_server_keeps_its_links(folder):
    """A message over a link, to a server that has neither a compiler nor a cache."""
    program = """
import asyncio
from netchat.net.client_path import ClientPath
from tests.net.serving import serve, talker
async def main():
    async with serve(rate=0) as serving:
        path = ClientPath("rs:96,32", None, seed=1)
        async with talker(serving.port, "Nova", "lobby", path=path) as nova:
            nova.say("over the link")
            await nova.until(lambda: nova.texts() == ["over the link"])
            assert path.link.opened
asyncio.run(main())
"""
    told = run(folder, program, env={"NUMBA_DISABLE_JIT": "1"})
    assert told.count("\n") == 1
    assert "NUMBA_DISABLE_JIT" in told
