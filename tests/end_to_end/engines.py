"""Firefox and WebKit for tests of the page, as Debian packages them: WebKit with its MiniBrowser.

Playwright drives only builds of its own, which no package registry has. So Firefox is driven with WebDriver
BiDi, which it serves itself, and WebKit by its WebKitWebDriver with the classic protocol.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.end_to_end.processes import free_port

__all__ = ["ENGINES", "Tab"]

#: Seconds for a browser to start, and for a condition on the page.
TIMEOUT = 60.0


class Tab:
    """A tab that runs functions of JavaScript."""

    def visit(self, url: str) -> None:
        """Open a page."""
        raise NotImplementedError

    def run(self, function: str, *arguments: object) -> Any:
        """Call a JavaScript function, and return its result once its promise is settled."""
        raise NotImplementedError

    def reload(self) -> None:
        """Load the page again, and wait until it has replaced the old one."""
        self.run("() => { window.isOld = true; setTimeout(() => location.reload(), 20); }")
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                if self.run("() => !window.isOld && document.readyState === 'complete'"):
                    return
            except (AssertionError, OSError):  # the script's page went away
                assert time.monotonic() < deadline, "the page was not loaded again"
            time.sleep(0.05)

    def until(self, function: str, *arguments: object) -> Any:
        """Call a function until its result is true, and return that."""
        deadline = time.monotonic() + TIMEOUT
        while not (found := self.run(function, *arguments)):
            assert time.monotonic() < deadline, function
            time.sleep(0.05)
        return found


class _Firefox(Tab):
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self._ask("session.new", {"capabilities": {}})
        tree = self._ask("browsingContext.getTree", {})
        self._context = tree["contexts"][0]["context"]

    def _ask(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (answer := json.loads(self._connection.recv(TIMEOUT))).get("id") != number:
            pass
        assert answer["type"] == "success", answer
        result: dict[str, Any] = answer["result"]
        return result

    def visit(self, url: str) -> None:
        self._ask(
            "browsingContext.navigate", {"context": self._context, "url": url, "wait": "complete"}
        )

    def run(self, function: str, *arguments: object) -> Any:
        call = (
            f"async () => JSON.stringify((await ({function})(...{json.dumps(arguments)})) ?? null)"
        )
        answer = self._ask(
            "script.callFunction",
            {
                "functionDeclaration": call,
                "awaitPromise": True,
                "target": {"context": self._context},
            },
        )
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])


@contextlib.contextmanager
def _firefox(folder: Path) -> Iterator[Tab]:
    port = free_port()
    with subprocess.Popen(
        [
            "firefox-esr", "--headless", "--no-remote", "--profile", str(folder),
            "--remote-debugging-port", str(port), "about:blank",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder)},
    ) as process:  # fmt: skip
        try:
            with contextlib.ExitStack() as stack:
                address = f"ws://127.0.0.1:{port}/session"
                yield _Firefox(_wait(lambda: stack.enter_context(connect(address, max_size=None))))
        finally:
            process.kill()


class _WebKit(Tab):
    def __init__(self, address: str, capabilities: dict[str, Any]) -> None:
        self._address = address
        answer = self._ask("", {"capabilities": {"alwaysMatch": capabilities}})
        self._address += f"/{answer['sessionId']}"
        self._ask("/timeouts", {"script": int(TIMEOUT * 1000)})

    def _ask(self, path: str, body: dict[str, Any] | None, method: str = "POST") -> Any:
        request = urllib.request.Request(
            self._address + path,
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=2 * TIMEOUT) as answer:
            return json.load(answer)["value"]

    def visit(self, url: str) -> None:
        self._ask("/url", {"url": url})

    def run(self, function: str, *arguments: object) -> Any:
        script = f"""const done = arguments[arguments.length - 1];
          (async (...given) => ({function})(...given))(...Array.prototype.slice.call(arguments, 0, -1))
            .then((value) => done([value ?? null]), (error) => done([null, String(error)]));"""
        result, *error = self._ask("/execute/async", {"script": script, "args": list(arguments)})
        assert not error, error
        return result

    def close(self) -> None:
        self._ask("", None, "DELETE")


@contextlib.contextmanager
def _webkit(folder: Path) -> Iterator[Tab]:
    port = free_port()
    environment = {
        **os.environ,
        "HOME": str(folder),
        "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",
    }
    browser = next(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    options = {"binary": str(browser), "args": ["--automation"]}
    with subprocess.Popen(
        ["xvfb-run", "--auto-servernum", "WebKitWebDriver", f"--port={port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            tab = _wait(
                lambda: _WebKit(
                    f"http://127.0.0.1:{port}/session", {"webkitgtk:browserOptions": options}
                )
            )
            yield tab
            tab.close()
        finally:
            os.killpg(process.pid, 9)


def _wait(start: Any) -> Any:
    """Call a function until it raises no OSError: the program that it talks to is starting."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return start()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


#: Context managers that start the installed engines, by name; each takes an empty folder.
ENGINES = {
    name: start
    for name, start, programs in (
        ("firefox", _firefox, ("firefox-esr",)),
        ("webkit", _webkit, ("WebKitWebDriver", "xvfb-run")),
    )
    if all(map(shutil.which, programs))
}
