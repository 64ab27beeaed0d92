"""Copies without secrets: nothing of a secret remains, and everything else does."""

import gzip
import shutil
import stat
import subprocess

import pytest

from netchat.errors import CaptureError
from netchat.packets import PcapngWriter, PcapWriter, read_capture, read_packets
from netchat.packets.capture.strip import strip_secrets
from tests.packets.tls_talk import TlsTalk


@pytest.fixture(scope="module")
def talk():
    talk = TlsTalk()
    talk.say(0, b"hello")
    return talk


def write(path, talk):
    with PcapngWriter(path) as out:
        for packet in talk.talk.packets[:3]:
            out.write(packet, "a comment")
        out.secrets(talk.key_log)
        for packet in talk.talk.packets[3:]:
            out.write(packet)


def assert_no_secret(data, talk):
    for row in talk.key_log.split()[2::3]:
        for form in (row, row.upper(), bytes.fromhex(row.decode())):
            assert form not in data
            assert form[:16] not in data


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_byte_search_finds_no_secret(tmp_path, talk, suffix):
    source, target = tmp_path / f"in.pcapng{suffix}", tmp_path / "out.pcapng"
    write(source, talk)
    assert any(getattr(item, "is_decrypted", False) for item in read_capture(source))
    assert strip_secrets(source, target) == (1, 0)
    data = target.read_bytes()
    assert_no_secret(data, talk)
    assert b"a comment" in data
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(read_packets(target)) == list(read_packets(source))
    assert not any(getattr(item, "is_decrypted", False) for item in read_capture(target))


def test_a_damaged_end_is_left_out(tmp_path, talk):
    source, target = tmp_path / "in.pcapng", tmp_path / "out.pcapng"
    write(source, talk)
    whole = source.read_bytes()
    at = whole.index(talk.key_log)
    source.write_bytes(whole[: at + 200])
    stripped = strip_secrets(source, target)
    assert stripped.blocks == 0
    assert stripped.rest > 200
    assert_no_secret(target.read_bytes(), talk)
    source.write_bytes(whole[: at - 12] + b"\xff" * 8 + whole[at - 4 :])
    assert strip_secrets(source, target).rest > 0
    assert_no_secret(target.read_bytes(), talk)


def test_other_files(tmp_path, talk):
    source, target = tmp_path / "in.pcap", tmp_path / "out.pcap.gz"
    with PcapWriter(source) as out:
        for packet in talk.talk.packets:
            out.write(packet)
    assert strip_secrets(source, target) == (0, 0)
    assert gzip.decompress(target.read_bytes()) == source.read_bytes()
    with pytest.raises(CaptureError, match="itself"):
        strip_secrets(source, source)
    with pytest.raises(CaptureError, match="missing"):
        strip_secrets(tmp_path / "missing", target)


@pytest.mark.skipif(shutil.which("editcap") is None, reason="editcap is not installed")
def test_secrets_that_editcap_injected_are_read(tmp_path, talk):
    plain, log, full = tmp_path / "plain.pcapng", tmp_path / "keys", tmp_path / "full.pcapng"
    with PcapngWriter(plain) as out:
        for packet in talk.talk.packets:
            out.write(packet)
    log.write_bytes(talk.key_log)
    subprocess.run(["editcap", "--inject-secrets", f"tls,{log}", plain, full], check=True)
    assert any(getattr(item, "is_decrypted", False) for item in read_capture(full))
    assert strip_secrets(full, tmp_path / "out.pcapng").blocks == 1
    assert_no_secret((tmp_path / "out.pcapng").read_bytes(), talk)
