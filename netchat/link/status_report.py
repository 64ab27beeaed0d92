"""Status report of a link, for display and for JSON."""

from __future__ import annotations

from typing import Any

from netchat.link.link import Link

__all__ = ["link_report"]


def link_report(link: Link, now: float) -> dict[str, Any]:
    """Return the state and counters of one side of a link, ready for JSON.

    Args:
        link: The link.
        now: Time in seconds, by the clock that drives the link.
    """
    stats = link.stats
    return {
        "open": link.opened and not link.closed,
        "closed": link.closed,
        "mode": link.open_request.mode.name.lower() if link.open_request is not None else None,
        "code_out": link.code_out,
        "code_in": link.code_in,
        "why": link.policy.why if link.policy is not None else "",
        "code_rate": _rounded(stats.code_rate),
        "efficiency": _rounded(stats.efficiency),
        "capacity": _rounded(stats.capacity),
        "goodput_out": round(stats.goodput_out.rate(now)),
        "goodput_in": round(stats.goodput_in.rate(now)),
        "bit_error_rate": _rounded(stats.bit_error_rate),
        "round_trip": _rounded(link.rtt.smoothed),
        "unacknowledged": link.buffered,
        **stats.counters(),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
