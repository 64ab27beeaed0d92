"""The catalogue of files, and its quotas."""

from netchat.chat.file_catalog import FileCatalog
from netchat.chat.file_jobs import PartialKey, StoredFile
from netchat.chat.settings import Settings

HASH, OTHER = bytes(32), bytes(31) + b"\1"


def stored(log=1, sha256=HASH, size=100, owner="device:1", time=5):
    return StoredFile(log, sha256, size, owner, time)


def catalog(*files, quota=1000, space=10_000):
    return FileCatalog(Settings(file_quota=quota, file_space=space), files)


def test_a_file_is_found_in_its_room_only():
    found = catalog(stored())
    assert found.find(1, HASH, 100) == stored()
    assert found.find(2, HASH, 100) is None
    assert found.find(1, HASH, 101) is None
    assert found.get(1, HASH) == stored()


def test_a_file_of_two_rooms_is_deleted_with_the_second():
    one, two = stored(1), stored(2)
    found = catalog(one, two)
    assert found.remove([one]) == ()
    assert found.remove([two]) == (HASH,)
    assert not found.quota_problem(PartialKey("device:1", OTHER, 1000))


def test_the_quota_of_a_user():
    found = catalog(stored(size=600))
    assert "600 bytes of 1.0 kB" in found.quota_problem(PartialKey("device:1", OTHER, 401))
    assert found.quota_problem(PartialKey("device:1", OTHER, 400)) == ""
    assert found.quota_problem(PartialKey("device:2", OTHER, 1000)) == ""


def test_incomplete_uploads_count():
    found, key = catalog(), PartialKey("device:1", OTHER, 900)
    found.begin(key, 1)
    found.begin(key, 2)
    assert found.partials == {key: 2}
    assert found.quota_problem(key) == ""  # it continues
    assert found.quota_problem(PartialKey("device:1", HASH, 200))
    found.end(key)
    found.end(key)
    assert found.quota_problem(PartialKey("device:1", HASH, 1000)) == ""


def test_the_space_of_all_counts_each_content_once():
    found = catalog(stored(1, size=800), stored(2, size=800, owner="device:2"), space=1000)
    assert found.quota_problem(PartialKey("device:3", OTHER, 200)) == ""
    problem = found.quota_problem(PartialKey("device:3", OTHER, 201))
    assert problem.startswith("The files of all users take up 800 bytes of 1.0 kB")


def test_a_new_time_and_another_owner():
    found = catalog(stored(size=600))
    found.add(stored(size=600, owner="device:2", time=9))
    assert found.get(1, HASH) == stored(size=600, owner="device:2", time=9)
    assert found.quota_problem(PartialKey("device:1", OTHER, 1000)) == ""
    assert found.quota_problem(PartialKey("device:2", OTHER, 500))


def test_expired_files_and_those_of_rooms_that_are_gone():
    old, new, gone = stored(time=5), stored(sha256=OTHER, time=9), stored(log=2, time=9)
    found = catalog(old, new, gone)
    assert found.expired(6, {1}) == [old, gone]
    assert found.in_room(2) == [gone]
