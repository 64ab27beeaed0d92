"""Record the captures in `captures/` again: `sudo python -m tests.captures [NAME …]`.

They are real: `netchat serve` runs on one host, clients on another (see `netchat.lab.network`), and `netchat
sniff` on the cable of one. The networks are removed afterwards; the next run removes the remains of a
killed one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from netchat.lab.bridge import Bridge
from netchat.lab.execute import host_command
from netchat.lab.network import Network
from netchat.packets import PcapngWriter, read_packets
from netchat.packets.capture.strip import strip_secrets
from tests.captures.bridge import Trick
from tests.captures.scenes import SCENES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "captures"
NETCHAT = (sys.executable, "-m", "netchat")

#: Seconds for a program to start, for a scene, and for the capture to end.
TIMEOUT = 30


class Setting(NamedTuple):
    """Recording of a scene.

    Attributes:
        at: Host on whose side of the cable packets are captured.
        drop: Text of the packet that the bridge loses.
        delay: Text of the packet that the next packet overtakes on the bridge.
        omit: Text of the packets to remove from the capture.
        ipv6: Whether the users connect over IPv6.
        tls: Whether the users connect with TLS; the capture contains the secrets.
        strip: Whether to remove the secrets from the capture.
    """

    at: str = "server"
    drop: bytes = b""
    delay: bytes = b""
    omit: bytes = b""
    ipv6: bool = False
    tls: bool = False
    strip: bool = False


SETTINGS = {
    # On the server's side, the lost segment would be captured only once.
    "retransmission": Setting(at="client", drop=b"LOST"),
    "reordered": Setting(delay=b"segment one"),
    "gaps": Setting(omit=b"MISSING"),
    "ipv6": Setting(ipv6=True),
    "link-udp": Setting(at="client", drop=b"LOST"),
    "tls": Setting(tls=True),
    "tls-without-keys": Setting(tls=True, strip=True),
    "sealed": Setting(tls=True),
}


def take(scene: str, folder: Path) -> Path:
    """Record one capture; return its file."""
    setting = SETTINGS.get(scene, Setting())
    path = folder / f"{scene}.pcapng"
    network = Network("capture", ("client", "server"))
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        stack.enter_context(network)
        taps = {host: network.tap(host) for host in network.hosts}
        # A text first appears on the way to the server.
        trick = {"drop": setting.drop, "delay": setting.delay}
        stack.enter_context(
            Bridge(taps, lambda one, _: Trick(**trick) if one == "client" else Trick())
        )

        # The server's certificate belongs to the addresses of its host.
        environment = {**os.environ, "XDG_DATA_HOME": scratch}

        def start(host: str, *command: str) -> subprocess.Popen[str]:
            line = host_command(network.hosts[host], command)
            return stack.enter_context(_started(line, environment))

        host = "fd64::2" if setting.ipv6 else "10.64.0.2"
        keys = ("--keylog", str(Path(scratch) / "keys.log")) if setting.tls else ()
        carried = ("--tls", *keys) if setting.tls else ("--udp",)
        server = start(
            "server", *NETCHAT, "serve", "--no-web", "--host", host, "--ephemeral", *carried
        )
        _wait_for(server, "listening")
        taken = Path(scratch) / path.name
        sniff = start(
            setting.at, *NETCHAT, "sniff", "-i", "eth0", "-q", "--write", str(taken), *keys
        )
        _wait_for(sniff, "Listening")
        ca = (str(Path(scratch) / "netchat" / "tls" / "ca.crt"),) if setting.tls else ()
        actors = start("client", sys.executable, "-m", "tests.captures.scenes", scene, host, *ca)
        if actors.wait(TIMEOUT):
            assert actors.stderr is not None
            raise RuntimeError(f"{scene}: {actors.stderr.read()}")
        # The last packets of a connection arrive shortly after the end of its program.
        with contextlib.suppress(subprocess.TimeoutExpired):
            sniff.wait(0.5)
        sniff.send_signal(signal.SIGINT)
        if sniff.wait(TIMEOUT):
            raise RuntimeError(f"{scene}: the capture failed")
        if setting.omit:
            _omit(taken, path, setting.omit)
        elif setting.strip:
            strip_secrets(taken, path)
        else:
            shutil.copyfile(taken, path)
    return path


def _omit(source: Path, target: Path, text: bytes) -> None:
    """Copy a capture without the packets that contain a text."""
    with PcapngWriter(target, "eth0") as out:
        for packet in read_packets(source):
            if text not in packet.data:
                out.write(packet)


@contextlib.contextmanager
def _started(
    command: Sequence[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """Run a program while the `with` block runs."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "env": environment}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **quiet) as process:
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def _wait_for(process: subprocess.Popen[str], word: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if word in line:
            return
    raise RuntimeError(f"{process.args}: ended before it was ready")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", nargs="*", choices=[*SCENES, []], metavar="NAME")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write them")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("Taking captures needs root: sudo make captures")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the networks are removed
    os.chdir(ROOT)
    for scene in options.scenes or SCENES:
        path = take(scene, options.folder)
        print(f"{path.name:<24} {path.stat().st_size:>7,} bytes")


if __name__ == "__main__":
    main()
