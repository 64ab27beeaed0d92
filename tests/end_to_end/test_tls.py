"""A server with TLS in its own process: scanners, a browser, and the commands of the client."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

import netchat
from netchat.wire import EventKind
from tests.cli.chatter import Chatter
from tests.end_to_end.browsing import CHROMIUM, needs_chromium
from tests.end_to_end.processes import ROOT, Server, free_port


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def environment(data) -> dict[str, str]:
    return {"XDG_DATA_HOME": str(data), "XDG_STATE_HOME": str(data / "state")}


@pytest.fixture(scope="module")
def server(environment):
    with Server("--ephemeral", "--tls", environment=environment) as running:
        yield running


@pytest.fixture
def ca(data, server) -> Path:
    return data / "netchat" / "tls" / "ca.crt"


def run_netchat(
    environment, *arguments: object, text: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "netchat", *map(str, arguments)],
        input=text, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


def fingerprint(server: Server) -> str:
    (found,) = re.findall(r"\b[0-9a-f]{64}\b", "".join(server.lines))[:1]
    return found


@pytest.fixture(scope="module")
def page_server(environment):
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "netchat", "serve", "--ephemeral", "--tls", "--port",
         str(free_port()), "--web-port", str(port), "--log-json"],
        cwd=ROOT, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment},
    )  # fmt: skip
    try:
        for line in process.stderr:
            entry = json.loads(line)
            if entry["event"] == "page":
                break
        yield port, entry["text"]
    finally:
        process.terminate()
        process.wait(20)
        process.stderr.close()


class TestClient:
    def test_first_use_then_silence_then_another_server(self, environment, server) -> None:
        address = f"tls://127.0.0.1:{server.port}"
        first = run_netchat(environment, "client", address, "--name", "Nova", text="hello\n")
        assert first.returncode == 0, first.stderr
        assert "Nova: hello" in first.stdout
        assert fingerprint(server)[:8] in first.stderr
        second = run_netchat(environment, "client", address, "--name", "Nova", text="hi\n")
        assert second.returncode == 0
        assert "First connection" not in second.stderr
        known = Path(environment["XDG_DATA_HOME"]) / "netchat" / "known_servers"
        known.write_text(known.read_text().replace(fingerprint(server), "ab" * 32))
        third = run_netchat(environment, "client", address, "--name", "Nova", text="secret\n")
        assert third.returncode == 3
        assert "has changed since" in third.stderr
        assert f"--fingerprint {fingerprint(server)}" in third.stderr
        known.unlink()

    def test_load_craft_and_replay(self, environment, server, ca, tmp_path) -> None:
        address = f"tls://127.0.0.1:{server.port}"
        load = run_netchat(environment, "load", address, "--users", 10, "--messages", 20,
                       "--ca", ca, "--json")  # fmt: skip
        assert json.loads(load.stdout)["complete"], load.stderr
        capture = tmp_path / "chat.pcap"
        craft = run_netchat(environment, "craft", "SEND", "text=hello", "--hello", "Ada", "--send",
                        address, "--ca", ca, "--pcap", capture)  # fmt: skip
        assert "EVENT" in craft.stdout
        replay = run_netchat(environment, "replay", capture, address, "--ca", ca, "--fast")
        assert "Sent 4 frames of 1 client" in replay.stdout, replay.stdout + replay.stderr

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("client", "tls://127.0.0.1", "--name", "N", "--udp"), "TLS does not apply to UDP"),
            (("client", "127.0.0.1", "--name", "N", "--fingerprint", "00"), "write tls:// before"),
            (("client", "tls://127.0.0.1", "--name", "N", "--fingerprint", "00"), "64 hexadecimal"),
            (("client", "tls://a,b", "--name", "N"), "before each address, or before none"),
            (("serve", "--tls", "required", "--udp"), "TLS does not apply to UDP"),
            (("serve", "--tls-cert", "x"), "must be given together"),
            (("serve", "--keylog", "x"), "--keylog needs --tls"),
            (("craft", "SEND", "--fingerprint", "00"), "require --send"),
        ],
    )
    def test_wrong_options(self, environment, arguments, words) -> None:
        done = run_netchat(environment, *arguments)
        assert done.returncode == 2
        assert words in " ".join(done.stderr.split())


class TestSealedRoomOverLink:
    """The three layers at once: a sealed room, over a link with a noisy channel, over TLS."""

    @pytest.mark.parametrize("link", ["adaptive", "rs:255,223"])
    async def test_a_terminal_and_a_program_exchange_messages(self, server, ca, link) -> None:
        options = ("--link", link, "--channel", "bsc:1e-3", "--seed", "1", "--ca", str(ca))
        with Chatter("Nova", server.port, *options, scheme="tls://") as nova:
            nova.say("/create --sealed")
            invited = re.compile(r"/join (\S+#\S+)")
            await asyncio.to_thread(nova.see, "/join ", err=True)
            (invitation,) = {m[1] for m in map(invited.search, nova.out + nova.err) if m}
            async with netchat.Client(
                f"tls://127.0.0.1:{server.port}",
                name="Ada",
                ca=ca,
                link=link,
                channel="bsc:1e-3",
                seed=2,
            ) as chat:
                room = await chat.join(invitation)
                lines = [f"line {number}" for number in range(50)]
                nova.say(*lines)
                seen = [event async for event in _messages(room, len(lines))]
                assert [(event.sender, event.text) for event in seen] == [
                    ("Nova", line) for line in lines
                ]
                assert all(event.is_sealed and not event.problems for event in seen)
                await room.rekey()
                sent = await room.send("to the terminal")
                assert sent.is_sealed
                await asyncio.to_thread(nova.see, "Ada: to the terminal")
                stats = chat._driver.path.link.stats
                assert stats.corrected_symbols > 0
            nova.say("/link")
            await asyncio.to_thread(nova.see, "; open")
            assert nova.end() == 0


async def _messages(room, count):
    """Yield the next messages of a room."""
    async for event in room.events():
        if event.kind == EventKind.CHAT:
            yield event
            count -= 1
            if not count:
                return


class TestScanners:
    @pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is missing")
    def test_openssl_verifies_and_resumes(self, server, ca, tmp_path) -> None:
        session = tmp_path / "session"
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", ca,
                   "-verify_return_error", "-verify_ip", "127.0.0.1"]  # fmt: skip

        def run(*options) -> str:
            done = subprocess.run(
                [*command, *options], input="Q\n", capture_output=True, text=True, timeout=30,
                check=False,
            )  # fmt: skip
            return done.stdout

        # The ticket is sent after the handshake: wait for it before Q.
        first = subprocess.run(
            f"(sleep 1; echo Q) | {' '.join(map(str, command))} -sess_out {session}",
            shell=True, capture_output=True, text=True, timeout=30, check=False,
        ).stdout  # fmt: skip
        assert "Verify return code: 0 (ok)" in first
        assert "New, TLSv1.3" in first
        assert "Reused, TLSv1.3" in run("-sess_in", session)
        assert "Cipher is (NONE)" in run("-tls1_2")

    @pytest.mark.skipif(shutil.which("sslscan") is None, reason="sslscan is missing")
    def test_sslscan_finds_tls_1_3_only(self, server) -> None:
        output = subprocess.run(
            ["sslscan", "--no-colour", f"127.0.0.1:{server.port}"],
            capture_output=True, text=True, timeout=120, check=True,
        ).stdout  # fmt: skip
        versions = dict(re.findall(r"(SSLv\d|TLSv[\d.]+) +(enabled|disabled)", output))
        assert versions.pop("TLSv1.3") == "enabled"
        assert set(versions.values()) == {"disabled"}
        assert "vulnerable to heartbleed" not in output.replace("not vulnerable", "")

    @pytest.mark.thorough
    @pytest.mark.skipif(shutil.which("testssl") is None, reason="testssl.sh is missing")
    def test_testssl_finds_nothing_above_low(self, server, tmp_path) -> None:
        report = tmp_path / "report.json"
        subprocess.run(
            ["testssl", "--quiet", "--color", "0", "--warnings", "off", "--jsonfile", report,
             "--protocols", "--server-preference", "--fs", "--vulnerable", "--server-defaults",
             f"127.0.0.1:{server.port}"],
            capture_output=True, timeout=500, check=False,
        )  # fmt: skip
        findings = json.loads(report.read_text())
        # A private CA has no revocation service, and is not in any trust store.
        private = re.compile(r"cert_(chain_of_trust|revocation|trust|caIssuers|crl|ocsp)|overall")
        bad = [
            one
            for one in findings
            if one["severity"] in ("MEDIUM", "HIGH", "CRITICAL") and not private.match(one["id"])
        ]
        assert bad == []
        assert any(one["id"] == "TLS1_3" and one["severity"] == "OK" for one in findings)


@needs_chromium
class TestPage:
    def test_http_is_redirected_to_a_page_over_wss(self, page_server, data) -> None:
        port, address = page_server
        assert address == f"https://127.0.0.1:{port}"
        chain = data / "netchat" / "tls" / "server.crt"
        key = subprocess.run(
            f"openssl x509 -in {chain} -pubkey -noout | openssl pkey -pubin -outform DER | "
            "openssl dgst -sha256 -binary",
            shell=True, capture_output=True, check=True,
        ).stdout  # fmt: skip
        pin = base64.b64encode(key).decode()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM,
                args=["--no-sandbox", f"--ignore-certificate-errors-spki-list={pin}"],
            )
            page = browser.new_page()
            sockets, complaints = [], []
            page.on("websocket", lambda socket: sockets.append(socket.url))
            page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
            page.goto(f"http://127.0.0.1:{port}/r/lobby")
            assert page.url == f"https://127.0.0.1:{port}/r/lobby"
            assert page.evaluate("isSecureContext && crypto.subtle !== undefined")
            page.fill("#home-name", "Nova")
            page.keyboard.press("Enter")
            page.get_by_role("textbox", name=re.compile("message", re.I)).fill("over TLS")
            page.keyboard.press("Enter")
            page.get_by_text("over TLS", exact=True).first.wait_for()
            assert sockets == [f"wss://127.0.0.1:{port}/ws"]
            assert complaints == []
            browser.close()

    def test_the_ca_can_be_fetched_without_tls(self, page_server, data) -> None:
        from urllib.request import urlopen

        with urlopen(f"http://127.0.0.1:{page_server[0]}/ca.crt") as answer:
            assert answer.headers["Content-Type"] == "application/x-x509-ca-cert"
            assert answer.read() == (data / "netchat" / "tls" / "ca.crt").read_bytes()

    @pytest.mark.parametrize("first", [b"\x16\x03\x01\x00\x05\x01nope", b"\x16", b"\x16\x03\x03"])
    def test_garbage_does_no_harm(self, page_server, first) -> None:
        async def send() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", page_server[0])
            writer.write(first)
            writer.write_eof()
            try:
                async with asyncio.timeout(20):
                    return await reader.read()
            finally:
                writer.close()

        assert b"HTTP" not in asyncio.run(send())
