"""Options that select captured items, for all commands that read or record packets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from netchat.wire import MESSAGES

if TYPE_CHECKING:
    from netchat.packets.filters import FilterField, ItemFilter

__all__ = ["FIELD", "FILTER", "check_fields", "selection", "selection_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_TYPES = click.Choice([message.NAME for message in MESSAGES.values()], case_sensitive=False)


class _Filter(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5 only
    """Filter expression; an error shows its position."""

    name = "filter"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the predicate."""
        from netchat.errors import FilterError
        from netchat.packets.filters import parse

        if callable(value):
            return value
        try:
            return parse(str(value))
        except FilterError as error:
            self.fail(f"{error}\n\n{_indented(error.pointed())}", param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the filters that continue an incomplete one by one word."""
        del ctx, param
        from netchat.packets.filters import complete

        found = complete(incomplete)
        return [
            CompletionItem(found.apply(incomplete, each)[0], help=each.doc)
            for each in found.candidates
        ]


class _Field(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5 only
    """Name of a field of the filter language."""

    name = "field"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the field."""
        from netchat.packets.filters import FilterField, describe_unknown, find_field

        if isinstance(value, FilterField):
            return value
        field = find_field(value)
        if field is None:
            self.fail(f"{describe_unknown(value)}.", param, ctx)
        return field

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the fields whose names begin with the incomplete one."""
        del ctx, param
        from netchat.packets.filters import complete

        found = complete(incomplete).candidates
        return [CompletionItem(each.text, help=each.doc) for each in found if each.text != "not"]


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


#: Parameter type of a filter expression, and of the name of one of its fields.
FILTER, FIELD = _Filter(), _Field()


def selection_options(command: _Command) -> _Command:
    """Add the options --filter, --room, --user and --type to a command."""
    options = (
        click.option(
            "--filter",
            "-Y",
            "expression",
            type=FILTER,
            metavar="FILTER",
            help="Show only what matches, such as 'type == SEND and room == \"lobby\"'. The exit code "
            "is 1 if nothing does. docs/FILTERS.md lists the fields.",
        ),
        click.option("--room", help="Show only messages of this room."),
        click.option("--user", help="Show only conversations of this user."),
        click.option(
            "--type",
            "types",
            type=_TYPES,
            multiple=True,
            help="Show only messages of this type; can be repeated.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def selection(
    expression: ItemFilter | None, room: str | None, user: str | None, types: tuple[str, ...]
) -> ItemFilter | None:
    """Return the filter of the options from `selection_options`; None selects everything."""
    from netchat.packets.filters import all_of, make_filter

    return all_of(make_filter(room=room, user=user, types=types), expression)


def check_fields(form: str | None, fields: tuple[FilterField, ...], *, others: bool) -> None:
    """Reject -T and -e if they contradict each other or other options.

    Args:
        form: Value of -T.
        fields: Values of -e.
        others: Whether other options ask for other output.
    """
    if form == "fields" and not fields:
        raise click.UsageError("-T fields needs the fields: add -e FIELD, such as -e netchat.room.")
    if fields and (form not in (None, "fields") or others):
        raise click.UsageError(
            "-e prints fields only: omit --json, --tree, --hex, --quiet and the views."
        )
