"""Output of `/link`: the state of the client's link."""

from __future__ import annotations

import asyncio
from typing import Any

from netchat.net.client_driver import ClientDriver
from netchat.tui.lines import Line, LineKind
from netchat.wording import many

__all__ = ["link_lines"]

_MODES = {
    "hybrid": "what repairs a failed block is decoded together with all of it that has arrived",
    "arq": "failed blocks are retransmitted",
    "fec": "failed blocks are not retransmitted",
}


def link_lines(client: ClientDriver) -> list[Line]:
    """Return lines that describe the link of a client; the first one has the JSON fields."""
    path = client.path
    if path is None or path.link is None:
        text = (
            "There is no link: frames are sent uncoded. To use one, start with --link rs:255,223."
        )
        return [_line(text, {"type": "link", "open": False, "channel": _channel(client)})]
    from netchat.link.status_report import link_report

    report = link_report(path.link, asyncio.get_running_loop().time())
    first, *others = _table(report, _channel(client))
    return [
        _line(first, {"type": "link", "channel": _channel(client), **report}),
        *(_line(text, {}) for text in others),
    ]


def _line(text: str, fields: dict[str, Any]) -> Line:
    return Line(LineKind.ANSWER, (("tag", text[:10]), ("", text[10:])), fields)


def _channel(client: ClientDriver) -> str | None:
    return client.path.channel if client.path is not None else None


def _table(report: dict[str, Any], channel: str | None) -> list[str]:
    state = "open" if report["open"] else report["closed"] or "not open yet"
    codes = report["code_out"]
    if report["code_in"] not in (codes, ""):
        codes += f" out, {report['code_in']} in"
    rows = {
        "link": f"{codes}; {state}",
        "reason": report["why"],
        "recovery": _MODES[report["mode"]],
        "sent": (
            f"{many(report['blocks_sent'], 'block')}, {many(report['bytes_sent'], 'byte')}; "
            f"{report['retransmissions']:,} retransmitted, {report['probes']:,} probes; "
            f"{many(report['unacknowledged'], 'byte')} not acknowledged"
        ),
        "received": f"{many(report['blocks_received'], 'block')}, {many(report['bytes_received'], 'byte')}",
        "repaired": (
            f"{many(report['corrected_symbols'], 'symbol')}; "
            f"{many(report['failed_blocks'], 'block')} failed, "
            f"{report['combined_blocks']:,} recovered with what followed; "
            f"{many(report['unreadable_headers'], 'header')} unreadable"
        ),
        "channel": _noise(report["bit_error_rate"], channel),
        "rate": (
            f"{_number(report['code_rate'])} payload bytes per coded byte; round-trip time "
            f"{1000 * report['round_trip']:.1f} ms"
        ),
        "capacity": _capacity(report["efficiency"], report["capacity"]),
        "goodput": (
            f"{report['goodput_out']:,} bytes/s out, {report['goodput_in']:,} in (last 5 s)"
        ),
    }
    return [f"{name:<10}{text}" for name, text in rows.items()]


def _noise(rate: float | None, channel: str | None) -> str:
    measured = "bit error rate not measured yet" if rate is None else f"bit error rate {rate:.2g}"
    return measured + (f"; simulated here: {channel}" if channel is not None else "")


def _capacity(efficiency: float | None, capacity: float | None) -> str:
    if capacity is None or efficiency is None:
        return "not known yet"
    share = efficiency / capacity if capacity else 0.0
    return (
        f"{capacity:.3f} of the bits sent, at the peer's bit error rate; {efficiency:.3f} were "
        f"acknowledged payload: {share:.0%} of capacity"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
