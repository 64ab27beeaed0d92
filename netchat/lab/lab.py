"""The lab: hosts on this machine, joined by a network that loses, delays and damages.

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
    """Hosts and the bridge between them, for as long as the `with` block lasts.

    Args:
        name: what the lab is called; one of a name can be up at a time.
        hosts: what the hosts are called.
        impairments: what happens to frames on the way from each host to each other one.
        seed: where chance comes from; None is a new one each time.

    Attributes:
        network: the hosts.
        seed: where chance comes from.
        bridge: what is between them.

    Raises:
        LabError: it cannot be made, or is up already (on entering).
        NotPermitted: this process may not make it (on entering).
    """

    def __init__(
        self,
        name: str = "lab",
        hosts: Sequence[str] = ("h1", "h2"),
        impairments: Impairments | None = None,
        seed: int | None = None,
    ) -> None:
        self.network = Network(name, hosts)
        self.seed = int.from_bytes(os.urandom(4)) if seed is None else seed
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
                raise NotPermitted("This process has no right to make networks.") from error
            stack.callback(self._lock.release)
            stack.enter_context(self.network)
            taps = {
                host: stack.enter_context(self.network.tap(host)) for host in self.network.hosts
            }
            self.bridge = stack.enter_context(Bridge(taps, self._line))
            # Programs end first, while what they say in the end still gets through.
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
        """Start a program on a host; it ends with the lab at the latest.

        Args:
            host: where.
            command: the program and its arguments.
            options: of `subprocess.Popen`.
        """
        if host not in self.network.hosts:
            raise LabError(f"There is no host {host}; there are: {', '.join(self.network.hosts)}.")
        line = host_command(self.network.hosts[host], command)
        return subprocess.Popen(line, **options)  # noqa: S603 - the caller's own program

    def serve(self, until: int) -> None:
        """Let `netchat lab status` ask, until something can be read from a file descriptor.

        Raises:
            LabError: the bridge has failed.
        """
        self._lock.answer(self.state, until)

    def state(self) -> dict[str, Any]:
        """How the lab is: hosts, impairments, and what was done to each direction.

        Raises:
            LabError: the bridge has failed.
        """
        if self.bridge.problem is not None:
            raise LabError(f"The bridge has failed: {self.bridge.problem}")
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
            "missed": self.bridge.missed,
        }

    def _line(self, one: str, other: str) -> ImpairedLine:
        # Of its own, whichever direction is first used: the same seed makes the same damage.
        numbers = self._numbers[one], self._numbers[other]
        seed = np.random.SeedSequence(self.seed, spawn_key=numbers)
        line = self._lines[one, other] = ImpairedLine(self._impairments, seed)
        return line


def take_down(name: str) -> str:
    """End a lab, and remove what a killed one has left; returns what was done, in a sentence.

    Raises:
        LabError: its process does not end.
        PermissionError: this process may not do it.
    """
    lock = LabLock(name, take_over=True)
    try:
        left = remove_all(prefix(name))
    finally:
        lock.release()
    if lock.ended:
        return f"The lab {name} is down (process {lock.ended})."
    if left:
        return f"What was left of the lab {name} is removed: {', '.join(left)}."
    return f"No lab called {name} was up."
