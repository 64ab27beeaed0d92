"""`python -m tests.course.kernel LESSON...`: run notebooks in one kernel, and print their output.

Each lesson is run as students get it, and solved. One kernel runs all of them and is reset before
each: starting one takes longer than most notebooks. It is a separate process, because nbclient leaves
sockets and event loops open.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import nbclient
from jupyter_core.utils import run_sync

from netchat.course.notebook_builder import notebook_of, solve

#: Timeout of a cell in seconds, for slow machines; a whole notebook should take less than a minute.
TIMEOUT = 100


def main(lessons: list[Path]) -> None:
    manager: Any = None
    for lesson in lessons:
        result: dict[str, Any] = {"lesson": lesson.stem}
        for form, notebook in (("student", notebook_of(lesson)), ("solved", solve(lesson))):
            begun = time.monotonic()
            where = {"metadata": {"path": str(lesson.parent)}}
            client = nbclient.NotebookClient(notebook, km=manager, timeout=TIMEOUT, resources=where)
            manager = client.km or client.create_kernel_manager()
            with client.setup_kernel(cleanup_kc=False):
                client.kc.execute("%reset -f", silent=True)
                for index, cell in enumerate(notebook.cells):
                    client.execute_cell(cell, index)
            result[form] = "".join(map(_printed, notebook.cells))
            result[f"{form}_seconds"] = round(time.monotonic() - begun, 1)
        print(json.dumps(result), flush=True)
    run_sync(manager.shutdown_kernel)(now=True)


def _printed(cell: Any) -> str:
    return "".join(o.text for o in cell.get("outputs", ()) if o.output_type == "stream")


if __name__ == "__main__":
    main([Path(name).resolve() for name in sys.argv[1:]])
