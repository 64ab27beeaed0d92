"""`netchat serve --window`: the server in a desktop window."""

from __future__ import annotations

import signal

from netchat.cli.open_display import open_display
from netchat.cli.serve_run import ServePlan
from netchat.errors import NetchatError

__all__ = ["run_in_window"]


def run_in_window(plan: ServePlan) -> None:
    """Run the server and its window until the window is closed, or SIGINT or SIGTERM arrives.

    Raises:
        NetchatError: There is no display, or the server has failed.
    """
    root = open_display("`netchat serve` without --window runs in this terminal.")
    from netchat.desktop.server_application import ServerApplication
    from netchat.desktop.server_worker import ServerWorker
    from netchat.desktop.system_theme import is_desktop_dark

    application = ServerApplication(
        root, lambda: ServerWorker(plan.run, plan.tell), is_dark=is_desktop_dark()
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: application.quit())
    application.run()
    if application.result:
        raise NetchatError(application.result)
