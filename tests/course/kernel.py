"""`python -m tests.course.kernel`: run the notebooks named on standard input, and print their output.

Each line names the source of a lesson, which is run as students get it, and solved. The answer is one
line of JSON. One kernel runs all of them and is reset before each: starting it takes longer than most
notebooks. It is a separate process, because nbclient leaves sockets and event loops open.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import nbclient
from jupyter_core.utils import run_sync

from netchat.course.notebook_builder import notebook_of, solve

#: Timeout of a cell in seconds, for slow machines; a whole notebook should take less than a minute.
TIMEOUT = 100


class Kernel:
    """Kernel that runs one notebook after another."""

    def __init__(self) -> None:
        self._manager: Any = None

    def output(self, notebook: Any, folder: Path) -> str:
        """Run a notebook in a folder and return what its cells print.

        Raises:
            CellExecutionError: A cell raised an exception.
        """
        where = {"metadata": {"path": str(folder)}}
        client = nbclient.NotebookClient(
            notebook, km=self._manager, timeout=TIMEOUT, resources=where
        )
        self._manager = client.km or client.create_kernel_manager()
        with client.setup_kernel(cleanup_kc=False):
            client.kc.execute("%reset -f", silent=True)
            for index, cell in enumerate(notebook.cells):
                client.execute_cell(cell, index)
        return "".join(map(_printed, notebook.cells))

    def close(self) -> None:
        """End the kernel, if one runs."""
        if self._manager is not None:
            run_sync(self._manager.shutdown_kernel)(now=True)


def main() -> None:
    kernel = Kernel()
    try:
        for line in sys.stdin:
            lesson = Path(line.rstrip("\n"))
            forms = {"student": notebook_of, "solved": solve}
            try:
                result = {
                    form: kernel.output(make(lesson), lesson.parent) for form, make in forms.items()
                }
            except nbclient.exceptions.CellExecutionError as error:
                result = {"error": str(error)}
            print(json.dumps(result), flush=True)
    finally:
        kernel.close()


def _printed(cell: Any) -> str:
    return "".join(o.text for o in cell.get("outputs", ()) if o.output_type == "stream")


if __name__ == "__main__":
    main()
