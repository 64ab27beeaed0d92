"""Load generator: many users of one server, every delivery checked, throughput and latency measured.

    report = await run_load("127.0.0.1", 6464, users=100, messages=10_000)
    print(report.ok, report.delivery_rate, report.latency)

`run` drives a `crowd` of `user` objects. `event_log`, `member` and `sequence_check` check every
delivery, and `faults` counts the errors. `open_loop` sends at a fixed rate, `reconnect` drops all
connections at once, `process_usage` measures the server, and `report` holds the results.
"""

from netchat.load.faults import Faults
from netchat.load.report import DropReport, FilesReport, Latency, LinkUse, LoadReport, ServerUse
from netchat.load.run import run_load

__all__ = [
    "DropReport",
    "Faults",
    "FilesReport",
    "Latency",
    "LinkUse",
    "LoadReport",
    "ServerUse",
    "run_load",
]
