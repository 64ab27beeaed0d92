"""`netchat config`: show and check the configuration, and list its keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from netchat.cli.config import locating_errors, origins, params_by_key, users_file
from netchat.wording import many

__all__ = ["config"]


@click.command(short_help="Show and check the configuration; list its keys.")
@click.argument("command", nargs=-1)
@click.option(
    "--keys", is_flag=True, help="List all keys, with their meaning and default, as TOML."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of TOML.")
@click.pass_context
def config(ctx: click.Context, command: tuple[str, ...], keys: bool, as_json: bool) -> None:
    """Show the options that are set in the configuration file and in the environment, and check them.

    Each line names where its value is set: the file and line, or the variable. Unknown keys and invalid
    values are errors. COMMAND limits the output to one command.

    \b
    Examples:
      netchat config                                  the values in effect
      netchat --config /etc/netchat/config.toml config    check another file
      netchat config --keys serve                     every key of [serve], as a template
    """
    root = ctx.find_root()
    contexts = [one for one in _contexts(root) if _path(one)[: len(command)] == command]
    if not contexts:
        raise click.UsageError(f"No such command {' '.join(command)!r}; netchat --help lists all.")
    if keys:
        documented = {_path(one): _documented(one) for one in contexts}
        _show_keys({path: found for path, found in documented.items() if found}, as_json=as_json)
        return
    settings = {_path(one): found for one in contexts if (found := _checked(one))}
    if as_json:
        click.echo(json.dumps({" ".join(path): rows for path, rows in settings.items()}, indent=2))
    else:
        _show(root, settings)


def _contexts(ctx: click.Context) -> Iterator[click.Context]:
    """Yield a context for each command below a group, with the values that are set for it."""
    group = ctx.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(ctx):
        inner = group.get_command(ctx, name)
        assert inner is not None
        defaults = (ctx.default_map or {}).get(name, {})
        child = click.Context(inner, ctx, info_name=name, default_map=defaults)
        yield child
        if isinstance(inner, click.Group):
            yield from _contexts(child)


def _path(ctx: click.Context) -> tuple[str, ...]:
    return () if ctx.parent is None else (*_path(ctx.parent), str(ctx.info_name))


def _checked(ctx: click.Context) -> dict[str, dict[str, Any]]:
    """Return the values that are set for a command and their origins by key.

    Raises:
        UsageError: A value is invalid.
    """
    set_here = origins(ctx).get(_path(ctx), {})
    rows = {}
    for key, param in params_by_key(ctx.command).items():
        name = str(param.name)
        if name not in set_here:
            continue
        value = (ctx.default_map or {})[name]
        ctx.set_parameter_source(name, ParameterSource.DEFAULT_MAP)
        with locating_errors():
            try:
                param.process_value(ctx, value)
            except click.UsageError as error:
                error.ctx = ctx
                raise
        origin = set_here[name]
        rows[key] = {"value": value, "set by": origin.file or origin.key}
    return rows


def _show(root: click.Context, settings: dict[tuple[str, ...], dict[str, dict[str, Any]]]) -> None:
    for path, rows in settings.items():
        click.echo(f"[{'.'.join(path)}]")
        lines = {key: f"{key} = {_toml(row['value'])}" for key, row in rows.items()}
        width = max(map(len, lines.values()))
        for key, row in rows.items():
            click.echo(f"{lines[key]:<{width}}  # {row['set by']}")
        click.echo()
    count = sum(map(len, settings.values()))
    given: Path | None = root.params.get("config") or users_file()
    place = given if given is not None else "no configuration file"
    click.echo(f"# {many(count, 'value')} set and valid; {place}")


def _toml(value: Any) -> str:
    """Return a value as TOML, as the user would write it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    # JSON's strings are valid in TOML, too.
    return text if text.isdecimal() and str(int(text)) == text else json.dumps(text)


def _documented(ctx: click.Context) -> dict[str, dict[str, Any]]:
    """Return the keys of a command, with their help and default."""
    rows: dict[str, dict[str, Any]] = {}
    seen = set()
    for key, param in params_by_key(ctx.command).items():
        if param.name in seen:  # another name of the same option
            continue
        seen.add(param.name)
        record = param.get_help_record(ctx)
        text = " ".join(record[1].split()) if record else ""
        default = param.get_default(ctx, call=False)
        plain = default if isinstance(default, (str, int, float, bool)) else None
        rows[key] = {
            "default": plain,
            "help": text or f"Argument; see netchat {' '.join(_path(ctx))} --help.",
        }
    return rows


def _show_keys(
    documented: dict[tuple[str, ...], dict[str, dict[str, Any]]], *, as_json: bool
) -> None:
    if as_json:
        named = {" ".join(path): rows for path, rows in documented.items()}
        click.echo(json.dumps(named, indent=2))
        return
    for path, rows in documented.items():
        click.echo(f"[{'.'.join(path)}]")
        for key, row in rows.items():
            click.echo(f"# {row['help']}")
            default = "" if row["default"] is None else _toml(row["default"])
            click.echo(f"#{key} = {default}")
        click.echo()
