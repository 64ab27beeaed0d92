"""`python -m tests.bench.first_load`: how soon the page works in a browser that has nothing of it yet.

From the beginning of the navigation until the page says that it is ready (the dashboard: until its
first figures are shown), by the browser's clock; medians, beside the floor: a page without content.
"""

from __future__ import annotations

import argparse
import os
import statistics

from playwright.sync_api import Browser

from tests.end_to_end.browsing import browser
from tests.end_to_end.processes import Server

#: What is loaded, and what is there when it works.
PAGES = {
    "a page without content": ("/info.json", "document.body"),
    "the page": ("/", "document.documentElement.dataset.ready !== undefined"),
    "the dashboard": ("/server", "document.documentElement.dataset.ready !== undefined"),
}


def first_load(chromium: Browser, address: str, path: str, ready: str) -> float:
    """Milliseconds until a page works, in a profile of its own."""
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
    for name, times in took.items():  # the first round loads the browser itself
        print(f"{name:<26}{statistics.median(times[1:]):7.0f} ms, best {min(times[1:]):.0f} ms")


if __name__ == "__main__":
    main()
