"""A server with TLS: what it accepts and refuses, and its certificate while it runs."""

from __future__ import annotations

import asyncio
import datetime
import os
import re
import shutil
import ssl
import statistics
import subprocess
import time

import pytest

from netchat.chat.client_events import SessionEnded, WarningReceived
from netchat.errors import CannotConnect, TlsError
from netchat.files import tighten
from netchat.net.client_driver import ClientDriver
from netchat.net.client_path import ClientPath
from netchat.net.tls.certificates import RENEW_DAYS, SERVER_DAYS, ensure_certificate
from netchat.net.tls.machine_names import MachineNames
from netchat.net.tls.server import TlsServer
from netchat.wire import Error, ErrorCode, Hello, encode
from tests.end_to_end.attacks import client_hello
from tests.net.serving import BrittleHistory, certificate_folder, over_tls, raw, serve, talker

NAMES = MachineNames("nova", frozenset({"localhost", "nova"}), frozenset({"127.0.0.1"}))
NOW = datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
HELLO = encode(Hello(0, bytes(16), b"", "Nova", "test", ()))


@pytest.fixture
def tls():
    with over_tls.active():
        yield over_tls.server


@pytest.fixture
def required(tls):
    tls.is_required = True
    return tls


async def reason(serving) -> str:
    """Return the text of the first refusal in the server's log."""
    async with asyncio.timeout(10):
        while not serving.noted("dismissed"):
            await asyncio.sleep(0.01)
    return serving.noted("dismissed")[0].fields["text"]


async def exchange(port: int, data: bytes, *, end: bool = False) -> bytes:
    """Send bytes and return the whole answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    if end:
        writer.write_eof()
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


class TestDetection:
    async def test_both_kinds_meet_in_one_room(self, tls) -> None:
        async with (
            serve() as serving,
            talker(serving.port, "Nova", "lobby") as nova,
            talker(serving.port, "Maya", "lobby", tls=None) as maya,
        ):
            assert nova.client.is_encrypted
            assert not maya.client.is_encrypted
            nova.say("hello")
            await maya.until(lambda: maya.texts() == ["hello"])
            assert sorted(peer.is_encrypted for peer in serving.peers) == [False, True]

    async def test_links_and_noise_run_inside_tls(self, tls) -> None:
        path = ClientPath("rs:255,223", "bsc:1e-3", 1, tls=over_tls.client())
        async with serve() as serving, talker(serving.port, "N", "lobby", path=path) as nova:
            nova.say("hello " * 100)
            await nova.until(lambda: bool(nova.texts()))
            assert nova.client.is_encrypted
            assert path.link is not None
            assert path.link.stats.corrected_symbols > 0

    async def test_frames_are_refused_where_tls_is_required(self, required) -> None:
        async with serve() as serving, raw(serving.port, ssl=None) as link:
            answer = await link.answer(HELLO)
            assert isinstance(answer, Error)
            assert answer.code == ErrorCode.UNEXPECTED
            assert "requires TLS" in answer.text
            await link.end()
            assert "requires TLS" in await reason(serving)

    async def test_a_link_is_told_so_too(self, required) -> None:
        async with serve() as serving:
            path = ClientPath("rs:255,223")
            async with ClientDriver("127.0.0.1", serving.port, "N", path=path, timeout=0) as nova:
                ended = [event async for event in nova.events() if isinstance(event, SessionEnded)]
            assert "requires TLS" in ended[0].why

    async def test_tls_where_there_is_none(self, tls) -> None:
        client = over_tls.client()
        over_tls.server = None
        async with serve() as serving:
            with pytest.raises(CannotConnect, match="does not use TLS"):
                async with ClientDriver("127.0.0.1", serving.port, "Nova", tls=client):
                    pass
            assert "TLS" in await reason(serving)

    async def test_a_busy_server_answers_before_the_handshake(self, tls) -> None:
        async with serve(max_per_address=1) as serving, talker(serving.port, "Nova"):
            with pytest.raises(CannotConnect, match="There are already 1 connections"):
                async with ClientDriver("127.0.0.1", serving.port, "Maya", tls=over_tls.client()):
                    pass

    async def test_the_warning_of_a_full_disk_is_encrypted(self, tls, tmp_path) -> None:
        history = BrittleHistory(tmp_path / "history.db")
        async with serve(history) as serving, talker(serving.port, "Nova", "lobby") as nova:
            history.full = True
            nova.say("hello")
            await nova.until(lambda: bool(nova.all(WarningReceived)))
            for options in ({}, {"ssl": None}):
                async with raw(serving.port, **options) as link:
                    link.send(HELLO)
                    await link.until(lambda link=link: bool(link.all(Error)))
                    assert link.all(Error)[0].code == ErrorCode.STORAGE
            history.full = False
            serving.server._on_trouble(None)


class TestAttacks:
    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"GET / HTTP/1.1\r\n\r\n", "a frame begins with"),
            (b"\x16\x03\x01\x00\x05\x01nope", "TLS: "),
            (b"\x16\x03\x01\xff\xff\x01" + bytes(1000), "TLS: the peer does not use TLS"),
            (b"\x16\x03\x00\x00\x2f\x01\x00\x00\x2b\x03\x00" + bytes(41), "TLS: "),  # SSL 3.0
        ],
    )
    async def test_garbage_is_one_line_in_the_log(self, tls, data, words, caplog) -> None:
        async with serve() as serving:
            await exchange(serving.port, data)
            assert words in await reason(serving)
            assert len(serving.noted("dismissed")) == 1
            assert caplog.records == []
            async with talker(serving.port, "Nova", "lobby"):
                pass

    @pytest.mark.parametrize("size", [1, 5, 6, 100])
    async def test_a_truncated_hello_leaves_nothing(self, tls, size) -> None:
        out = ssl.MemoryBIO()
        with pytest.raises(ssl.SSLWantReadError):
            over_tls.context().wrap_bio(
                ssl.MemoryBIO(), out, server_hostname="localhost"
            ).do_handshake()
        async with serve() as serving:
            assert await exchange(serving.port, out.read()[:size], end=True) == b""
            async with asyncio.timeout(10):
                while serving.peers:
                    await asyncio.sleep(0.01)

    async def test_a_handshake_that_stops_times_out(self, tls) -> None:
        async with serve(handshake_timeout=0.3) as serving:
            assert await exchange(serving.port, b"\x16\x03\x01\x02\x00\x01") == b""
            assert serving.noted("dismissed")[0].fields["code"] == "HANDSHAKE_TIMEOUT"

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is missing")
    @pytest.mark.parametrize("version", ["-tls1_2", "-tls1_1", "-tls1"])
    async def test_old_versions_get_an_alert(self, tls, version) -> None:
        async with serve() as serving:
            command = ["openssl", "s_client", "-connect", f"127.0.0.1:{serving.port}", version]
            command += ["-cipher", "ALL:@SECLEVEL=0"]
            client = await asyncio.create_subprocess_exec(
                *command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            output, _ = await client.communicate()
            assert b"alert protocol version" in output
            assert "requires TLS 1.3" in await reason(serving)

    async def test_a_flood_of_failing_handshakes_does_not_delay_the_chat(self, tls) -> None:
        hello = b"\x16\x03\x01\x00\x05\x01nope"
        async with serve(rate=0.0) as serving, talker(serving.port, "Nova", "lobby") as nova:
            flood = [asyncio.create_task(exchange(serving.port, hello)) for _ in range(300)]
            nova.say("hello")
            await nova.until(lambda: nova.texts() == ["hello"])
            await asyncio.gather(*flood)
            async with talker(serving.port, "Maya", "lobby"):
                pass

    async def test_half_open_handshakes_do_not_delay_a_member(self, tls) -> None:
        """The median echo while the server answers 200 handshakes is that of a quiet moment."""

        async def echoes(nova, count: int) -> float:
            times = []
            for _ in range(count):
                sent, known = time.perf_counter(), len(nova.texts())
                nova.say("hello")
                await nova.until(lambda known=known: len(nova.texts()) > known)
                times.append(time.perf_counter() - sent)
            return statistics.median(times)

        async with serve(rate=0.0) as serving, talker(serving.port, "Nova", "lobby") as nova:
            quiet = await echoes(nova, 20)
            opened = [await asyncio.open_connection("127.0.0.1", serving.port) for _ in range(200)]
            hello = client_hello()
            for _, writer in opened:
                writer.write(hello)
            busy = await echoes(nova, 20)
            assert busy < max(0.1, 20 * quiet)
            answers = await asyncio.gather(*(reader.read(1) for reader, _ in opened))
            assert answers == [b"\x16"] * 200  # ServerHello
            for _, writer in opened:
                writer.transport.abort()

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is missing")
    async def test_a_real_peer_changes_its_keys(self, tls) -> None:
        """`K` makes openssl send KeyUpdate and request one; frames still arrive in both directions."""
        async with serve() as serving:
            client = await asyncio.create_subprocess_exec(
                "openssl", "s_client", "-connect", f"127.0.0.1:{serving.port}", "-msg",
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            seen = b""

            async def until(words: bytes) -> None:
                nonlocal seen
                async with asyncio.timeout(20):
                    while words not in seen:
                        piece = await client.stdout.read(65536)
                        assert piece, seen
                        seen += piece

            await until(b"NewSessionTicket")
            client.stdin.write(b"K\n")
            await until(b">>> TLS 1.3, Handshake [length 0005], KeyUpdate")
            client.stdin.write(HELLO)
            await until(b"NC\x01\x02")
            assert b"<<< TLS 1.3, Handshake [length 0005], KeyUpdate" in seen
            client.kill()
            await client.wait()


async def test_sniffing_shows_no_plaintext(tls) -> None:
    """A relay between client and server, which keeps all bytes, sees neither name nor message."""
    seen = bytearray()

    async with serve() as serving:

        async def relay(reader, writer) -> None:
            far_reader, far = await asyncio.open_connection("127.0.0.1", serving.port)

            async def pump(source, sink) -> None:
                while data := await source.read(65536):
                    seen.extend(data)
                    sink.write(data)
                sink.close()

            await asyncio.gather(pump(reader, far), pump(far_reader, writer))

        middle = await asyncio.start_server(relay, "127.0.0.1", 0)
        port = middle.sockets[0].getsockname()[1]
        async with talker(port, "Supernova", "lobby") as nova:
            nova.say("a secret message")
            await nova.until(lambda: bool(nova.texts()))
        middle.close()
    assert b"\x17\x03\x03" in seen
    assert not re.search(rb"Supernova|secret|NC\x01|lobby", bytes(seen))


async def test_a_client_resumes_its_tls_session(tls) -> None:
    async with serve() as serving, talker(serving.port, "Nova", "lobby") as nova:
        assert not nova.client._connection.transport.tls.session_reused
        nova.client.drop()
        await nova.until(lambda: not nova.core.online)
        await nova.until(lambda: nova.core.online)
        assert nova.client._connection.transport.tls.session_reused


class TestCertificate:
    def server(self, tmp_path, **options) -> TlsServer:
        return TlsServer(folder=tmp_path / "tls", names=lambda: NAMES, **options)

    def test_it_is_created_once(self, tmp_path) -> None:
        first, second = self.server(tmp_path), self.server(tmp_path)
        assert "created a certificate authority" in first.notices[0]
        assert second.notices == []
        assert first.fingerprint == second.fingerprint

    @pytest.mark.skipif(os.name == "nt", reason="file modes do not control access on Windows")
    def test_the_data_directory_is_private_from_the_start(self, tmp_path) -> None:
        TlsServer(folder=tmp_path / "netchat" / "tls", names=lambda: NAMES)
        assert tighten(tmp_path / "netchat") == ""

    async def test_it_is_renewed_while_the_server_runs(self, tmp_path) -> None:
        clock = [NOW]
        tls = self.server(tmp_path, now=lambda: clock[0])
        fingerprint, before = tls.fingerprint, tls.files.chain.read_text()
        async with serve(tls=tls) as serving:
            clock[0] += (SERVER_DAYS - RENEW_DAYS + 1) * DAY
            assert tls.refresh() == ["renewed the certificate: it expires soon"]
            _, writer = await asyncio.open_connection(
                "127.0.0.1", serving.port, ssl=insecure(), server_hostname=""
            )
            served = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.close()
        assert ssl.DER_cert_to_PEM_cert(served) not in before
        assert tls.files.chain.read_text().startswith(ssl.DER_cert_to_PEM_cert(served)[:-1])
        assert tls.fingerprint == fingerprint

    def test_a_new_address_is_added_and_an_old_one_stays(self, tmp_path) -> None:
        found = [NAMES]
        tls = TlsServer(folder=tmp_path / "tls", names=lambda: found[0])
        found[0] = MachineNames("nova", NAMES.names, frozenset({"10.0.0.1"}))
        assert tls.refresh() == ["renewed the certificate: this machine has a new name or address"]
        found[0] = NAMES
        assert tls.refresh() == []

    def test_your_own(self, tmp_path) -> None:
        files = ensure_certificate(tmp_path / "tls", NAMES, NOW)[0]
        clock = [NOW]
        tls = TlsServer((files.chain, files.key), now=lambda: clock[0])
        assert tls.files.ca is None
        assert tls.refresh() == []
        clock[0] += (SERVER_DAYS - 10) * DAY
        (warning,) = tls.refresh()
        assert "expires on 2027-11-30; replace the file" in warning
        assert tls.refresh() == []  # said once
        ensure_certificate(tmp_path / "tls", NAMES, clock[0])
        assert tls.refresh() == [f"loaded the new certificate {files.chain}"]

    @pytest.mark.parametrize("missing", ["chain", "key"])
    def test_files_that_cannot_be_used(self, tmp_path, missing) -> None:
        files = ensure_certificate(tmp_path / "tls", NAMES, NOW)[0]
        other = ensure_certificate(tmp_path / "other", NAMES, NOW)[0]
        with pytest.raises(TlsError, match="Cannot use the certificate"):
            TlsServer((files.chain, other.key))
        getattr(files, missing).unlink()
        with pytest.raises(TlsError, match="Cannot read"):
            TlsServer((files.chain, files.key))

    async def test_a_renewal_that_fails_is_logged(self, tmp_path) -> None:
        tls = self.server(tmp_path)
        async with serve(tls=tls) as serving:
            tls.files.chain.unlink()
            tls.stop()
            tls._check(lambda text: serving.notes.append(text))
            assert "could not be renewed" in serving.notes[-1]


def insecure() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def test_the_key_log_decrypts_the_connection(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    tls = TlsServer(folder=certificate_folder())
    monkeypatch.delenv("SSLKEYLOGFILE")
    async with serve(tls=tls) as serving:
        over_tls.server = tls
        try:
            async with talker(serving.port, "Nova", "lobby"):
                pass
        finally:
            over_tls.server = None
    labels = {line.split()[0] for line in (tmp_path / "keys").read_text().splitlines()[1:]}
    assert {"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"} <= labels
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o600
