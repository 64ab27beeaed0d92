"""`python -m tests.bench.first_load`: loading time of the page with an empty browser cache.

Measures the time from the start of the navigation until the page is ready (the dashboard: until it
shows its first figures) by the browser's clock. Prints medians, and an empty page for comparison.
"""

from __future__ import annotations

import argparse
import os
import statistics

from playwright.sync_api import Browser

from tests.end_to_end.browsing import browser
from tests.end_to_end.processes import Server

#: Paths to load, and a JavaScript condition that is true once the page is ready.
PAGES = {
    "an empty page": ("/info.json", "document.body"),
    "the page": ("/", "document.documentElement.dataset.ready !== undefined"),
    "the dashboard": ("/server", "document.documentElement.dataset.ready !== undefined"),
}


def first_load(chromium: Browser, address: str, path: str, ready: str) -> float:
    """Return the time in ms until a page is ready, in a new browser profile."""
    context = chromium.new_context()
    page = context.new_page()
    page.add_init_script(
        f"""(function look() {{
          if (document.documentElement && ({ready})) window.readyAt = performance.now();
          else setTimeout(look, 2);
        }})()"""
    )
    page.goto(address + path)
    while not (took := page.evaluate("window.readyAt")):
        page.wait_for_timeout(20)
    context.close()
    return float(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    took: dict[str, list[float]] = {name: [] for name in PAGES}
    with Server("--ephemeral", "--web", "--web-port", "0") as server, browser() as chromium:
        address = server.wait_for("page")["text"]
        for _ in range(options.rounds + 1):
            for name, (path, ready) in PAGES.items():
                took[name].append(first_load(chromium, address, path, ready))
    print(f"load average {os.getloadavg()[0]:.1f}")
    for name, times in took.items():  # the first round warms up the browser
        print(f"{name:<26}{statistics.median(times[1:]):7.0f} ms, best {min(times[1:]):.0f} ms")


if __name__ == "__main__":
    main()
