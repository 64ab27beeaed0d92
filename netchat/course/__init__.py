"""Support code for the lessons in `experiments/` and for their self-checks.

    from netchat.course import begin

    course = begin(1, student="Ada")   # the first cell of a notebook
    course.given("1.1")                # the values that the exercise gives to this student
    course.check("1.1", 12, 17)        # prints whether the answer is right

A notebook uses `lesson`, the pictures and curves (`pictures`, `code_pictures`, `curves`, `style`), and
local servers (`server`, `server_process`). Checks use `exercises`, `variant`, `conversation` and
`segments`. `notebook_builder` generates the notebooks. The grader consists of `grade` (all notebooks),
`grading_process` (one notebook's checks) and `student`, `student_process` and `sandbox` (its cells).

`experiments/README.md` explains how to write lessons, checks and solutions.
"""

from netchat.course.exercises import Wrong, exercise, need, real_number, whole_number
from netchat.course.lesson import Lesson, begin
from netchat.course.variant import Variant

__all__ = ["Lesson", "Variant", "Wrong", "begin", "exercise", "need", "real_number", "whole_number"]
