"""`netchat man`: the manual pages."""

from __future__ import annotations

from pathlib import Path

import click

from netchat.cli.completion import completion_scripts
from netchat.cli.render.man_page import man_pages
from netchat.errors import NetchatError
from netchat.files import write_file
from netchat.wording import cannot, many

__all__ = ["man"]


@click.command(short_help="Print or write the manual pages.")
@click.argument("command", nargs=-1)
@click.option(
    "--write", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path),
    help="Write all pages to FOLDER/man/man1, and the scripts for tab completion beside them.",
)  # fmt: skip
@click.option(
    "--check", metavar="FOLDER", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Check that the files that --write has written are up to date.",
)  # fmt: skip
@click.pass_context
def man(
    ctx: click.Context, command: tuple[str, ...], write: Path | None, check: Path | None
) -> None:
    """Print the manual page of a command, or of netchat itself.

    An installed netchat has the pages, as `man netchat` and `man netchat-serve`.

    \b
    Examples:
      netchat man serve | man -l -
      netchat man --write ~/.local/share
    """
    if write is not None and check is not None:
        raise click.UsageError("--write and --check exclude each other.")
    if command and (write is not None or check is not None):
        raise click.UsageError("--write and --check concern all pages: omit the command.")
    root = click.Context(ctx.find_root().command, info_name="netchat")
    pages = dict(man_pages(root))
    if write is not None:
        _write(write, _files(pages))
    elif check is not None:
        _check(check, _files(pages))
    else:
        name = "-".join(("netchat", *command))
        if name not in pages:
            raise click.UsageError(
                f"No such command {' '.join(command)!r}; netchat --help lists all."
            )
        click.echo(pages[name], nl=False)


def _files(pages: dict[str, str]) -> dict[str, str]:
    """Return the content of each file, by its path below `share`."""
    found = {f"man/man1/{name}.1": text for name, text in pages.items()}
    return {**found, **completion_scripts()}


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, content)
        except OSError as error:
            raise NetchatError(cannot("write", path, error)) from error
    click.echo(f"{many(len(files), 'file')} in {folder}")


def _check(folder: Path, files: dict[str, str]) -> None:
    old = []
    for name, content in files.items():
        try:
            is_current = (folder / name).read_text("utf-8") == content
        except (OSError, UnicodeDecodeError):
            is_current = False
        old += [] if is_current else [name]
    pages = {path.relative_to(folder).as_posix() for path in folder.glob("man/man1/netchat*.1")}
    old += sorted(pages - files.keys())
    if old:
        raise NetchatError(
            f"{many(len(old), 'file')} in {folder} not up to date, such as {old[0]}: run netchat man "
            f"--write {folder}, and remove pages of commands that no longer exist."
        )
