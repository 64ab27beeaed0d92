"""Which servers a client trusts, with real certificates and connections."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import ssl

import pytest

from netchat.chat.client_events import SessionEnded
from netchat.errors import CannotConnect, TlsError, UntrustedServer
from netchat.net.client import Client
from netchat.net.client_driver import ClientDriver
from netchat.net.probe import Probe
from netchat.net.tls.certificates import ensure_certificate
from netchat.net.tls.client import TlsClient
from netchat.net.tls.known_servers import KnownServers
from netchat.net.tls.machine_names import MachineNames, machine_names
from netchat.net.tls.server import TlsServer
from netchat.net.tls.trust import Trust, parse_fingerprint
from netchat.wire import Welcome
from tests.net.serving import serve, talker

KEY = "ab" * 32


@pytest.fixture
def tls(tmp_path) -> TlsServer:
    return TlsServer(folder=tmp_path / "tls")


@pytest.fixture
def known(tmp_path) -> KnownServers:
    return KnownServers(tmp_path / "known")


async def connect(port: int, trust: Trust, host: str = "127.0.0.1") -> None:
    """Connect with a password at hand: the client must send nothing to an impostor."""
    async with ClientDriver(host, port, "Nova", tls=TlsClient(trust)) as client:
        assert client.is_encrypted
        await client.bye()


class TestFirstUse:
    async def test_the_key_is_stored_and_the_user_told_once(self, tls, known) -> None:
        told: list[str] = []
        async with serve(tls=tls) as serving:
            for _ in range(2):
                await connect(serving.port, Trust(known=known, notify=told.append))
            stored = known.find(f"127.0.0.1:{serving.port}")
        assert stored is not None
        assert stored.fingerprint == tls.fingerprint
        assert len(told) == 1
        assert tls.fingerprint[:8] in told[0]

    async def test_a_changed_key_aborts_and_names_the_way_out(self, tls, known) -> None:
        async with serve(tls=tls) as serving:
            known.store(f"127.0.0.1:{serving.port}", KEY, "2026-11-01")
            with pytest.raises(UntrustedServer) as caught:
                await connect(serving.port, Trust(known=known))
            first, second = str(caught.value).splitlines()
            assert "has changed since 2026-11-01" in first
            assert second.endswith(f"--fingerprint {tls.fingerprint}")
            assert not serving.noted("joined")
            await connect(serving.port, Trust(known=known, fingerprint=tls.fingerprint))
            await connect(serving.port, Trust(known=known))  # accepted for good

    async def test_a_renewed_certificate_has_the_same_key(self, tmp_path, known) -> None:
        tls = TlsServer(folder=tmp_path / "tls")
        async with serve(tls=tls) as serving:
            await connect(serving.port, Trust(known=known))
            names = machine_names()
            more = MachineNames(names.host, names.names, names.addresses | {"10.9.8.7"})
            now = datetime.datetime.now(datetime.UTC)
            assert ensure_certificate(tmp_path / "tls", more, now)[1]
            assert tls.refresh() == []
            await connect(serving.port, Trust(known=known))

    async def test_a_reconnect_to_an_impostor_ends_the_session(self, tls, known, tmp_path) -> None:
        async with serve(tls=tls) as serving:
            port = serving.port
            async with talker(port, "Nova", "lobby", tls=TlsClient(Trust(known=known))) as nova:
                impostor = TlsServer(folder=tmp_path / "other")
                serving.server.tls.context = impostor.context
                nova.client.drop()
                await nova.until(lambda: bool(nova.all(SessionEnded)))
                assert "has changed" in nova.all(SessionEnded)[0].why


class TestAuthorities:
    async def test_a_certificate_of_the_ca_is_trusted(self, tls, known) -> None:
        async with serve(tls=tls) as serving:
            for host in ("127.0.0.1", "localhost"):
                await connect(serving.port, Trust(ca=tls.files.ca, known=known), host)
        assert not known.path.exists()

    async def test_one_of_another_ca_is_not(self, tls, tmp_path) -> None:
        other = TlsServer(folder=tmp_path / "other")
        async with serve(tls=tls) as serving:
            with pytest.raises(UntrustedServer, match=r"is not valid: .*\n--ca must name the CA"):
                await connect(serving.port, Trust(ca=other.files.ca))

    async def test_a_wrong_host_and_an_expired_certificate(self, tmp_path) -> None:
        names = MachineNames("nova", frozenset({"nova"}), frozenset({"10.1.2.3"}))
        now = datetime.datetime.now(datetime.UTC)
        files = ensure_certificate(tmp_path / "a", names, now)[0]
        async with serve(tls=TlsServer((files.chain, files.key))) as serving:
            with pytest.raises(UntrustedServer, match="IP address mismatch"):
                await connect(serving.port, Trust(ca=files.ca))
        early = now - datetime.timedelta(days=400)
        files = ensure_certificate(tmp_path / "b", machine_names(), early)[0]
        async with serve(tls=TlsServer((files.chain, files.key))) as serving:
            with pytest.raises(UntrustedServer, match="certificate has expired"):
                await connect(serving.port, Trust(ca=files.ca))

    def test_files_that_are_none(self, tmp_path) -> None:
        (tmp_path / "ca").write_text("nonsense")
        with pytest.raises(TlsError, match="contains no CA certificate"):
            Trust(ca=tmp_path / "ca")
        with pytest.raises(TlsError, match="Cannot read"):
            Trust(ca=tmp_path / "missing")


class TestFingerprints:
    async def test_of_the_key_or_of_the_certificate(self, tls, known) -> None:
        text = tls.files.chain.read_text()
        der = ssl.PEM_cert_to_DER_cert(text[: text.index("-----END CERTIFICATE-----") + 25])
        async with serve(tls=tls) as serving:
            for one in (tls.fingerprint, hashlib.sha256(der).hexdigest()):
                await connect(serving.port, Trust(known=known, fingerprint=one))
            with pytest.raises(UntrustedServer, match="is not the expected server"):
                await connect(serving.port, Trust(known=known, fingerprint=KEY))

    @pytest.mark.parametrize(
        "text", [KEY, KEY.upper(), f"SHA256:{KEY}", ":".join(["AB"] * 32), f"sha-256 {KEY}"]
    )
    def test_forms(self, text) -> None:
        assert parse_fingerprint(text) == KEY

    @pytest.mark.parametrize("text", ["", "ab", KEY + "00", "xy" * 32])
    def test_errors(self, text) -> None:
        with pytest.raises(ValueError, match="64 hexadecimal digits"):
            parse_fingerprint(text)

    def test_not_with_a_ca(self, tls) -> None:
        with pytest.raises(ValueError, match="cannot be combined"):
            Trust(ca=tls.files.ca, fingerprint=KEY)


async def test_a_probe_checks_too(tls, known) -> None:
    def talk(port: int) -> Welcome:
        with Probe("127.0.0.1", port, Trust(known=known)) as probe:
            welcome = probe.hello("Nova")
            assert probe.listen(0.05) == []
            probe.bye()
            return welcome

    async with serve(tls=tls) as serving:
        assert isinstance(await asyncio.to_thread(talk, serving.port), Welcome)
        known.store(f"127.0.0.1:{serving.port}", KEY, "2026-11-01")
        with pytest.raises(UntrustedServer):
            await asyncio.to_thread(talk, serving.port)
    over_plain = Trust(known=known)
    async with serve() as serving:
        with pytest.raises(CannotConnect, match="does not use TLS"):
            await asyncio.to_thread(Probe, "127.0.0.1", serving.port, over_plain)


async def test_the_client_for_programs(tls) -> None:
    async with serve(tls=tls) as serving:
        address = f"tls://127.0.0.1:{serving.port}"
        async with Client(address, name="Robot", ca=tls.files.ca) as chat:
            room = await chat.join("lobby")
            assert (await room.send("hello")).text == "hello"
    with pytest.raises(ValueError, match="need an address with tls://"):
        Client("127.0.0.1", name="Robot", ca=tls.files.ca)
