"""Explanation of turbo codes."""

from __future__ import annotations

from typing import Any

from netchat.channel_lab.explain.block_view import BlockView

__all__ = ["explain_turbo"]


def explain_turbo(view: BlockView) -> dict[str, Any]:
    """Explain a block."""
    return {"steps": [view.verdict()], "long": []}
