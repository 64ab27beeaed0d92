"""Files on the disk of a client, sent through a real server."""

import asyncio
import contextlib
import hashlib
import os

import pytest

import netchat
from netchat.chat.client_events import FileEnded, FileProgress
from netchat.chat.settings import Settings
from netchat.errors import NetchatError, Refused
from netchat.net.client_driver import ClientDriver
from netchat.net.client_store import ClientStore
from netchat.net.event_loop import run
from netchat.net.files import client_transfers
from netchat.net.files.client_transfers import free_path
from netchat.wire import ErrorCode, EventKind
from netchat.wire.file_offers import FileOffer, parse_offer

DATA = os.urandom(400_000)


@contextlib.asynccontextmanager
async def chat(*names, settings=None, history=None):
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            netchat.Server(port=0, settings=settings, history=history)
        )
        clients = [
            await stack.enter_async_context(netchat.Client(server.address, name=name))
            for name in names
        ]
        yield server, *clients


async def next_file(room):
    async for event in room.events():
        if event.kind == EventKind.FILE:
            return event
    raise AssertionError("the room has ended")


def limited(main):
    run(asyncio.wait_for(main(), 30))


@pytest.mark.parametrize("size", [0, 1, 400_000])
@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_file_is_sent_and_saved(tmp_path, size, is_sealed):
    async def main():
        source = tmp_path / "holiday photo.png"
        source.write_bytes(DATA[:size])
        async with chat("Nova", "Sourav") as (_, nova, sourav):
            room = await (nova.create(sealed=True) if is_sealed else nova.join("lobby"))
            other = await sourav.join(room.invitation)
            sent, saved = [], []
            event = await room.send_file(source, progress=lambda *n: sent.append(n))
            assert event.kind == EventKind.FILE
            offer = parse_offer(event.text)
            assert (offer.name, offer.media_type, offer.size) == (source.name, "image/png", size)
            assert bool(offer.key) == is_sealed
            received = await next_file(other)
            (tmp_path / "in").mkdir()
            path = await sourav.save_file(
                received, tmp_path / "in", progress=lambda *n: saved.append(n)
            )
            assert path == tmp_path / "in" / source.name
            assert path.read_bytes() == DATA[:size]
            assert sent[-1][0] == sent[-1][1] == saved[-1][0] == saved[-1][1]
            again = await sourav.save_file(received, tmp_path / "in" / source.name)
            assert again.name == "holiday photo (2).png"
            assert [p.name for p in (tmp_path / "in").iterdir() if p.name.startswith(".")] == []

    limited(main)


def test_problems_are_raised(tmp_path):
    async def main():
        source = tmp_path / "a"
        source.write_bytes(DATA)
        async with chat("Nova", settings=Settings(max_file=1000)) as (_, nova):
            room = await nova.join("lobby")
            with pytest.raises(Refused, match="at most") as refused:
                await room.send_file(source)
            assert refused.value.code == ErrorCode.FILE_TOO_LARGE
            with pytest.raises(NetchatError, match="No such file"):
                await room.send_file(tmp_path / "missing")
            with pytest.raises(NetchatError, match="is a folder"):
                await room.send_file(tmp_path)
            with pytest.raises(ValueError, match="offers no file"):
                await nova.save_file(await room.send("hello"))
            source.write_bytes(b"abc")
            event = await room.send_file(source, name="../x/b.txt", media_type="text/plain")
            with pytest.raises(NetchatError, match="Cannot create"):
                await nova.save_file(event, tmp_path / "no folder" / "b")
            target = await nova.save_file(event, tmp_path)
            assert target == tmp_path / "b.txt"
            await room.leave()
            with pytest.raises(Refused):
                await room.send_file(source)
            with pytest.raises(Refused) as refused:
                await nova.save_file(event, tmp_path / "c")
            assert refused.value.code == ErrorCode.NOT_A_MEMBER

    limited(main)


def test_a_server_without_files(tmp_path):
    async def main():
        (tmp_path / "a").write_bytes(b"abc")
        async with chat("Nova", settings=Settings(files=0)) as (_, nova):
            room = await nova.join("lobby")
            with pytest.raises(Refused, match="does not transfer files"):
                await room.send_file(tmp_path / "a")

    limited(main)


def test_a_file_that_changes_while_it_is_sent(tmp_path, monkeypatch):
    async def main():
        source = tmp_path / "a"
        source.write_bytes(DATA)
        prepare = client_transfers._SourceFile.prepare

        def prepare_and_change(self, offer):
            prepare(self, offer)
            with source.open("ab") as file:
                file.write(b"more")

        monkeypatch.setattr(client_transfers._SourceFile, "prepare", prepare_and_change)
        async with chat("Nova") as (_, nova):
            room = await nova.join("lobby")
            with pytest.raises(NetchatError, match="has changed while it was being sent"):
                await room.send_file(source)
            source.write_bytes(DATA)
            monkeypatch.setattr(
                client_transfers._SourceFile, "_stamped", lambda _: (len(DATA), os.urandom(4))
            )
            monkeypatch.setattr(client_transfers._SourceFile, "prepare", prepare)

    limited(main)


def test_saved_bytes_are_verified(tmp_path):
    async def main():
        source = tmp_path / "a"
        source.write_bytes(DATA)
        async with chat("Nova", history=tmp_path / "h.db") as (_, nova):
            room = await nova.join("lobby")
            event = await room.send_file(source)
            digest = hashlib.sha256(DATA).hexdigest()
            (stored,) = (tmp_path / "h.db.files").rglob(digest)
            stored.write_bytes(DATA[:-1] + b"?")
            with pytest.raises(NetchatError, match="SHA-256"):
                await nova.save_file(event, tmp_path / "b")
            sealed = await nova.create(sealed=True)
            event = await sealed.send_file(source)
            digest = parse_offer(event.text).sha256.hex()
            (stored,) = (tmp_path / "h.db.files").rglob(digest)
            stored.write_bytes(bytes(stored.stat().st_size))
            with pytest.raises(NetchatError, match="part 1 of the file was changed"):
                await nova.save_file(event, tmp_path / "b")
            assert sorted(p.name for p in tmp_path.iterdir() if p.name.endswith(("b", "part"))) == [
                "h.db"
            ]

    limited(main)


def test_a_partial_file_is_continued(tmp_path):
    async def main():
        source = tmp_path / "a"
        source.write_bytes(DATA)
        async with chat("Nova") as (_, nova):
            for room in (await nova.join("lobby"), await nova.create(sealed=True)):
                event = await room.send_file(source)
                offer = parse_offer(event.text)
                partial = tmp_path / f".netchat-{offer.sha256.hex()[:16]}.part"
                partial.write_bytes(DATA[:150_000])
                begun = []
                path = await nova.save_file(
                    event, tmp_path / "b", progress=lambda done, _, begun=begun: begun.append(done)
                )
                assert path.read_bytes() == DATA
                assert begun[0] >= 131_072
                partial.write_bytes(DATA + b"too long")
                assert (await nova.save_file(event, tmp_path / "c")).read_bytes() == DATA

    limited(main)


def test_a_cancelled_call_ends_the_transfer(tmp_path):
    async def main():
        source = tmp_path / "a"
        source.write_bytes(DATA)
        async with chat("Nova") as (_, nova):
            room = await nova.join("lobby")
            nova._core.files.take_reads = list  # nothing is sent
            task = asyncio.create_task(room.send_file(source))
            while not nova._transfers:
                await asyncio.sleep(0.001)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert not nova._core.files.is_busy

    limited(main)


def test_an_upload_continues_after_a_restart_of_the_client(tmp_path):
    async def main():
        source = tmp_path / "a.bin"
        source.write_bytes(DATA)
        async with chat("Sourav") as (server, sourav):
            other = await sourav.join("lobby")
            for is_changed in (False, True):
                source.write_bytes(DATA + str(is_changed).encode())  # not a file that the room has
                store = ClientStore(tmp_path / f"state{is_changed}.db")
                first = ClientDriver(*server.address, "Nova", store=store)
                async with first:
                    first.core.join("lobby")
                    first.flush()
                    while "lobby" not in first.core.memory.rooms:
                        await asyncio.sleep(0.001)
                    first.core.files.take_reads = list
                    await first.files.send("lobby", source)
                store.close()
                if is_changed:
                    source.write_bytes(DATA + b"x")
                store = ClientStore(tmp_path / f"state{is_changed}.db")
                second = ClientDriver(*server.address, "Nova", store=store)
                async with second:
                    events = second.events()
                    end = await anext(e async for e in events if isinstance(e, FileEnded))
                    assert end.why == (
                        "the file has changed while it was being sent" if is_changed else ""
                    )
                    await second.bye()
                store.close()
            assert (await next_file(other)).sender == "Nova"

    limited(main)


def test_sending_in_the_background_reports_in_any_case(tmp_path):
    async def main():
        source = tmp_path / "a"
        source.write_bytes(DATA)
        async with chat("Nova", "Sourav") as (server, _, sourav):
            driver = ClientDriver(*server.address, "Lea")
            async with driver:
                events = driver.events()

                async def end():
                    return await anext(e async for e in events if isinstance(e, FileEnded))

                driver.files.start_sending("", source, to="sourav")
                assert driver.files.is_busy
                done = await end()
                assert (done.why, done.is_upload) == ("", True)
                private = next(iter(driver.core.memory.rooms))
                driver.files.start_sending("", source, to="Missing")
                assert (await end()).code == ErrorCode.NO_SUCH_USER
                driver.files.start_sending("nowhere", source)
                assert (await end()).code == ErrorCode.NOT_A_MEMBER
                while not sourav.rooms:
                    await asyncio.sleep(0.001)
                event = await next_file(next(iter(sourav.rooms.values())))
                offer = parse_offer(event.text)
                assert offer.key, "the conversation is sealed"
                driver.files.start_saving(private, offer, tmp_path / "b")
                driver.files.start_saving(private, offer, tmp_path / "b")
                ends = sorted([(await end()).why, (await end()).why])
                assert ends == ["", "a is already being saved there."]
                await driver.bye()

    limited(main)


def test_two_processes_do_not_write_to_the_same_partial_file(tmp_path):
    offer = FileOffer(5, bytes(32), "", "a")
    first = client_transfers._TargetFile(tmp_path / "a", offer)
    second = client_transfers._TargetFile(tmp_path / "a", offer)
    assert len(list(tmp_path.iterdir())) == 2
    for target in (first, second):
        target.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("udp", [False, True])
def test_a_file_arrives_over_a_noisy_link_that_is_cut(tmp_path, udp):
    async def main():
        source = tmp_path / "photo.jpg"
        source.write_bytes(DATA)
        noisy = {"link": "rs:255,223", "channel": "bsc:1e-3", "udp": udp, "seed": 1}
        async with (
            netchat.Server(port=0, udp=True) as server,
            netchat.Client(server.address, name="Nova", **noisy) as nova,
            netchat.Client(server.address, name="Sourav", **noisy) as sourav,
        ):
            room, other = await nova.join("lobby"), await sourav.join("lobby")
            cuts = []

            def cut(client):
                def report(done, _):
                    if done > 50_000 and client not in cuts:
                        cuts.append(client)
                        client._driver.drop()

                return report

            event = await room.send_file(source, progress=cut(nova))
            assert (await next_file(other)).seq == event.seq
            path = await sourav.save_file(event, tmp_path / "in.jpg", progress=cut(sourav))
            assert path.read_bytes() == DATA
            assert cuts == [nova, sourav]

    limited(main)


def test_free_paths(tmp_path):
    path = tmp_path / "a.tar.gz"
    assert free_path(path) == path
    path.symlink_to("nowhere")
    assert free_path(path).name == "a.tar (2).gz"


def test_progress_has_its_own_type():
    assert FileProgress(1, "lobby", "a", True, 1, 2).is_paused is False
