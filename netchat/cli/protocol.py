"""`netchat protocol`: show the wire protocol in the terminal, as a document or as JSON."""

from __future__ import annotations

import difflib
import inspect
import json
from itertools import zip_longest
from pathlib import Path
from typing import Any

import click

from netchat.cli.output_files import write_output
from netchat.exit_codes import FAILED
from netchat.wire import MESSAGES, Message, Record, fields_of
from netchat.wire.messages import GROUPS
from netchat.wire.spec import message_spec, protocol_spec, senders
from netchat.wording import cannot

__all__ = ["protocol"]

#: Path of the document in the project.
DOCUMENT = str(Path("docs") / "PROTOCOL.md")

#: Value of --write and --check without a file: the project's own generated file.
_DEFAULT = ""


class _MessageName(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5 only
    """Message, by its name in any case or by its type number."""

    name = "message"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> type[Message]:
        if isinstance(value, type):
            return value
        names = {message.NAME: message for message in MESSAGES.values()}
        wanted = str(value).upper().replace("-", "_")
        try:
            found = MESSAGES.get(int(str(value), 0))
        except ValueError:
            found = names.get(wanted)
        if found is None:
            near = difflib.get_close_matches(wanted, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"available: {', '.join(names)}."
            self.fail(f"NCP has no message {value!r}; {hint}", param, ctx)
        return found


@click.command(short_help="Show the wire protocol; write or check its document.")
@click.argument("message", metavar="[NAME]", required=False, type=_MessageName())
@click.option("--source", is_flag=True, help="Also show the code compiled for NAME.")
@click.option("--json", "as_json", is_flag=True, help="Print the protocol, or NAME, as JSON.")
@click.option("--js", is_flag=True, help="Use the web page's codec instead of the document.")
@click.option(
    "--write", metavar="[FILE]", is_flag=False, flag_value=_DEFAULT,
    type=click.Path(dir_okay=False, allow_dash=True),
    help=f"Write the protocol document; - is standard output.  [default: {DOCUMENT}]",
)  # fmt: skip
@click.option(
    "--check", metavar="[FILE]", is_flag=False, flag_value=_DEFAULT,
    type=click.Path(dir_okay=False),
    help=f"Fail if the document differs from what --write would write.  [default: {DOCUMENT}]",
)  # fmt: skip
@click.pass_context
def protocol(
    ctx: click.Context,
    message: type[Message] | None,
    source: bool,
    as_json: bool,
    js: bool,
    write: str | None,
    check: str | None,
) -> None:
    """Show the wire protocol: all messages, or the one with this NAME or type number.

    \b
    Examples:
      netchat protocol                   all messages in a table
      netchat protocol SEND              one message, drawn byte by byte
      netchat protocol SEND --source     also the code compiled for it
      netchat protocol 0x21              by its type number
      netchat protocol --json            the whole protocol as JSON
      netchat protocol --write           regenerate docs/PROTOCOL.md
      netchat protocol --check           check that docs/PROTOCOL.md is up to date
      netchat protocol --js              print the codec of the web page
      netchat protocol --js --check      check that the committed codec is up to date
    """
    if sum((write is not None, check is not None, as_json or message is not None)) > 1:
        raise click.UsageError("--write, --check and NAME or --json cannot be combined.")
    if js and (as_json or message is not None):
        raise click.UsageError("--js covers the whole protocol: omit NAME and --json.")
    if source and (message is None or as_json):
        raise click.UsageError("--source shows one message: add NAME and omit --json.")
    if write is not None:
        _write(_path(write, js=js), js=js)
    elif check is not None:
        problem = _stale(_path(check, js=js), js=js)
        if problem is not None:
            click.echo(problem, err=True)
            ctx.exit(FAILED)
        click.echo(f"{_path(check, js=js)} is up to date.")
    elif js:
        click.echo(_generated(js=True), nl=False)
    elif as_json:
        spec = protocol_spec() if message is None else message_spec(message)
        click.echo(json.dumps(spec, indent=2))
    elif message is None:
        _show_all()
    else:
        _show(message, source=source)


def _path(given: str, *, js: bool) -> Path:
    """Return the named file, or the project's own."""
    if given != _DEFAULT:
        return Path(given)
    if not js:
        return Path(DOCUMENT)
    from netchat.web.javascript import CODEC

    return CODEC


def _generated(*, js: bool) -> str:
    """Generate the document or the page's codec."""
    if js:
        from netchat.web.javascript import codec

        return codec()
    from netchat.wire.document import protocol_document

    return protocol_document()


def _write(path: Path, *, js: bool) -> None:
    try:
        write_output(path, _generated(js=js))
    except click.ClickException as error:
        raise click.ClickException(
            f"{error} Run this in the project's folder, or use --write FILE."
        ) from error
    if str(path) != "-":
        click.echo(f"Wrote {path}.")


def _stale(path: Path, *, js: bool) -> str | None:
    """Return why a generated file is out of date, or None if it is not."""
    command = f"netchat protocol{' --js' if js else ''} --write"
    try:
        found = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        return f"{cannot('read', path, error)}. Generate it with: {command}"
    pairs = zip_longest(found, _generated(js=js).splitlines())
    line = next((line for line, (is_, wanted) in enumerate(pairs, 1) if is_ != wanted), None)
    if line is None:
        return None
    return f"{path} is out of date from line {line}. Regenerate it with: {command}"


def _console() -> Any:
    from rich.console import Console

    # The texts are not markup: `[0]` in a field's meaning is literal.
    return Console(markup=False, highlight=False, emoji=False)


def _show_all() -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("type", "message", "sent by"):
        table.add_column(title, no_wrap=True)
    table.add_column("what it does")
    group = 0
    for number, message in sorted(MESSAGES.items()):
        if number & 0xF0 != group:
            group = number & 0xF0
            table.add_section()
        first = (inspect.getdoc(message) or "").partition("\n")[0]
        table.add_row(f"{number:#04x}", message.NAME, ", ".join(senders(message)), first)
    _console().print(table)
    used = {number & 0xF0 for number in MESSAGES}
    free = [f"{first:#04x} {name}" for first, name in GROUPS.items() if first not in used]
    if free:
        click.echo(f"Reserved: {', '.join(free)}.")
    click.echo("netchat protocol NAME shows one message byte by byte.")


def _show(message: type[Message], *, source: bool) -> None:
    click.echo(
        f"{message.NAME}  type {message.TYPE:#04x}, sent by {' and '.join(senders(message))}"
    )
    _show_fields(message)
    shown = {field.record for field in fields_of(message) if field.record is not None}
    for record in sorted(shown, key=lambda r: r.__name__):
        click.echo(f"\n{record.__name__}  a record")
        _show_fields(record)
    if source:
        from netchat.wire.compiler import source_of

        click.echo(f"\n{source_of(message)}")


def _show_fields(declared: type[Record]) -> None:
    from rich import box
    from rich.table import Table

    from netchat.wire.diagram import body_diagram

    click.echo(f"\n{inspect.getdoc(declared)}\n\n{body_diagram(declared)}\n")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("field", "kind"):
        table.add_column(title, no_wrap=True)
    table.add_column("meaning")
    for field in fields_of(declared):
        kind = field.kind.name if field.record is None else f"list of {field.record.__name__}"
        values = [f"{v.value} {v.name}" for v in field.enum] if field.enum is not None else []
        table.add_row(field.name, kind, "\n".join([field.doc, *values]))
    _console().print(table)
