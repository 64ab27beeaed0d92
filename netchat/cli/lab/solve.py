"""`netchat lab solve`: answer what is wrong in a mystery."""

from __future__ import annotations

import click
import wcwidth

from netchat.exit_codes import FAILED

__all__ = ["solve"]


@click.command(
    short_help="Answer what is wrong in a mystery.",
    context_settings={"ignore_unknown_options": True},  # a size may be negative
)
@click.argument("kind", required=False)
@click.argument("place", required=False)
@click.argument("size", required=False)
@click.option(
    "--mystery", metavar="SEED",
    help="Seed of the mystery.  [default: that of the running lab]",
)  # fmt: skip
@click.option(
    "--level",
    type=click.IntRange(1, 5),
    help="Its level.  [default: that of the running lab, or 2]",
)
@click.pass_obj
def solve(
    name: str,
    kind: str | None,
    place: str | None,
    size: str | None,
    mystery: str | None,
    level: int | None,
) -> int:
    """Judge an answer: the KIND of the fault, its PLACE, and its SIZE.

    Without arguments, list the kinds, with the unit of the size of each. PLACE is a host such as h2, or a
    direction such as "h2 > h1". The exit code is 1 if the answer is wrong.

    \b
    Examples:
      netchat lab solve                                  the kinds of faults
      netchat lab solve loss "h2 > h1" 0.05              of the running lab
      netchat lab solve --mystery Ada --level 3 clock-skew h3 -800
    """
    from netchat.errors import NetchatError
    from netchat.mystery.drawing import draw
    from netchat.mystery.fault import HOSTS, KINDS, Answer, parse_kind
    from netchat.mystery.judgement import judge

    if kind is None:
        _show_kinds()
        return 0
    if place is None or size is None:
        raise click.UsageError(
            'an answer has three parts: KIND PLACE SIZE, such as: loss "h2 > h1" 0.05'
        )
    if mystery is None:
        mystery, running = _of_running_lab(name)
        level = level or running
    try:
        asked = KINDS[parse_kind(kind)]
        if not asked.is_host and place in HOSTS:
            raise click.UsageError(
                f"the place of {asked.name} must be a direction such as 'h2 > h1', got {place!r}. Quote "
                "it, because > has a meaning in the shell."
            )
        answer = Answer(kind, place, _number(size, asked.unit))
        judgement = judge(draw(mystery, level or 2), answer)
    except NetchatError as error:
        raise click.UsageError(str(error)) from error
    click.secho(judgement.text, fg="green" if judgement.is_solved else None)
    return 0 if judgement.is_solved else FAILED


def _number(size: str, unit: str) -> float:
    """Return a size as a number.

    Raises:
        click.UsageError: It is not a number.
    """
    try:
        return float(size)
    except ValueError:
        raise click.UsageError(f"SIZE must be a plain number ({unit}), got {size!r}") from None


def _of_running_lab(name: str) -> tuple[str, int]:
    """Return seed and level of the running lab.

    Raises:
        click.UsageError: No mystery is running.
    """
    from netchat.lab.lab_lock import ask, not_up_message

    state = ask(name)
    if state is None:
        raise click.UsageError(
            f"{not_up_message(name)} --mystery SEED; or give --mystery SEED here."
        )
    if not state.get("mystery"):
        raise click.UsageError(f"the lab {name} is not a mystery; give --mystery SEED.")
    return str(state["seed"]), int(state["level"])


def _show_kinds() -> None:
    from netchat.mystery.fault import KINDS

    width = max(wcwidth.width(kind.name) for kind in KINDS.values())
    for kind in KINDS.values():
        click.echo(f"{kind.name:<{width}}  {kind.text}")
        where = "host" if kind.is_host else "direction"
        click.echo(f"{'':<{width}}  place: a {where}; size: {kind.unit}")
    click.echo('\nAnswer with: netchat lab solve KIND PLACE SIZE, such as: loss "h2 > h1" 0.05')
