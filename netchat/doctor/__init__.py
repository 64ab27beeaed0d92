"""Checks of what this machine supports, and the commands that fix the rest.

    for check in run_checks():
        print(check.name, "ok" if check.ok else check.fix)

`netchat doctor` prints the same checks.
"""

from netchat.doctor.checks import Check, run_checks

__all__ = ["Check", "run_checks"]
