"""Child processes end with their parent, even if it is killed."""

import subprocess
import sys

import psutil

PARENT = """
import subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-m", "netchat.cli.child", "serve", "--ephemeral", "--no-web", "--port", "0"],
    stdin=subprocess.PIPE, stderr=subprocess.PIPE,
)
child.stderr.readline()
print(child.pid, flush=True)
child.wait()
"""


def test_a_server_ends_when_its_parent_is_killed():
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        server = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    psutil.wait_procs([server], timeout=60)
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
