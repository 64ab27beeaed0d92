"""tshark with the generated dissector, for tests."""

import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest

from netchat.packets.wireshark.dissector import DISSECTOR
from netchat.wire import MESSAGES, fields_of
from netchat.wire.fields import TEXT

TSHARK, EDITCAP = shutil.which("tshark"), shutil.which("editcap")
needs_tshark = pytest.mark.skipif(
    TSHARK is None or EDITCAP is None, reason="tshark and editcap are not installed"
)


TEXTS = {
    f"netchat.{message.NAME.lower()}.{field.name}"
    for message in MESSAGES.values()
    for field in fields_of(message)
    if field.kind is TEXT
}


def tshark(capture, *options):
    """Return the output of tshark with the dissector; fail if the dissector raises an error."""
    done = subprocess.run(
        [TSHARK, "-n", "-X", f"lua_script:{DISSECTOR}", "-r", str(capture), *options],
        capture_output=True,
        check=False,
        timeout=120,
    )
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    for text in (out, err):
        assert "Lua Error" not in text
        assert "Lua:" not in text
        assert "Dissector bug" not in text
    return out, err


def frames(capture, *options):
    """Return the NCP frames of a capture: lists of (filter name, displayed value)."""
    out, _ = tshark(capture, "-T", "pdml", *options)
    found = []
    for proto in ET.fromstring(out).iterfind("packet/proto[@name='netchat']"):
        fields = [(f.get("name"), _shown(f)) for f in proto.iter("field") if f.get("name")]
        found.append(fields)
    return found


def _shown(field):
    """Return a displayed value; for a text its bytes, because XML turns line feeds into spaces."""
    if field.get("name") in TEXTS:
        return bytes.fromhex(field.get("value"))[2:].decode()
    return field.get("show")


def values(frame, name):
    return [show for field, show in frame if field == f"netchat.{name}"]
