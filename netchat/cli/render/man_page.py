"""Manual pages of commands, in roff, from their help."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from netchat.version import __version__

__all__ = ["man_pages"]

_EXIT_CODES = (
    ("0", "Success."),
    ("1", "The command failed, or nothing matches the filter."),
    ("2", "The command line, the configuration file or the environment is wrong."),
    ("3", "There is no connection to the server."),
    ("4", "A permission is missing."),
    ("5", "A history, room or account with the given name does not exist."),
    ("130", "Interrupted by Ctrl-C."),
)

#: Punctuation that begins a request of roff in the first column.
_CONTROL = re.compile(r"^([.'])", re.MULTILINE)


def man_pages(ctx: click.Context) -> Iterator[tuple[str, str]]:
    """Yield the pages of a command and its subcommands, with their names.

    Args:
        ctx: Context of the command, whose path names the pages.

    Yields:
        Name of the page without its section, such as `netchat-lab-up`, and its text.
    """
    yield ctx.command_path.replace(" ", "-"), _page(ctx)
    for inner in _subcommands(ctx):
        yield from man_pages(inner)


def _subcommands(ctx: click.Context) -> list[click.Context]:
    command = ctx.command
    if not isinstance(command, click.Group):
        return []
    found = []
    for name in command.list_commands(ctx):
        inner = command.get_command(ctx, name)
        assert inner is not None
        found.append(click.Context(inner, ctx, info_name=name))
    return found


def _page(ctx: click.Context) -> str:
    command = ctx.command
    name = ctx.command_path.replace(" ", "-")
    summary = command.get_short_help_str(200).rstrip(".")
    lines = [
        f'.TH "{name.upper()}" 1 "" "netchat {__version__}" "netchat"',
        ".ad l",
        ".SH NAME",
        f"{_roff(name)} \\- {_roff(summary)}",
        ".SH SYNOPSIS",
        f".B {_roff(ctx.command_path)}",
        _roff(" ".join(command.collect_usage_pieces(ctx))),
        ".SH DESCRIPTION",
        *_paragraphs(command.help or ""),
    ]
    options = [
        record
        for param in command.params
        if isinstance(param, click.Option) and (record := param.get_help_record(ctx))
    ]
    options.append(("-h, --help", "Show the help and exit."))
    lines += [".SH OPTIONS", *_list(options)]
    inner = _subcommands(ctx)
    if inner:
        names = [
            (f"{one.command_path.replace(' ', '-')}(1)", one.command.get_short_help_str(200))
            for one in inner
        ]
        lines += [".SH COMMANDS", *_list(names)]
    if ctx.parent is None:
        lines += [".SH EXIT STATUS", *_list(list(_EXIT_CODES)), *_sources()]
    else:
        root = ctx.find_root().command_path
        above = ctx.parent.command_path.replace(" ", "-")
        see = dict.fromkeys([f"{_roff(above)}(1)", f"{_roff(root)}(1)"])
        lines += [".SH SEE ALSO", ", ".join(see)]
    return "\n".join(lines) + "\n"


def _sources() -> list[str]:
    return [
        ".SH ENVIRONMENT",
        *_list([
            ("NETCHAT_COMMAND_OPTION", "Value of an option, such as NETCHAT_SERVE_PORT=7000."),
            ("NETCHAT_CONFIG", "Configuration file to use."),
        ]),
        ".SH FILES",
        *_list([
            ("~/.config/netchat/config.toml", "Values of options, in one table per command. "
             "netchat-config(1) lists and checks them."),
            ("~/.local/share/netchat/history.db", "History of the server."),
        ]),
    ]  # fmt: skip


def _list(entries: list[tuple[str, str]]) -> list[str]:
    lines = []
    for term, text in entries:
        lines += [".TP", f".B {_roff(term)}", _roff(" ".join(text.split()))]
    return lines


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the help of a command; click's mark \\b begins a paragraph whose lines are kept."""
    for number, block in enumerate(_blocks(text)):
        if number:
            yield ".PP"
        if block.startswith("\b\n"):
            yield from (".nf", _roff(block[2:]), ".fi")
        else:
            yield _roff(" ".join(block.split()))


def _blocks(text: str) -> list[str]:
    return [
        each for each in inspect.cleandoc(text).partition("\f")[0].strip().split("\n\n") if each
    ]


def _roff(text: str) -> str:
    return _CONTROL.sub(
        r"\\&\1", text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga")
    )
