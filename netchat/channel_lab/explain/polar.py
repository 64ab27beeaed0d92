"""Explanation of polar codes."""

from __future__ import annotations

from typing import Any

from netchat.channel_lab.explain.block_view import BlockView

__all__ = ["explain_polar"]


def explain_polar(view: BlockView) -> dict[str, Any]:
    """Explain a block."""
    return {"steps": [view.verdict()], "long": []}
