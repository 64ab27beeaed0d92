"""Checks of what a user has entered about the path to a server: link, simulated channel and UDP."""

from __future__ import annotations

__all__ = ["check_channel", "check_link"]


def check_link(link: str, *, udp: bool) -> str | None:
    """Return the code or policy of a link, or None for no link.

    Args:
        link: What the user has entered; empty for the default, `none` for no link.
        udp: Whether the client connects over UDP.

    Raises:
        ValueError: It is not valid.
    """
    if udp and link == "none":
        raise ValueError(
            "UDP always uses a link; omit --link to retransmit without correcting errors."
        )
    code = None if link == "none" else link or ("uncoded" if udp else None)
    if code is not None:
        # Slow to import, and most clients have no link.
        from netchat.link.policy_registry import validate_policy

        validate_policy(code)
    return code


def check_channel(channel: str) -> None:
    """Check the spec of a simulated channel.

    Raises:
        ValueError: It is not valid.
    """
    from netchat.channels.stream import ChannelStream

    ChannelStream(channel)
