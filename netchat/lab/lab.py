"""Lab: hosts on this machine, and an impaired network between them.

For example:

    with Lab("mine", hosts=("h1", "h2"), impairments=Impairments(loss=0.01), seed=1) as lab:
        server = lab.start("h1", ["netchat", "serve", "--lan"])
        ...
        print(lab.state())
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

import numpy as np

from netchat.channels.impairment import ImpairedLine, Impairments
from netchat.errors import LabError, NotPermitted
from netchat.lab.bridge import Bridge
from netchat.lab.execute import host_command
from netchat.lab.lab_lock import LabLock
from netchat.lab.namespaces import end_programs, remove_all
from netchat.lab.network import BRIDGE, Network, namespace, prefix

__all__ = ["Lab", "take_down"]


class Lab:
    """Hosts and the bridge between them, which exist while the `with` block runs.

    Args:
        name: Name of the lab; only one of each name can run at a time.
        hosts: Names of the hosts.
        impairments: Impairments of the line from each host to each other one.
        seed: Random seed; None for a new one each time.

    Attributes:
        network: The hosts.
        seed: The random seed.

    Raises:
        LabError: The lab cannot be created, or is already running (on entering).
        NotPermitted: This process may not create it (on entering).
    """

    def __init__(
        self,
        name: str = "lab",
        hosts: Sequence[str] = ("h1", "h2"),
        impairments: Impairments | None = None,
        seed: int | None = None,
    ) -> None:
        self.network: Network = Network(name, hosts)
        self.seed: int = int.from_bytes(os.urandom(4)) if seed is None else seed
        self._impairments = impairments or Impairments()
        self._began = time.time()
        self._numbers = {host: number for number, host in enumerate(hosts, 1)}
        self._lines: dict[tuple[str, str], ImpairedLine] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            try:
                self._lock = LabLock(self.network.name)
            except PermissionError as error:
                raise NotPermitted("This process may not create network namespaces.") from error
            stack.callback(self._lock.release)
            stack.enter_context(self.network)
            taps = {
                host: stack.enter_context(self.network.tap(host)) for host in self.network.hosts
            }
            self._bridge = stack.enter_context(Bridge(taps, self._line))
            # Programs end first, while their last messages still get through.
            stack.callback(end_programs, prefix(self.network.name))
            self._began = time.time()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def start(self, host: str, command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a program on a host; it is terminated when the lab ends, if not before.

        Args:
            host: Name of the host.
            command: The program and its arguments.
            options: Options of `subprocess.Popen`.

        Raises:
            LabError: The host does not exist.
        """
        if host not in self.network.hosts:
            raise LabError(f"unknown host {host}; must be one of {', '.join(self.network.hosts)}")
        line = host_command(self.network.hosts[host], command)
        return subprocess.Popen(line, **options)  # noqa: S603 - the caller's own program

    def serve(self, until: int) -> None:
        """Respond to `netchat lab status` until a file descriptor becomes readable.

        Args:
            until: The file descriptor.

        Raises:
            LabError: The bridge has failed.
        """
        self._lock.answer(self.state, until)

    def state(self) -> dict[str, Any]:
        """Return the lab's hosts, impairments, and counters of each direction.

        Raises:
            LabError: The bridge has failed.
        """
        if self._bridge.problem is not None:
            raise LabError(f"the bridge has failed: {self._bridge.problem}")
        impairments = self._impairments
        return {
            "name": self.network.name,
            "process": os.getpid(),
            "seconds": round(time.time() - self._began, 1),
            "seed": self.seed,
            "described": str(impairments),
            "impairments": asdict(impairments),
            "bridge": namespace(self.network.name, BRIDGE),
            "hosts": [host._asdict() for host in self.network.hosts.values()],
            "directions": [
                {"from": one, "to": other, **line.counts.as_dict()}
                for (one, other), line in sorted(self._lines.copy().items())
            ],
            "missed": self._bridge.missed,
        }

    def _line(self, one: str, other: str) -> ImpairedLine:
        # Independent of the order of first use: the same seed causes the same damage.
        numbers = self._numbers[one], self._numbers[other]
        seed = np.random.SeedSequence(self.seed, spawn_key=numbers)
        line = self._lines[one, other] = ImpairedLine(self._impairments, seed)
        return line


def take_down(name: str) -> str:
    """Stop a lab, or remove what a killed one left; return a report.

    Raises:
        LabError: Its process does not exit.
        PermissionError: This process may not stop it.
    """
    lock = LabLock(name, take_over=True)
    try:
        left = remove_all(prefix(name))
    finally:
        lock.release()
    if lock.ended:
        return f"The lab {name} was stopped (process {lock.ended})."
    if left:
        return f"The remains of the lab {name} were removed: {', '.join(left)}."
    return f"No lab called {name} was running."
