"""The lab course: what the notebooks in `experiments/` and their self-checks are made with.

    from netchat.course import begin

    course = begin(1, student="Ada")   # the first cell of a notebook
    course.given("1.1")                # what an exercise gives to this student
    course.check("1.1", 12, 17)        # says whether the answer has what was asked for

`experiments/README.md` tells how lessons, checks and solutions are written.
"""

from netchat.course.exercises import Wrong, exercise, need, real_number, whole_number
from netchat.course.lesson import Lesson, begin
from netchat.course.variant import Variant

__all__ = ["Lesson", "Variant", "Wrong", "begin", "exercise", "need", "real_number", "whole_number"]
