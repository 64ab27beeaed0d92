"""Settings of all tests.

Hypothesis tries the same few examples in every run. SIGINT gets its default handler, because a shell
that runs `make test` in the background sets it to be ignored, and the programs that the tests start
and interrupt would inherit that.
"""

import gc
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# Before the conftest.py of any folder imports netchat.
if os.environ.get("CORE_COVERAGE"):
    from tests.core_coverage import CoreCoverage

    COVERAGE: CoreCoverage | None = CoreCoverage()
else:
    COVERAGE = None

FOLDER = Path(__file__).parent

#: Tests that import what only Unix has: locks, terminals, limits on resources.
UNIX = [
    "bench/engine/test_resume.py",
    "cli/test_encode_bench.py",
    "cli/test_live_pipe.py",
    "cli/test_progress.py",
    "cli/test_serve_page.py",
    "docs/test_site.py",
    "lab/test_bridge.py",
    "lab/test_lab.py",
    "test_jit.py",
]
#: Tests that start processes or browsers, or run for seconds. `make check` leaves them out, as it does
#: every other test marked slow.
SLOW = (
    "bench/engine/",
    "bench/test_results_published.py",
    "bench/theory/test_intervals_coverage.py",
    "channel_lab/",
    "chat/test_hub_machine.py",
    "classroom/test_class_server.py",
    "classroom/test_grading_run.py",
    "cli/",
    "coding/block/test_bch.py",
    "coding/block/test_golay.py",
    "coding/block/test_ordered_statistics.py",
    "coding/block/test_reed_muller.py",
    "coding/convolutional/",
    "coding/ldpc/",
    "coding/polar/test_code.py",
    "coding/reed_solomon/test_binary.py",
    "coding/reed_solomon/test_circ.py",
    "coding/turbo/",
    "course/",
    "desktop/test_application.py",
    "desktop/test_chat_window.py",
    "desktop/test_server_application.py",
    "end_to_end/",
    "fullscreen/",
    "fuzz/",
    "lab/",
    "load/test_run.py",
    "net/cluster/test_member.py",
    "net/cluster/test_session.py",
    "net/test_udp.py",
    "packets/capture/test_live.py",
    "packets/filters/test_parser_tshark.py",
    "packets/tcp/test_tunnels.py",
    "packets/wireshark/",
    "test_jit.py",
    "tui/test_terminal.py",
    "web/test_lab_feed.py",
)
#: Files of which `make test` runs no test, as if all of them were marked thorough. Others sample the same:
#: `test_page.py` the browser, `test_crash.py` the faults.
THOROUGH = (
    "bench/engine/test_cluster.py",
    "bench/report/",
    "bench/test_results_published.py",
    "bench/theory/test_intervals_coverage.py",
    "captures/",
    "cli/test_encode.py",
    "cli/test_encode_bench.py",
    "cli/test_replay.py",
    "cli/test_streams.py",
    "compatibility/",
    "course/test_exercises_numbers.py",
    "course/test_grade.py",
    "desktop/test_collector.py",
    "docs/test_site.py",
    "docs/test_wheel.py",
    "end_to_end/test_dashboard.py",
    "end_to_end/test_front_ends.py",
    "end_to_end/test_page_accounts.py",
    "end_to_end/test_page_annotations.py",
    "end_to_end/test_page_cluster.py",
    "end_to_end/test_page_daily.py",
    "end_to_end/test_page_engines.py",
    "end_to_end/test_page_faults.py",
    "end_to_end/test_page_files.py",
    "end_to_end/test_page_hosting.py",
    "end_to_end/test_page_lab.py",
    "end_to_end/test_page_looks.py",
    "end_to_end/test_page_my_line.py",
    "end_to_end/test_page_sealed.py",
    "end_to_end/test_page_steps.py",
    "end_to_end/test_udp.py",
    "fullscreen/test_capture_run.py",
    "lab/test_lab.py",
    "laws/test_text_sinks.py",
    "net/history/test_sqlite_history_damage.py",
    "packets/decode/test_link_state.py",
    "packets/wireshark/test_dissector_damage.py",
    "packets/wireshark/test_dissector_links.py",
)
#: Files with the longest tests, which begin first: none of them is left when the others are done. Those
#: of `make test` wait for browsers, so one test process runs them while the others compute.
LONGEST = (
    "docs/test_pages.py",
    "docs/test_site.py",
    "course/test_notebook_builder.py",
    "end_to_end/test_page",
    "end_to_end/test_dashboard.py",
    "end_to_end/test_front_ends.py",
)
collect_ignore = UNIX if sys.platform == "win32" else []


def pytest_configure(config: pytest.Config) -> None:
    """Measure the coverage of the cores if `CORE_COVERAGE` is set."""
    if COVERAGE is not None:
        config.pluginmanager.register(COVERAGE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip the files of which `-m` selects nothing: importing all of them takes seconds."""
    selected = config.getoption("markexpr")
    name = _name(collection_path)
    if "not slow" in selected and name.startswith(SLOW):
        return True
    if name.startswith(THOROUGH):
        return True if "not thorough" in selected else None
    needed = {mark for mark in ("alone", "thorough") if re.search(rf"(?<!not ){mark}", selected)}
    if not needed or collection_path.suffix != ".py" or collection_path.name == "conftest.py":
        return None
    text = collection_path.read_text("utf-8")
    return any(f"mark.{mark}" not in text for mark in needed) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in the files and folders of `SLOW` and `THOROUGH`, and begin with the longest."""
    names = {path: _name(path) for path in {item.path for item in items}}
    for item in items:
        if names[item.path].startswith(SLOW):
            item.add_marker(pytest.mark.slow)
        if names[item.path].startswith(THOROUGH):
            item.add_marker(pytest.mark.thorough)
    items.sort(key=lambda item: not names[item.path].startswith(LONGEST))


def pytest_collection_finish() -> None:
    """Exempt thousands of tests and modules from every garbage collection that follows."""
    gc.freeze()


def _name(path: Path) -> str:
    """Return a path below the folder of the tests, with a slash after a folder."""
    name = path.relative_to(FOLDER).as_posix() if path.is_relative_to(FOLDER) else path.as_posix()
    return f"{name}/" if path.is_dir() else name


signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("netchat", derandomize=True, max_examples=50, deadline=None)
settings.load_profile("netchat")
