"""State of the lab's page: what is sent through which code and channel, and which bits were touched.

The page keeps the same state in its URL. Everything here comes from the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from netchat.channel_lab.limits import MAX_CELLS, MAX_SEED, MAX_TEXT, MAX_TOUCHED
from netchat.channel_lab.specs import check_channel, check_code, check_interleaver
from netchat.wording import cut

__all__ = ["LabState", "StateError", "parse_state", "whole"]

Carry = Literal["text", "frame"]
View = Literal["line", "decoder", "thousand"]


class StateError(ValueError):
    """Invalid request of a visitor.

    Args:
        text: What is wrong, and what is allowed.
        field: Field of the request; None if the request as a whole is wrong.
    """

    def __init__(self, text: str, field: str | None = None) -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True, slots=True)
class LabState:
    """Settings that determine the line."""

    text: str = "Hi!"
    """Text to send."""
    carry: Carry = "text"
    """Whether the bytes of the text are encoded, or the SEND frame that carries it."""
    code: str = "hamming:7,4"
    """Specification of the code, as visitors see it."""
    interleave: str = ""
    """Specification of the interleaver, or empty."""
    channel: str = "bsc:0"
    """Specification of the channel."""
    seed: int = 1
    """Random seed of the channel."""
    touched: tuple[tuple[int, str], ...] = ()
    """Positions on the line with what the visitor did to the bit: `flip` or `erase`."""
    block: int = 0
    """Codeword whose decoding is shown."""
    view: View = "line"
    """Part of the page."""
    depth: int = 0
    """Rows of the interleaver; 0 without one."""

    def as_dict(self) -> dict[str, Any]:
        """Return the normalised state as a JSON object."""
        return {
            "text": self.text,
            "carry": self.carry,
            "code": self.code,
            "interleave": self.interleave,
            "channel": self.channel,
            "seed": self.seed,
            "touched": {str(position): what for position, what in self.touched},
            "block": self.block,
            "view": self.view,
        }


_DEFAULT = LabState()


def parse_state(value: object, plugins: Mapping[str, str]) -> LabState:
    """Parse the state of a request; fields that are left out have their defaults.

    Args:
        value: JSON value.
        plugins: Codes of the server's owner, by the name that visitors see.

    Raises:
        StateError: A field is invalid.
    """
    if not isinstance(value, dict):
        raise StateError("state must be an object", "state")
    fields = {**_DEFAULT.as_dict(), **value}
    text = _text(fields, "text")
    size = len(text.encode(errors="replace"))
    if size > MAX_TEXT:
        raise StateError(f"text must be at most {MAX_TEXT} bytes, got {size}", "text")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise StateError("text must not contain unpaired surrogates", "text") from None
    code, interleave, channel = (_text(fields, name) for name in ("code", "interleave", "channel"))
    depth = 0
    try:
        field = "code"
        check_code(code, plugins)
        field = "interleave"
        depth = check_interleaver(interleave)
        field = "channel"
        channel = check_channel(channel)
    except ValueError as error:
        raise StateError(str(error), field) from None
    return LabState(
        text=text,
        carry=_one_of(fields, "carry", get_args(Carry)),
        code=code,
        interleave=interleave,
        channel=channel,
        seed=whole(fields["seed"], "seed", 0, MAX_SEED),
        touched=_touched(fields["touched"]),
        block=whole(fields["block"], "block", 0, MAX_CELLS),
        view=_one_of(fields, "view", get_args(View)),
        depth=depth,
    )


def whole(value: object, field: str, least: int, most: int) -> int:
    """Return an integer, also from its digits.

    Raises:
        StateError: It is not an integer, or out of range.
    """
    text = value if isinstance(value, str) else str(value)
    is_whole = not isinstance(value, (bool, float)) and text.isascii() and text.isdigit()
    if not is_whole or len(text) > 16 or not least <= int(text) <= most:
        raise StateError(
            f"{field} must be an integer from {least} to {most}, got {cut(text, 20)}", field
        )
    return int(text)


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise StateError(f"{name} must be a text", name)
    return value


def _one_of(fields: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> Any:
    value = fields[name]
    if value not in allowed:
        raise StateError(
            f"{name} must be {' or '.join(allowed)}, got {cut(str(value), 20)!r}", name
        )
    return value


def _touched(value: object) -> tuple[tuple[int, str], ...]:
    if not isinstance(value, dict):
        raise StateError("touched must be an object of positions", "touched")
    if len(value) > MAX_TOUCHED:
        raise StateError(
            f"touched must have at most {MAX_TOUCHED} positions, got {len(value)}", "touched"
        )
    found: dict[int, str] = {}
    for key, what in value.items():
        if what not in ("flip", "erase"):
            raise StateError(f"touched[{cut(str(key), 10)}] must be flip or erase", "touched")
        try:
            found[whole(key, "touched", 0, MAX_CELLS - 1)] = what
        except StateError as error:
            raise StateError(f"a position in {error}", "touched") from None
    return tuple(sorted(found.items()))
