"""`python -m tests.classroom.generated_class FOLDER`: hand-ins for every student of a class.

The notebooks are the solved ones, with the student's name. In some of them, exercises have a common
mistake of the instructor's solutions, stay open, or raise an exception; a few students hand in nothing.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from netchat.classroom.class_folder import ClassFolder, personalised
from netchat.classroom.pages import file_name
from netchat.course.notebook_builder import Solution, lessons, solutions_of, solve, text_of

__all__ = ["hand_in", "with_mistakes"]

COURSE = Path(__file__).parents[2] / "experiments"


def with_mistakes(notebook: str, solutions: dict[str, Solution], rng: random.Random) -> str:
    """Return a solved notebook in which some exercises are wrong, open or broken."""
    data = json.loads(notebook)
    for cell in data["cells"]:
        source = "".join(cell["source"])
        for number, solution in solutions.items():
            if cell["cell_type"] != "code" or source.rstrip() != solution.code:
                continue
            kind = rng.choice(["right"] * 7 + ["mistake"] * 3 + ["open", "broken"])
            if kind == "mistake":
                source += "\n" + rng.choice(solution.mistakes).code
            elif kind == "open":
                source = f'course.check("{number}", ...)'
            elif kind == "broken":
                source = "raise RuntimeError('not finished')"
        cell["source"] = source.splitlines(keepends=True)
    return json.dumps(data)


def hand_in(folder: ClassFolder, rng: random.Random, absent: float = 0.05) -> int:
    """Write the hand-ins of a class, and return the number of notebooks."""
    sources = {int(path.name[:2]): path for path in lessons(COURSE)}
    chosen = {number: sources[number] for number in folder.settings.lessons}
    solved = {number: text_of(solve(path)) for number, path in chosen.items()}
    solutions = {number: solutions_of(path) for number, path in chosen.items()}
    count = 0
    for student in folder.roster:
        if rng.random() < absent:
            continue
        for number, path in chosen.items():
            text = with_mistakes(solved[number], solutions[number], rng)
            own = folder.handed_in / file_name(student.id)
            own.mkdir(exist_ok=True)
            (own / f"{path.stem}.ipynb").write_bytes(personalised(text, student.name))
            count += 1
    return count


if __name__ == "__main__":
    print(hand_in(ClassFolder(Path(sys.argv[1])), random.Random(2027)), "notebooks")
