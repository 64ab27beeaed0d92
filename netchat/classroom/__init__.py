"""Management of a class: grading with a roster, results for learning platforms, and its set-up.

Grading: `grading_run` grades notebooks in parallel; `roster` and `gradebook` attribute them to
students; `points` and `similarity` weigh and compare them; `exports`, `feedback` and `report` write the
results.

Set-up: `class_folder` creates the folder of a class, `class_pages` its printable pages, and
`own_wheel` the wheel that students install.
"""
