"""Options from the configuration file and from the environment.

    [serve]                     NETCHAT_SERVE_PORT=7000
    port = 7000                 NETCHAT_LAB_UP_HOSTS=3
    no-such-key = 1             NETCHAT_SERVE_NO_SUCH_KEY=1

A key is the long name of an option, or the name of an argument. Unknown keys and invalid values are
errors that name the file and line, or the variable, that sets them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

import click
from click.core import ParameterSource

from netchat.wording import cannot

__all__ = ["Origin", "load", "locating_errors", "origins", "params_by_key", "users_file"]

#: Variables of the root command, of `make` and of the course, which are not options of a command.
_NOT_OPTIONS = ("NETCHAT_CONFIG", "NETCHAT_NO_APT", "NETCHAT_COURSE", "NETCHAT_QUICK")

#: Variables that Kubernetes sets in every container for a service called netchat or netchat-….
_KUBERNETES = re.compile(r"\w+(_SERVICE_HOST|_SERVICE_PORT\w*|_PORT_\d+_\w+)=.*|\w+_PORT=\w+://.*")

#: Key in `Context.meta` of the locations at which options were set, by command and parameter.
_LOCATIONS = "netchat.cli.config"

Settings = dict[str, Any]
Locations = dict[tuple[str, ...], dict[str, "Origin"]]


class Origin(NamedTuple):
    """Location at which the value of an option is set."""

    key: str
    """Key in the file, or name of the variable."""

    file: str
    """File and line, such as `/etc/netchat.toml:7`; empty for a variable."""

    table: str = ""
    """Header of the key's table in the file."""

    def __str__(self) -> str:
        return f"{self.key} in {self.table} of {self.file}" if self.file else self.key


class _ConfigFile(NamedTuple):
    """A configuration file."""

    path: Path
    content: Settings
    text: str

    def at(self, *names: str) -> str:
        """Return the file and the line of a table or key."""
        from netchat.cli.toml_lines import key_lines

        line = key_lines(self.text).get(names)
        return f"{self.path}:{line}" if line else str(self.path)


def load(ctx: click.Context, file: Path | None) -> Settings:
    """Read the configuration file and the environment, which takes precedence.

    Args:
        ctx: Context of the root command.
        file: Configuration file; None is the user's own, if it exists.

    Returns:
        Defaults for `Context.default_map`.

    Raises:
        UsageError: The file cannot be read, or a key or value in it or in the environment is invalid.
    """
    locations: Locations = ctx.meta.setdefault(_LOCATIONS, {})
    assert isinstance(ctx.command, click.Group)
    settings: Settings = {}
    path = users_file() if file is None else file
    if path is not None:
        read = _read(path)
        settings = _of_table(ctx, ctx.command, read.content, (), read, locations)
    for name, value in os.environ.items():
        if name.startswith("NETCHAT_") and value and name not in _NOT_OPTIONS:
            _add_variable(ctx, name, value, settings, locations)
    return settings


def origins(ctx: click.Context) -> Locations:
    """Return where options are set, by command and name of the parameter."""
    found: Locations = ctx.meta.get(_LOCATIONS, {})
    return found


@contextmanager
def locating_errors() -> Iterator[None]:
    """Add the file or variable that sets a value to errors about the value; show all errors alike."""
    try:
        yield
    except click.UsageError as error:
        located = _with_location(error)
        located.show = partial(_show, located)  # type: ignore[method-assign]
        raise located from error.__cause__
    except click.ClickException as error:
        error.show = partial(_show, error)  # type: ignore[method-assign]
        raise


def _show(error: click.ClickException, file: IO[str] | None = None) -> None:
    """Print an error as `netchat: …`, after the usage of the command if that is wrong."""
    ctx = getattr(error, "ctx", None)
    if ctx is not None:
        hint = f"Try '{ctx.command_path} --help' for help."
        click.echo(f"{ctx.get_usage()}\n{hint}\n", file=file, err=file is None)
    click.echo(f"netchat: {error.format_message()}", file=file, err=file is None)


def _with_location(error: click.UsageError) -> click.UsageError:
    ctx = error.ctx
    if ctx is None:
        return error
    locations = ctx.meta.get(_LOCATIONS, {}).get(_path(ctx), {})
    hint = getattr(error, "param_hint", None)
    notes = []
    for param in ctx.command.params:
        source = ctx.get_parameter_source(str(param.name))
        location = None
        if source is ParameterSource.DEFAULT_MAP and str(param.name) in locations:
            location = str(locations[str(param.name)])
        if source is ParameterSource.ENVIRONMENT:
            location = str(param.envvar)
        if location is None:
            continue
        if isinstance(error, click.BadParameter) and (error.param is param or hint in param.opts):
            error.param_hint = location
        elif any(
            re.search(rf"(?<![\w-]){option}(?![\w-])", error.message) for option in param.opts
        ):
            notes.append(f"{param.opts[0]} is set by {location}")
    return click.UsageError(f"{error.message} ({', '.join(notes)}.)", ctx) if notes else error


def users_file() -> Path | None:
    """Return the user's configuration file, or None without one."""
    import platformdirs

    path = platformdirs.user_config_path("netchat") / "config.toml"
    try:
        return path if path.is_file() else None
    except OSError:  # the home directory is not readable, as under sudo -u
        return None


def _read(path: Path) -> _ConfigFile:
    import tomllib

    try:
        text = path.read_text(encoding="utf-8-sig")
        return _ConfigFile(path, tomllib.loads(text), text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.UsageError(cannot("read", f"the configuration file {path}", error)) from error


def _of_table(
    ctx: click.Context,
    command: click.Command,
    table: Settings,
    names: tuple[str, ...],
    file: _ConfigFile,
    locations: Locations,
) -> Settings:
    """Check a table of the file and return its values by parameter name."""
    header = f"[{'.'.join(names)}]" if names else "the file"
    settings: Settings = {}
    params = params_by_key(command) if names else {}
    for key, value in table.items():
        if isinstance(command, click.Group) and key in command.list_commands(ctx):
            if not isinstance(value, dict):
                raise click.UsageError(
                    f"{file.at(*names, key)}: {key} is a command; set its options in "
                    f"[{'.'.join((*names, key))}]."
                )
            inner = command.get_command(ctx, key)
            assert inner is not None
            settings[key] = _of_table(ctx, inner, value, (*names, key), file, locations)
            continue
        param = params.get(key.replace("_", "-"))
        if param is None:
            known = [
                *params,
                *(command.list_commands(ctx) if isinstance(command, click.Group) else ()),
            ]
            raise click.UsageError(
                f"{file.at(*names, key)}: unknown key {key!r} in {header}; {_hint(key, known)}"
            )
        origin = Origin(key, file.at(*names, key), header)
        settings[str(param.name)] = _as_typed(param, value, origin)
        locations.setdefault(names, {})[str(param.name)] = origin
    return settings


def _as_typed(param: click.Parameter, value: Any, location: Origin) -> Any:
    """Return a TOML value as the user would type it, so that both are checked alike."""
    if getattr(param, "is_flag", False):
        if not isinstance(value, bool):
            raise click.UsageError(
                f"Invalid value for {location}: must be true or false, got {value!r}."
            )
        return value
    several = param.nargs == -1 or getattr(param, "multiple", False)
    items = value if several and isinstance(value, list) else [value]
    for item in items:
        if isinstance(item, bool) or not isinstance(item, (str, int, float)):
            raise click.UsageError(
                f"Invalid value for {location}: must be a number or a string"
                f"{', or a list of them' if several else ''}, got {item!r}."
            )
    return [str(item) for item in items] if several else str(value)


def _add_variable(
    ctx: click.Context, name: str, value: str, settings: Settings, locations: Locations
) -> None:
    command, rest = ctx.command, name.removeprefix("NETCHAT_")
    names: tuple[str, ...] = ()
    while isinstance(command, click.Group):
        fitting = {_variable(each) + "_": each for each in command.list_commands(ctx)}
        prefix = max((each for each in fitting if rest.startswith(each)), key=len, default=None)
        if prefix is None:
            break
        names, rest = (*names, fitting[prefix]), rest.removeprefix(prefix)
        settings = settings.setdefault(names[-1], {})
        inner = command.get_command(ctx, names[-1])
        assert inner is not None
        command = inner
    params = {_variable(key): each for key, each in params_by_key(command).items() if names}
    param = params.get(rest)
    if param is None:
        if _KUBERNETES.fullmatch(f"{name}={value}"):
            return
        before = name.removesuffix(rest)
        known = [before + key for key in params] or [
            f"NETCHAT_{_variable(each)}_"
            for each in ctx.command.list_commands(ctx)  # type: ignore[attr-defined]
        ]
        raise click.UsageError(
            f"The environment sets {name}, but no command has such an option; {_hint(name, known)}"
        )
    several = param.nargs == -1 or getattr(param, "multiple", False)
    settings[str(param.name)] = value.split() if several else value
    locations.setdefault(names, {})[str(param.name)] = Origin(name, "")


def params_by_key(command: click.Command) -> Mapping[str, click.Parameter]:
    """Return the parameters of a command by key."""
    return dict(_named(command))


def _named(command: click.Command) -> Iterator[tuple[str, click.Parameter]]:
    for param in command.params:
        if isinstance(param, click.Argument):
            yield str(param.name).replace("_", "-"), param
        yield from ((opt[2:], param) for opt in param.opts if opt.startswith("--"))


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")


def _hint(given: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(given, known, n=1)
    return f"did you mean {near[0]}?" if near else f"available: {', '.join(known)}."


def _path(ctx: click.Context) -> tuple[str, ...]:
    """Return the names of a context's groups and command, without the root's."""
    return () if ctx.parent is None else (*_path(ctx.parent), str(ctx.info_name))
