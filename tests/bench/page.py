"""`python -m tests.bench.page`: speed of the page with a room of 10,000 messages.

The page loads all messages by scrolling up, and is then measured while it scrolls and while messages
arrive. For comparison, the same run measures a room of 100 messages, and the page without
`content-visibility`.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

from playwright.sync_api import Page

from tests.cli.chatter import Chatter
from tests.end_to_end.browsing import People, browser
from tests.end_to_end.processes import Server

#: Returns the browser's frame times in ms while the log scrolls by 400 px per frame.
SCROLL = """async () => {
  const log = document.querySelector('.log:not([hidden])');
  const gaps = [];
  log.scrollTop = 0;
  let before = await new Promise(requestAnimationFrame);
  for (let n = 0; n < 120; n += 1) {
    log.scrollTop -= 400;
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - before);
    before = now;
  }
  log.scrollTop = 0;
  return gaps;
}"""

#: Returns the time in ms to send a message (handlers, style, layout).
SEND = """async () => {
  const log = document.querySelector('.log:not([hidden])');
  const took = [];
  const field = document.querySelector('#text');
  for (let n = 0; n < 30; n += 1) {
    field.value = `said ${n}`;
    field.dispatchEvent(new Event('input'));
    const begun = performance.now();
    field.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', cancelable: true}));
    log.scrollHeight; // layout
    took.push(performance.now() - begun);
    while (log.querySelector('.pending')) await new Promise((r) => setTimeout(r, 5));
    await new Promise(requestAnimationFrame);
  }
  return took;
}"""


def measure(page: Page) -> dict[str, float]:
    """Measure the open room."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    gaps: list[float] = page.evaluate(SCROLL)
    took: list[float] = page.evaluate(SEND)
    session.send("HeapProfiler.collectGarbage")
    metrics: list[dict[str, Any]] = session.send("Performance.getMetrics")["metrics"]
    found = {m["name"]: m["value"] for m in metrics}
    return {
        "messages": page.locator(".log:not([hidden]) .lines .text").count(),
        "frame median ms": statistics.median(gaps),
        "frame p95 ms": sorted(gaps)[int(len(gaps) * 0.95)],
        "frame worst ms": max(gaps),
        "sending, ms": statistics.median(took),
        "heap MB": found["JSHeapUsedSize"] / 1e6,
        "nodes": found["Nodes"],
    }


def load_all(page: Page) -> None:
    """Scroll up until the room's first message is loaded."""
    page.evaluate(
        """async () => {
          const log = document.querySelector('.log:not([hidden])');
          while (log.querySelector('.head').hidden) {
            log.scrollTop = -log.scrollHeight;
            await new Promise((r) => setTimeout(r, 20));
          }
        }"""
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--messages", type=int, default=10_000)
    count = parser.parse_args().messages
    results = {}
    with (
        Server("--ephemeral", "--rate", "0", "--web", "--web-port", "0") as server,
        browser() as chromium,
    ):
        people = People(chromium, f"http://127.0.0.1:{server.wait_for('page')['port']}")
        for name, number, css in (
            ("100 messages", 100, ""),
            (f"{count:,} messages", count, ""),
            (
                f"{count:,}, all laid out",
                count,
                ".block { content-visibility: visible !important }",
            ),
        ):
            reader = people.new()
            code = reader.enter(f"Reader{len(results)}")
            with Chatter(f"Writer{len(results)}", server.port, "--room", code) as writer:
                writer.say(*(f"Message {n}: {'so it goes ' * (n % 9)}" for n in range(number)))
                assert writer.end() == 0
            reader.page.reload()
            reader.ready()
            load_all(reader.page)
            if css:
                reader.page.evaluate(
                    "css => { const s = new CSSStyleSheet(); s.replaceSync(css); "
                    "document.adoptedStyleSheets = [s]; }",
                    css,
                )
            results[name] = measure(reader.page)
            reader.page.close()
    names = list(results)
    print(f"{'':26}" + "".join(f"{name:>24}" for name in names))
    for row in results[names[0]]:
        print(f"{row:26}" + "".join(f"{results[name][row]:24,.1f}" for name in names))


if __name__ == "__main__":
    main()
