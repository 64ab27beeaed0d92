"""Samples of a link's goodput, and the rows of a pane about the link."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from netchat.net.client_driver import ClientDriver
from netchat.wire.file_offers import show_size
from netchat.wording import many

__all__ = ["LinkMeter", "LinkRows"]

#: Seconds between two samples, and number of samples that are kept.
_SECONDS, _SAMPLES = 1.0, 120


class LinkRows(NamedTuple):
    """Contents of a pane about a link.

    Attributes:
        state: Code in use, state of the link, and the policy's reason.
        blocks: Blocks sent, received and retransmitted.
        repaired: Symbols that the code corrected, and blocks that it could not decode.
        noise: Measured bit error rate, round-trip time, and the simulated channel.
        goodput_out: Goodput to the server.
        goodput_in: Goodput from the server.
    """

    state: str
    blocks: str
    repaired: str
    noise: str
    goodput_out: str
    goodput_in: str


class LinkMeter:
    """Meter of a client's link.

    Args:
        client: The client.

    Attributes:
        goodput_out: Samples of the goodput to the server, in bytes per second, oldest first.
        goodput_in: Samples of the goodput from the server.
    """

    def __init__(self, client: ClientDriver) -> None:
        self._client = client
        self._sampled_at = float("-inf")
        self.goodput_out: deque[float] = deque([0.0], _SAMPLES)
        self.goodput_in: deque[float] = deque([0.0], _SAMPLES)

    @property
    def has_link(self) -> bool:
        """Whether the client uses a link."""
        path = self._client.path
        return path is not None and path.link is not None

    def sample(self, now: float) -> bool:
        """Take a sample if one is due.

        Args:
            now: Current time by the clock that drives the link, in seconds.

        Returns:
            Whether a sample was taken.
        """
        path = self._client.path
        if path is None or path.link is None or now - self._sampled_at < _SECONDS:
            return False
        self._sampled_at = now
        stats = path.link.stats
        self.goodput_out.append(stats.goodput_out.rate(now))
        self.goodput_in.append(stats.goodput_in.rate(now))
        return True

    def rows(self, now: float) -> LinkRows | None:
        """Return what a pane shows, or None without a link."""
        path = self._client.path
        if path is None or path.link is None:
            return None
        from netchat.link.status_report import link_report

        report = link_report(path.link, now)
        code = report["code_out"] or "no code yet"
        if report["code_in"] not in (code, ""):
            code += f" out, {report['code_in']} in"
        state = "open" if report["open"] else report["closed"] or "not open yet"
        why = f" · {report['why']}" if report["why"] else ""
        error_rate = report["bit_error_rate"]
        noise = "not measured yet" if error_rate is None else f"bit error rate {error_rate:.2g}"
        if report["round_trip"] is not None:
            noise += f", round trip {1000 * report['round_trip']:.1f} ms"
        if path.channel is not None:
            noise += f" · simulated: {path.channel}"
        return LinkRows(
            f"{code} · {state}{why}",
            f"{report['blocks_sent']:,} sent, {report['blocks_received']:,} received, "
            f"{report['retransmissions']:,} retransmitted",
            f"{many(report['corrected_symbols'], 'symbol')}, "
            f"{many(report['failed_blocks'], 'block')} failed, "
            f"{report['combined_blocks']:,} recovered from copies",
            noise,
            f"{show_size(report['goodput_out'])}/s",
            f"{show_size(report['goodput_in'])}/s",
        )
