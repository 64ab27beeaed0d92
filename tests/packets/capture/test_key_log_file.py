"""Key logs: parsing, growing files, selection for a capture."""

import pytest

from netchat.errors import CaptureError
from netchat.packets.capture import key_log_file
from netchat.packets.capture.embedded_secrets import EmbeddedSecrets
from netchat.packets.capture.key_log_file import KeyLogFile
from netchat.packets.tls.key_log import KeyLog
from tests.packets.tls_talk import TlsTalk


def line(number, label="CLIENT_TRAFFIC_SECRET_0", size=32):
    return f"{label} {bytes([number]).hex() * 32} {bytes([number + 1]).hex() * size}\n".encode()


def test_lines_that_are_no_secrets_are_ignored():
    keys = KeyLog()
    text = b"# comment\n\nCLIENT_TRAFFIC_SECRET_0 abc def\n\xff\xfe\n" + line(1, "EXPORTER_SECRET")
    assert keys.add(text + line(2) + line(3, size=48)) == 2
    assert keys.add(line(2)) == 0
    assert keys.secret(b"\2" * 32, "CLIENT_TRAFFIC_SECRET_0") == b"\3" * 32
    assert keys.randoms() == [b"\3" * 32, b"\2" * 32]
    assert "03" * 8 not in repr(keys)


def test_a_file_that_grows_is_cut_and_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(key_log_file, "_INTERVAL", 0)
    path = tmp_path / "keys.log"
    with pytest.raises(CaptureError, match="keys"):
        KeyLogFile(path)
    keys = KeyLogFile(path, is_growing=True)
    path.write_bytes(line(1) + line(2)[:50])
    keys.refresh()
    assert len(keys) == 1
    with path.open("ab") as file:
        file.write(line(2)[50:])
    keys.refresh()
    assert len(keys) == 2
    path.write_bytes(line(3))
    keys.refresh()
    assert len(keys) == 3
    other = tmp_path / "other"
    other.write_bytes(line(4))
    other.replace(path)
    keys.refresh()
    assert len(keys) == 4
    path.unlink()
    keys.refresh()
    assert len(keys) == 4


def test_only_the_secrets_of_captured_connections_are_taken():
    talk, other = TlsTalk(), TlsTalk()
    keys = KeyLog()
    keys.add(other.key_log)
    embedded = EmbeddedSecrets(keys)
    for packet in talk.talk.packets:
        embedded.look(packet.data)
    assert embedded.take() == b""
    keys.add(talk.key_log)
    taken = embedded.take()
    traffic = {row for row in talk.key_log.splitlines() if b"TRAFFIC" in row}
    assert set(taken.splitlines()) == traffic
    assert embedded.connections == 1
    assert embedded.take() == b""
