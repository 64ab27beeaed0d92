"""Run inside a namespace: captures a real client and server, as a notebook would."""

from __future__ import annotations

import subprocess
import sys

from netchat.packets import sniff

NETCHAT = (sys.executable, "-m", "netchat")


def main() -> None:
    serve = subprocess.Popen(
        [*NETCHAT, "serve", "--no-web", "--ephemeral"], stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    try:
        assert serve.stderr is not None
        while "listening" not in serve.stderr.readline():
            assert serve.poll() is None
        with sniff("lo", duration=20) as live:
            client = [*NETCHAT, "client", "--name", "Nova", "--no-state"]
            subprocess.run(
                client,
                input="one\ntwo\n",
                stdout=subprocess.DEVNULL,
                text=True,
                check=True,
                timeout=20,
            )
            for message in live.filter(type="SEND"):
                print(message.type, repr(message.fields["text"]), message.user, flush=True)
                if message.fields["text"] == "two":
                    break
    finally:
        serve.terminate()
        serve.communicate(timeout=20)


if __name__ == "__main__":
    main()
