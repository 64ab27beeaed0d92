"""Template of private checks: copy it as `lesson_NN.py` into a folder that the students do not have.

A private check has the arguments of the public check of its exercise, in `experiments/checks/`. They
are the values that the exercise gives, or else the student's Variant, and then the answers. It raises
`Wrong`, or calls `need`. Students read the title and the message in their feedback.

    netchat grade handed-in --checks FOLDER --report results

The points of an exercise are shared among its checks by their weights; that of the public check is 1.
With the two below, exercise 1.2 gives 1/4 of its points for the public check, 1/4 for the first and
2/4 for the second. `points.toml` in the same folder sets the points of the exercises.
"""

from typing import Any

from netchat.course import Variant, need, private_check


@private_check("1.2", "Bytes are returned")
def returns_bytes(variant: Variant, text_field: Any) -> None:
    answer = text_field("Hi")
    need(isinstance(answer, bytes), f"text_field returns {type(answer).__name__}.")


@private_check("1.2", "A random text", weight=2)
def random_text(variant: Variant, text_field: Any) -> None:
    rng = variant.random("private")  # the same for this student each time
    text = "".join(rng.choice("aé€👋") for _ in range(100))
    need(
        text_field(text)[2:] == text.encode(),
        f"The text is not in the field of {text[:10]!r}…",
        "Where does the text begin?",
    )
