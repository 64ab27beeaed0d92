"""Gradebook: notebooks attributed to students, and one row per student.

Several notebooks of one student and lesson do no harm: for each exercise, the best result counts. A
notebook that bears another student's name counts for no student, so that no notebook can change the
points of a student who did not hand it in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from netchat.classroom.points import PointScheme
from netchat.classroom.roster import ClassRoster, Student
from netchat.classroom.similarity import SimilarPair, similar_pairs
from netchat.course.grade import Grade
from netchat.course.variant import identity

__all__ = ["Gradebook", "GradedNotebook", "LessonResult", "StudentRow"]


@dataclass(frozen=True)
class GradedNotebook:
    """A notebook with its grades.

    Attributes:
        path: Path that identifies the student: relative to the folder of all notebooks.
        grades: Its grades; a single one without an exercise if it could not be graded.
        prints: Fingerprints of its code.
    """

    path: str
    grades: tuple[Grade, ...]
    prints: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        """The name in its first cell, or an empty string."""
        return self.grades[0].student

    @property
    def lesson(self) -> int:
        """The lesson's number, or 0 if it is not known."""
        return int(self.grades[0].exercise.partition(".")[0] or 0)

    @property
    def failure(self) -> str:
        """The reason why it could not be graded, or an empty string."""
        return next((one.text for one in self.grades if not one.exercise), "")


@dataclass(frozen=True)
class LessonResult:
    """Result of a student in a lesson.

    Attributes:
        lesson: The lesson's number.
        grades: The best grade of each exercise; empty if no notebook counts.
        earned: Points.
        most: Points of all exercises.
    """

    lesson: int
    grades: tuple[Grade, ...]
    earned: float
    most: float

    @property
    def was_handed_in(self) -> bool:
        """Whether a notebook of this lesson counts."""
        return bool(self.grades)


@dataclass
class StudentRow:
    """A student with the results of all lessons.

    Attributes:
        student: The student.
        lessons: Results in the order of the lessons.
        notes: Remarks for the instructor.
        failures: Notebooks that could not be graded, with the reason.
        rejected: Notebooks with another student's name, which do not count.
        strays: Notebooks of lessons that the class does not have, which do not count.
    """

    student: Student
    lessons: list[LessonResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)

    @property
    def earned(self) -> float:
        """Points in all lessons."""
        return sum(one.earned for one in self.lessons)

    @property
    def most(self) -> float:
        """Points of all exercises of all lessons."""
        return sum(one.most for one in self.lessons)

    @property
    def has_handed_in(self) -> bool:
        """Whether any notebook was handed in, even one that does not count."""
        return bool(self.failures or self.rejected or self.strays) or any(
            one.was_handed_in for one in self.lessons
        )


class Gradebook:
    """Rows of a class.

    Args:
        notebooks: The graded notebooks.
        scheme: Points of the exercises.
        roster: The class; None makes a student of each name in the notebooks.
        lessons: Fingerprints of the lessons as they were handed out, by number.
        only: Numbers of the lessons that count; None counts all.

    Attributes:
        rows: One row per student; in the order of the roster, or by name.
        unknown: Notebooks that belong to no student of the roster, with the reason.
        pairs: Notebooks with almost the same code.
        lessons: Numbers of the lessons that count and of which there are notebooks, in order.
        exercises: Title of each exercise, by lesson.
    """

    def __init__(
        self,
        notebooks: Iterable[GradedNotebook],
        scheme: PointScheme,
        roster: ClassRoster | None = None,
        lessons: Mapping[int, frozenset[int]] | None = None,
        only: Collection[int] | None = None,
    ) -> None:
        self.scheme, self.roster = scheme, roster
        self._only = only
        self.rows: list[StudentRow] = []
        self.unknown: list[tuple[str, str]] = []
        self.pairs: list[SimilarPair] = []
        self.exercises: dict[int, dict[str, str]] = {}
        given = list(notebooks)
        for one in given:
            for grade in one.grades if self._counts(one.lesson) else ():
                if grade.exercise:
                    self.exercises.setdefault(one.lesson, {})[grade.exercise] = grade.title
        self.lessons: list[int] = sorted(self.exercises)
        rows = {one.id: StudentRow(one) for one in roster or ()}
        counted: dict[str, list[GradedNotebook]] = defaultdict(list)
        owners = {one.path: self._attribute(one, rows, counted) for one in given}
        self.rows = list(rows.values())
        if roster is None:
            self.rows.sort(key=lambda row: identity(row.student.name))
        for row in self.rows:
            key = self._key(row.student)
            row.lessons = [self._best(lesson, counted[key]) for lesson in self.lessons]
            self._note_copies(row, counted[key])
        self._compare(given, owners, lessons or {})

    @property
    def missing(self) -> list[Student]:
        """The students of whom no notebook was found."""
        return [row.student for row in self.rows if not row.has_handed_in]

    def _key(self, student: Student) -> str:
        return student.id if self.roster is not None else identity(student.name)

    def _attribute(
        self,
        one: GradedNotebook,
        rows: dict[str, StudentRow],
        counted: dict[str, list[GradedNotebook]],
    ) -> str | None:
        """Add a notebook to its student's row, or to the unknown ones.

        Returns:
            The key of its owner, or None.
        """
        if self.roster is None:
            if not identity(one.name):
                self.unknown.append((one.path, one.failure or "it has no name"))
                return None
            key = identity(one.name)
            row = rows.setdefault(key, StudentRow(Student("", one.name)))
        else:
            by_path = self.roster.owner_of(one.path)
            by_name = self.roster.named(one.name) if identity(one.name) else None
            owner = by_path or by_name
            if owner is None:
                self.unknown.append((one.path, self._why_unknown(one)))
                return None
            key, row = owner.id, rows[owner.id]
            if by_name is not None and by_name is not owner:
                row.rejected.append(one.path)
                row.notes.append(
                    f"{one.path} has the name of {by_name.name} ({by_name.id}) in its first cell, so it "
                    "does not count"
                )
                return key
            if by_name is None and identity(one.name):
                row.notes.append(f"{one.path} has the name {one.name!r} in its first cell")
        if one.failure:
            row.failures.append((one.path, one.failure))
        if self._counts(one.lesson):
            counted[key].append(one)
        elif one.lesson:
            row.strays.append(one.path)
            row.notes.append(
                f"{one.path} is of lesson {one.lesson}, which the class does not have, so it does not "
                "count"
            )
        return key

    def _counts(self, lesson: int) -> bool:
        return lesson > 0 and (self._only is None or lesson in self._only)

    def _why_unknown(self, one: GradedNotebook) -> str:
        if not identity(one.name):
            return one.failure or "it has no name"
        assert self.roster is not None
        near = self.roster.similar_to(one.name)
        hint = f"; did {near.name} ({near.id}) hand it in?" if near is not None else ""
        return f"the roster has no {one.name!r}{hint}"

    def _best(self, lesson: int, notebooks: list[GradedNotebook]) -> LessonResult:
        best: dict[str, Grade] = {}
        for one in notebooks:
            for grade in one.grades if one.lesson == lesson else ():
                rank = (self.scheme.earned(grade), grade.result == "wrong")
                old = best.get(grade.exercise)
                if grade.exercise and (
                    old is None or rank > (self.scheme.earned(old), old.result == "wrong")
                ):
                    best[grade.exercise] = grade
        most = sum(map(self.scheme.most, self.exercises[lesson]))
        grades = tuple(best[number] for number in self.exercises[lesson] if number in best)
        return LessonResult(lesson, grades, sum(map(self.scheme.earned, grades)), most)

    def _note_copies(self, row: StudentRow, notebooks: list[GradedNotebook]) -> None:
        paths = defaultdict(list)
        for one in notebooks:
            paths[one.lesson].append(one.path)
        for lesson, found in sorted(paths.items()):
            if len(found) > 1:
                files = ", ".join(sorted(found))
                row.notes.append(
                    f"lesson {lesson}: {len(found)} notebooks, of which the best results count: {files}"
                )

    def _compare(
        self,
        notebooks: list[GradedNotebook],
        owners: Mapping[str, str | None],
        lessons: Mapping[int, frozenset[int]],
    ) -> None:
        """Find almost equal notebooks that do not belong to the same student."""
        by_lesson: dict[int, dict[str, frozenset[int]]] = defaultdict(dict)
        for one in notebooks:
            by_lesson[one.lesson][one.path] = one.prints
        for lesson, prints in sorted(by_lesson.items()):
            for pair in similar_pairs(prints, lessons.get(lesson, frozenset())):
                if owners[pair.first] is None or owners[pair.first] != owners[pair.second]:
                    self.pairs.append(pair)
