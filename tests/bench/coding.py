"""Speed of the codes on one core, compared with other packages.

    python -m tests.bench.coding [--quick]

All jobs are measured in one run, in turns, so that the ratios hold on a busy machine too; a figure
is that of the best single run. Peers are measured if they are installed (`pip install galois komm`,
`apt-get install libfec-dev`). All figures are megabits of information per second, with compiled kernels.
"""

import argparse
import importlib.metadata
import itertools
import platform
import time
from collections.abc import Callable

import numpy as np

import netchat.channels
import netchat.coding
from netchat.bench.engine.simulation import Simulation
from tests.coding.convolutional import libfec

#: Approximate size of a working set in bytes, which fits the L2 cache.
HAMMING_WORDS = 4096
RS_BLOCKS = 256

#: Seconds per job and turn.
TURN = 0.02

TARGETS = {
    "hamming:7,4 decode": 20_000,
    "rs:255,223 encode": 5_000,
    "rs:255,223 decode, 0 errors": 5_000,
    "rs:255,223 decode, 8 errors": 1_200,
    "rs:255,223 decode, 16 errors": 650,
    "noise bsc:0.01": 27_000,
    "all of hamming:7,4 at bsc:0.01": 5_000,
    "all of rs:255,223 at bsc:0.004": 800,
    "turbo:6144 decode at awgn:1dB": 70,
    "all of bch:127,106 at awgn:5dB": 410,
}
RATIOS = {
    ("rs:255,223 decode, 8 errors", "reedsolo"): 1000,
    ("rs:255,223 decode, 8 errors", "galois"): 200,
    ("hamming:7,4 decode", "komm"): 300,
    ("conv:133,171 decode at awgn:3dB", "libfec"): 10,
}
#: Whole experiments, as multiples of that of rs:255,223 at bsc:0.004.
EXPERIMENTS = {
    "all of polar:1024,512 at awgn:3dB": 0.055,
    "all of polar:1024,512,crc=16 at awgn:2.5dB": 0.034,
}

#: Soft decoders, each with the channel at which it is measured.
SOFT = {
    "conv:133,171": "awgn:3dB",
    "ldpc:wifi,1944,1/2,iterations=10": "awgn:2.5dB",
    "ldpc:nr,8448,9504,iterations=10": "awgn:4.5dB",
    "polar:1024,512": "awgn:3dB",
    "polar:1024,512,crc=16": "awgn:2.5dB",
    "polar:1024,512,crc=16,decoder=scl8": "awgn:2.5dB",
    "turbo:6144": "awgn:1dB",
    "turbo:6120,crc=24b": "awgn:1dB",
    "rm:1,5": "awgn:3dB",
    "golay:24": "awgn:3dB",
    "golay:24@osd2": "awgn:3dB",
    "conv:133,171,k=32,end=tailbiting@osd2": "awgn:3dB",
}

#: Algebraic decoders of hard decisions, each with the channel of its experiment.
ALGEBRAIC = {
    "bch:127,106": "awgn:5dB",
    "bch:1023,523": "awgn:4dB",
    "golay:24@hard": "awgn:5dB",
    "rs:31,19,m=5": "awgn:5dB",
    "hamming:15,11+product": "bsc:0.01",
}

Job = tuple[Callable[[], object], int]


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(seed))


def damaged(codewords: np.ndarray, errors: int) -> np.ndarray:
    """Return codewords with `errors` wrong symbols each."""
    rng = generator(2)
    received = codewords.copy()
    for row in received:
        places = rng.choice(len(row), errors, replace=False)
        row[places] ^= rng.integers(1, 256, errors, dtype=np.uint8)
    return received


def own_jobs() -> dict[str, Job]:
    rng = generator()
    jobs: dict[str, Job] = {}
    for spec in ("repetition:3", "hamming:7,4", "hamming:8,4", "secded:72,64", "crc:32"):
        code = netchat.coding.get(spec)
        words = HAMMING_WORDS if code.n < 64 else 64
        message = rng.integers(0, 1 << 64, (code.k, words), dtype=np.uint64)
        word = code.encode_bit_sliced(message)
        bits = 64 * words * code.k
        jobs[f"{spec} encode"] = (lambda c=code, m=message: c.encode_bit_sliced(m)), bits
        jobs[f"{spec} decode"] = (lambda c=code, w=word: c.decode_bit_sliced(w)), bits
    code = netchat.coding.get("rs:255,223")
    message = rng.integers(0, 256, (RS_BLOCKS, code.k), dtype=np.uint8)
    word = code.encode(message)
    bits = 8 * message.size
    jobs["rs:255,223 encode"] = (lambda: code.encode(message)), bits
    for errors in (0, 1, 8, 16, 17):
        received = damaged(word, errors)
        jobs[f"rs:255,223 decode, {errors} errors"] = (lambda r=received: code.decode(r)), bits
    for spec in ("bsc:0.1", "bsc:0.01", "bsc:0.001", "gilbert-elliott:0.001,0.1,0,0.5"):
        channel = netchat.channels.get(spec)
        bit_slices = np.zeros((7, HAMMING_WORDS), np.uint64)
        jobs[f"noise {spec}"] = (
            (lambda c=channel, p=bit_slices: c.corrupt_bit_sliced(p, rng)),
            64 * bit_slices.size,
        )
    for spec, channel_spec in SOFT.items():
        decoder, ratios = received_softly(spec, channel_spec)
        jobs[f"{spec} decode at {channel_spec}"] = (
            (lambda c=decoder, r=ratios: c.decode((r < 0).view(np.uint8), soft=r)),
            len(ratios) * decoder.k,
        )
        jobs[f"all of {spec} at {channel_spec}"] = experiment(spec, channel_spec)
    for spec, channel_spec in ALGEBRAIC.items():
        jobs[f"all of {spec} at {channel_spec}"] = experiment(spec, channel_spec)
    jobs["all of hamming:7,4 at bsc:0.01"] = experiment("hamming:7,4", "bsc:0.01")
    jobs["all of rs:255,223 at bsc:0.004"] = experiment("rs:255,223", "bsc:0.004")
    return jobs


def received_softly(spec: str, channel_spec: str) -> tuple[netchat.coding.Code, np.ndarray]:
    """Return a code and the ratios of 64 random blocks that passed a channel."""
    code, rng = netchat.coding.get(spec), generator()
    message = rng.integers(0, 2, (64, code.k), dtype=np.uint8)
    channel = netchat.channels.get(channel_spec).at_rate(code.rate)
    return code, channel.transmit(code.encode(message), rng).soft


def experiment(code_spec: str, channel_spec: str) -> Job:
    """Run a full batch of the bench: random data, encoding, noise, decoding, counting errors."""
    code, channel = netchat.coding.get(code_spec), netchat.channels.get(channel_spec)
    simulation = Simulation(code, channel, 1)
    batch = itertools.count(10)
    bits = (simulation.start(11) - simulation.start(10)) * code.k * code.bits_per_symbol
    return (lambda: simulation.run(next(batch))), bits


def peer_jobs() -> dict[tuple[str, str], Job]:
    """Return the same work by other packages, by (job, package)."""
    jobs: dict[tuple[str, str], Job] = {}
    rng = generator()
    message = rng.integers(0, 256, (64, 223), dtype=np.uint8)
    word = netchat.coding.get("rs:255,223").encode(message)
    eight = damaged(word, 8)
    try:
        import reedsolo
    except ImportError:
        pass
    else:
        codec = reedsolo.RSCodec(32)
        few = [bytearray(row.tobytes()) for row in eight[:4]]
        data = [bytearray(row.tobytes()) for row in message[:4]]
        bits = 8 * 223 * len(few)
        jobs["rs:255,223 encode", "reedsolo"] = (lambda: [codec.encode(m) for m in data]), bits
        jobs["rs:255,223 decode, 8 errors", "reedsolo"] = (
            (lambda: [codec.decode(w) for w in few]),
            bits,
        )
    try:
        import galois
    except ImportError:
        pass
    else:
        rs = galois.ReedSolomon(255, 223)
        coded = rs.encode(rs.field(message))
        received = rs.field(np.asarray(coded) ^ (eight ^ word))
        bits = 8 * message.size
        jobs["rs:255,223 encode", "galois"] = (lambda: rs.encode(rs.field(message))), bits
        # Block by block, because its batches are slower.
        few_blocks = list(received[:4])
        jobs["rs:255,223 decode, 8 errors", "galois"] = (
            (lambda: [rs.decode(block) for block in few_blocks]),
            8 * 223 * len(few_blocks),
        )
    try:
        import komm
    except ImportError:
        pass
    else:
        hamming = komm.HammingCode(3)
        block = rng.integers(0, 2, (20_000, 4))
        decoder = komm.SyndromeTableDecoder(hamming)
        coded = hamming.encode(block)
        jobs["hamming:7,4 encode", "komm"] = (lambda: hamming.encode(block)), block.size
        jobs["hamming:7,4 decode", "komm"] = (lambda: decoder.decode(coded)), block.size
    if libfec.LIBRARY is not None:
        code, ratios = received_softly("conv:133,171", "awgn:3dB")
        scale = 25 / np.abs(ratios).mean()
        jobs["conv:133,171 decode at awgn:3dB", "libfec"] = (
            (lambda: libfec.decode(ratios, code.k, scale)),
            len(ratios) * code.k,
        )
    return jobs


def measure(jobs: dict, turns: int) -> dict:
    """Return the best rate of every job in Mbit/s; a turn of a job lasts `TURN` seconds.

    The rate is that of the best single run, by its CPU time: on a busy machine, most runs are interrupted.
    """
    best = dict.fromkeys(jobs, 0.0)
    for run, _ in jobs.values():
        run()  # compiles
    for _ in range(turns):
        for name, (run, bits) in jobs.items():
            run()  # fills the caches with this job's data
            until = time.perf_counter() + TURN
            while time.perf_counter() < until:
                start = time.thread_time()
                run()
                best[name] = max(best[name], bits / (time.thread_time() - start) / 1e6)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer turns")
    turns = 5 if parser.parse_args().quick else 15
    versions = [f"Python {platform.python_version()}"]
    for package in ("numpy", "numba", "reedsolo", "galois", "komm"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {package}")
    print(", ".join(versions))
    own = own_jobs()
    peers = peer_jobs()
    best = measure({**own, **peers}, turns)
    print(f"\n{'Mbit/s of information, one core':<44}{'measured':>10}{'at least':>10}")
    for name in own:
        target = TARGETS.get(name)
        verdict = "" if target is None else "  ok" if best[name] >= target else "  BELOW"
        print(f"{name:<44}{best[name]:>10,.0f}{target or '':>10}{verdict}")
    base = best["all of rs:255,223 at bsc:0.004"]
    print(f"\n{'of the experiment rs:255,223 at bsc:0.004':<44}{'measured':>10}{'at least':>10}")
    for name, least in EXPERIMENTS.items():
        verdict = "ok" if best[name] >= least * base else "BELOW"
        print(f"{name:<44}{best[name] / base:>10.3f}{least:>10}  {verdict}")
    print(f"\n{'other packages':<44}{'theirs':>10}{'times':>10}{'at least':>10}")
    for job, package in peers:
        times = best[job] / best[job, package]
        target = RATIOS.get((job, package))
        verdict = "" if target is None else "  ok" if times >= target else "  BELOW"
        line = f"{job} ({package})"
        print(f"{line:<44}{best[job, package]:>10,.2f}{times:>10,.0f}{target or '':>10}{verdict}")


if __name__ == "__main__":
    main()
