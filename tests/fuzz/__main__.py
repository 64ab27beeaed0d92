"""`python -m tests.fuzz TARGET --cases N`: hostile inputs until one breaks something.

With atheris, the engine observes which code an input reaches and prefers inputs that reach new code; with
`--engine random` the inputs are random bytes. A case that fails is shown in hex and can be run
again by `--case HEX`.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import netchat

TARGETS = (
    "frame_reader",
    "hub",
    "pcap",
    "reassembly",
    "decoder",
    "link",
    "websocket",
    "datagram_listener",
)

PACKAGE = Path(netchat.__file__).parent

#: Bytes of one input: enough for some hundred decisions.
LONGEST = 600


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=("atheris", "random"), default=_best_engine())
    parser.add_argument("--case", type=bytes.fromhex, help="run this one input, in hex")
    options = parser.parse_args()
    if options.case is not None:
        _load(options.target)(options.case)
    elif options.engine == "random":
        run_random(options.target, options.cases, options.seed)
    else:
        run_atheris(options.target, options.cases, options.seed)


def run_random(target: str, cases: int, seed: int) -> None:
    """Run a target on random bytes."""
    check, source, began = _load(target), random.Random(seed), time.monotonic()
    for number in range(cases):
        data = source.randbytes(source.randrange(LONGEST))
        try:
            check(data)
        except BaseException:
            print(f"case {number} fails; run it again with: --case {data.hex()}", file=sys.stderr)
            raise
    seconds = time.monotonic() - began
    print(
        f"{target}: {cases} random cases in {seconds:.0f} s ({cases / seconds:.0f}/s), none fails"
    )


def run_atheris(target: str, cases: int, seed: int) -> None:
    """Run a target under atheris, which ends the process itself: with 0 if no case failed."""
    import atheris

    with atheris.instrument_imports(include=["netchat"], exclude=_kernels()):
        check = _load(target)
    arguments = [
        target,
        f"-runs={cases}",
        f"-seed={seed}",
        f"-max_len={LONGEST}",
        "-len_control=0",  # long inputs from the start, because short ones hold no conversation
        f"-artifact_prefix={tempfile.gettempdir()}/netchat-{target}-",
        "-print_final_stats=1",
    ]
    atheris.Setup(arguments, check)
    atheris.Fuzz()


def _kernels() -> list[str]:
    """Return the modules with Numba kernels: Numba cannot compile code that atheris has instrumented."""
    files = (path for path in PACKAGE.rglob("*.py") if "netchat.jit" in path.read_text("utf-8"))
    return [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in files]


def _load(target: str) -> Callable[[bytes], None]:
    check: Callable[[bytes], None] = importlib.import_module(f"tests.fuzz.{target}").check
    return check


def _best_engine() -> str:
    return "atheris" if importlib.util.find_spec("atheris") else "random"


if __name__ == "__main__":
    main()
