"""Support code for the lessons in `experiments/` and for their self-checks.

    from netchat.course import begin

    course = begin(1, student="Ada")   # the first cell of a notebook
    course.given("1.1")                # the values that the exercise gives to this student
    course.check("1.1", 12, 17)        # prints whether the answer is right

A notebook uses `lesson`, the pictures and curves (`pictures`, `code_pictures`, `graph_pictures`,
`curves`, `style`), and local servers (`server`, `server_process`). Checks use `exercises`, `variant`,
`conversation`, `segments`, `tls_model` and `cluster_model`. `notebook_builder` generates the notebooks.
The grader consists of `grade` (all notebooks), `grading_process` (one notebook's checks) and
`student_process`, `student_program` and `sandbox` (its cells).

`experiments/README.md` explains how to write lessons, checks and solutions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netchat.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from netchat.course.capture import Capture
    from netchat.course.cluster_model import (
        LINES,
        ClusterRun,
        LoggedBatch,
        Said,
        counted_batches,
        run_cluster,
    )
    from netchat.course.code_pictures import cube, timeline, two_states
    from netchat.course.conversation import LOBBY, SimulatedConversation
    from netchat.course.curves import Estimate, bench_curve, error_axes, measured
    from netchat.course.exercises import (
        NotAnswered,
        Wrong,
        exercise,
        need,
        real_number,
        whole_number,
    )
    from netchat.course.graph_pictures import tanner, trellis
    from netchat.course.lesson import Lesson, begin
    from netchat.course.pictures import bit_grid, byte_grid, ladder, nested
    from netchat.course.private_checks import private_check
    from netchat.course.remote_code import as_code
    from netchat.course.segments import SegmentData, cut, impair, one_way
    from netchat.course.server import LocalServer
    from netchat.course.server_process import ServerProcess
    from netchat.course.style import COLOURS, Picture, plot, show
    from netchat.course.tls_model import (
        EncryptedRecord,
        EncryptedTraffic,
        client_hello,
        encrypted_traffic,
        protect,
        tls_record,
    )
    from netchat.course.variant import Variant
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "capture": "Capture",
            "cluster_model": "LINES ClusterRun LoggedBatch Said counted_batches run_cluster",
            "code_pictures": "cube timeline two_states",
            "conversation": "LOBBY SimulatedConversation",
            "curves": "Estimate bench_curve error_axes measured",
            "exercises": "NotAnswered Wrong exercise need real_number whole_number",
            "graph_pictures": "tanner trellis",
            "lesson": "Lesson begin",
            "pictures": "bit_grid byte_grid ladder nested",
            "private_checks": "private_check",
            "remote_code": "as_code",
            "segments": "SegmentData cut impair one_way",
            "server": "LocalServer",
            "server_process": "ServerProcess",
            "style": "COLOURS Picture plot show",
            "tls_model": "EncryptedRecord EncryptedTraffic client_hello encrypted_traffic protect tls_record",
            "variant": "Variant",
        },
    )

__all__ = [
    "COLOURS",
    "LINES",
    "LOBBY",
    "Capture",
    "ClusterRun",
    "EncryptedRecord",
    "EncryptedTraffic",
    "Estimate",
    "Lesson",
    "LocalServer",
    "LoggedBatch",
    "NotAnswered",
    "Picture",
    "Said",
    "SegmentData",
    "ServerProcess",
    "SimulatedConversation",
    "Variant",
    "Wrong",
    "as_code",
    "begin",
    "bench_curve",
    "bit_grid",
    "byte_grid",
    "client_hello",
    "counted_batches",
    "cube",
    "cut",
    "encrypted_traffic",
    "error_axes",
    "exercise",
    "impair",
    "ladder",
    "measured",
    "need",
    "nested",
    "one_way",
    "plot",
    "private_check",
    "protect",
    "real_number",
    "run_cluster",
    "show",
    "tanner",
    "timeline",
    "tls_record",
    "trellis",
    "two_states",
    "whole_number",
]
