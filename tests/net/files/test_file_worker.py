"""Jobs in threads, with their results on the event loop."""

import asyncio
import hashlib

from netchat.chat.file_jobs import (
    FinishPartial,
    OpenPartial,
    PartialKey,
    ReadStored,
    StoredFile,
    WritePartial,
)
from netchat.net.event_loop import run
from netchat.net.files.file_store import FileStore
from netchat.net.files.file_worker import FileWorker

DATA = b"0123456789" * 10
HASH = hashlib.sha256(DATA).digest()
KEY = PartialKey("device:1", HASH, len(DATA))


def test_jobs_run_in_order_and_errors_are_results(tmp_path):
    async def main():
        loop, results, done = asyncio.get_running_loop(), [], asyncio.Event()

        def take(job, result):
            results.append((type(job), result))
            if len(results) == 5:
                done.set()

        store = FileStore(tmp_path / "files")
        worker = FileWorker(store, loop, take)
        worker.put(OpenPartial(None, KEY))
        for at in (0, 50):
            worker.put(WritePartial(None, KEY, DATA[at : at + 50]))
        worker.put(FinishPartial(None, KEY, StoredFile(1, HASH, len(DATA), "device:1", 1)))
        worker.put("no job")
        await asyncio.wait_for(done.wait(), 20)
        assert [result for _, result in results[:4]] == [0, 50, 100, True]
        done.clear()
        results[:] = results[:4]
        worker.put(ReadStored(None, 1, HASH, 0, 10))
        await asyncio.wait_for(done.wait(), 20)
        assert len(results[4][1]) == 1
        await loop.run_in_executor(None, worker.close)

    run(main())


def test_an_unexpected_error_does_not_end_the_thread(tmp_path):
    async def main():
        results, done = [], asyncio.Event()

        def take(job, result):
            results.append(result)
            done.set()

        store = FileStore(tmp_path / "files")
        store.run = lambda job: 1 / 0
        worker = FileWorker(store, asyncio.get_running_loop(), take)
        for _ in range(2):
            worker.put(OpenPartial(None, KEY))
            await asyncio.wait_for(done.wait(), 20)
            done.clear()
        assert all(isinstance(result, OSError) for result in results)
        worker.close()

    run(main())
