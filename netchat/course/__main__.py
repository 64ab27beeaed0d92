"""`python -m netchat.course write|check|solve [FOLDER]`: generate the notebooks."""

from __future__ import annotations

import sys
from pathlib import Path

from netchat.course.notebook_builder import lessons, notebook_of, solve, text_of

#: The folder of solved notebooks; git ignores it.
SOLVED = "solved"


def main(what: str, folder: Path) -> int:
    """Generate the notebooks of a folder, or check that they are up to date.

    Args:
        what: `write` the students' notebooks, `check` them, or write the `solve`d ones.
        folder: The course's folder.

    Returns:
        The process's exit code.
    """
    stale = []
    for lesson in lessons(folder):
        notebook = solve(lesson) if what == "solve" else notebook_of(lesson)
        path = (folder / SOLVED if what == "solve" else folder) / f"{lesson.stem}.ipynb"
        text = text_of(notebook)
        if what != "check":
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            print(path)  # noqa: T201
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
    if stale:
        names = ", ".join(stale)
        print(f"out of date: {names}; run `make docs`", file=sys.stderr)  # noqa: T201
    return bool(stale)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in ("write", "check", "solve"):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], Path(sys.argv[2] if len(sys.argv) == 3 else "experiments")))
