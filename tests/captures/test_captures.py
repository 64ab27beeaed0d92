"""The committed captures: their contents, by netchat and by tshark, and their size."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from netchat.chat.sealing.room_secret import secret_words, show_secret
from netchat.cli.main import cli
from netchat.packets import (
    Block,
    Damage,
    DecodedMessage,
    Decoder,
    Gap,
    Notice,
    TlsRecord,
    read_packets,
)
from netchat.wire import MESSAGES, ErrorCode, EventKind
from tests.captures.scenes import ROOM_SECRETS, SCENES
from tests.packets.sharks import TSHARK, frames, needs_tshark, tshark

BY_NAME = {kind.NAME: kind for kind in MESSAGES.values()}
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "captures"

#: Conversations; messages said (SEND); retransmissions, segments out of order, gaps, damage.
EXPECTED = {
    "two-users": (2, 3, 0, 0, 0, 0),
    "room-of-three": (3, 3, 0, 0, 0, 0),
    "resume": (3, 3, 0, 0, 0, 0),
    "retransmission": (1, 3, 1, 0, 0, 0),
    "reordered": (1, 3, None, 1, 0, 0),
    "gaps": (1, 6, 0, 0, 4, 0),
    "name-refused": (2, 1, 0, 0, 0, 0),
    "bad-crc": (1, 0, 0, 0, 0, 1),
    "ipv6": (2, 3, 0, 0, 0, 0),
    "link": (2, 3, 0, 0, 0, 0),
    "link-noisy": (1, 8, 0, 0, 0, 0),
    "link-udp": (1, 3, 0, 0, 0, 0),
    "tls": (2, 3, 0, 0, 0, 0),
    "tls-without-keys": (2, 0, 0, 0, 0, 0),
    "sealed": (2, 0, 0, 0, 0, 0),
}


def path_of(name):
    return FOLDER / f"{name}.pcapng"


def decode(name):
    decoder, items = Decoder(), []
    for packet in read_packets(path_of(name), decoder.keys.add):
        items += decoder.feed(packet)
    return decoder, items + decoder.finish()


def messages(items, name):
    said = [i.message for i in items if isinstance(i, DecodedMessage)]
    return [message for message in said if type(message) is BY_NAME[name]]


def total(items, name):
    said = {item.conversation for item in items}
    return sum(getattr(c.to_server, name) + getattr(c.to_client, name) for c in said)


def shark(name, wanted, field="frame.number"):
    done = subprocess.run(
        [TSHARK, "-n", "-r", str(path_of(name)), "-Y", wanted, "-T", "fields", "-e", field],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout.split()


def test_every_scene_has_a_capture_and_a_line_in_the_readme():
    names = {path.stem for path in FOLDER.glob("*.pcapng")}
    assert names == set(SCENES) == set(EXPECTED)
    readme = (FOLDER / "README.md").read_text()
    for name in names:
        assert f"| `{name}.pcapng` | " in readme
        assert path_of(name).stat().st_size < 200_000


@pytest.mark.parametrize("name", EXPECTED)
def test_contents_of_each_capture(name):
    decoder, items = decode(name)
    conversations, said, repeated, disordered, gaps, damaged = EXPECTED[name]
    assert decoder.conversations == conversations
    assert not decoder.skipped
    assert len(messages(items, "SEND")) == said
    if repeated is not None:
        assert total(items, "retransmissions") == repeated
    assert total(items, "out_of_order") == disordered
    assert sum(isinstance(i, Gap) for i in items) == gaps == total(items, "gaps")
    assert sum(isinstance(i, Damage) for i in items) == damaged
    assert all(i.event in ("opened", "closed", "reset") for i in items if isinstance(i, Notice))
    if not gaps:
        chats = [m for m in messages(items, "EVENT") if m.kind == EventKind.CHAT]
        assert {m.text for m in messages(items, "SEND")} == {m.text for m in chats}


def test_each_capture_shows_its_scene():
    _, items = decode("resume")
    assert [w.resumed for w in messages(items, "WELCOME")].count(1) == 1
    assert sum(isinstance(i, Notice) and i.event == "reset" for i in items) == 1
    _, items = decode("name-refused")
    (refused,) = messages(items, "ERROR")
    assert refused.code == ErrorCode.NAME_TAKEN
    assert [h.name for h in messages(items, "HELLO")] == ["Nova", "nova", refused.suggestion]
    _, items = decode("bad-crc")
    (damage,) = (i for i in items if isinstance(i, Damage))
    assert (damage.cause, damage.error) == ("frame", "BadChecksum")
    assert messages(items, "ERROR")[0].code == ErrorCode.BAD_FRAME
    _, items = decode("room-of-three")
    assert len(messages(items, "LEAVE")) == 1
    late = [m for m in messages(items, "EVENT") if m.text.startswith("Lyra no longer")]
    assert len(late) == 2
    _, items = decode("ipv6")
    assert all(":" in i.conversation.client[0] for i in items)


@pytest.mark.parametrize(
    ("name", "code"),
    [("link", "rs:255,223"), ("link-noisy", "rs:255,251"), ("link-udp", "rs:255,223")],
)
def test_the_blocks_of_a_link(name, code):
    _, items = decode(name)
    (link,) = {item.conversation.link for item in items if item.conversation.user == "Nova"}
    blocks = [item for item in items if isinstance(item, Block)]
    data = [block for block in blocks if block.header.kind.name == "DATA"]
    assert {block.code for block in data} == {code}
    # The client damages outgoing bytes before the wire, and incoming ones after it.
    assert link.to_server.corrected > 0
    assert link.to_client.corrected == link.to_client.failed == link.to_client.wrong_bits == 0
    assert {item.conversation.link for item in items} == (
        {link, None} if name == "link" else {link}
    )
    if name == "link-noisy":
        assert link.to_server.failed > 0
        assert link.to_server.again > 0
        assert link.to_client.again > 0
    elif name == "link-udp":
        kinds = [block.header.kind.name for block in blocks]
        assert kinds[:4] == ["OPEN", "CHALLENGE", "OPEN", "ACCEPT"]
        assert (link.to_server.failed, link.to_server.again) == (0, 1)
    else:
        assert link.to_server.failed == 0
        said = [item for item in items if isinstance(item, DecodedMessage) and item.type == "SEND"]
        assert all(not item.repeated for item in said)


def test_tls_with_and_without_its_secrets():
    """The copy has no secret: no 32 bytes of one, as bytes or as text."""
    logs = []
    assert list(read_packets(path_of("tls"), logs.append))
    lines = [line.split() for log in logs for line in log.decode().splitlines()]
    assert len({random for _, random, _ in lines}) == 2
    assert len(lines) == 8
    _, items = decode("tls")
    assert not [item.reason for item in items if isinstance(item, TlsRecord) and item.reason]
    _, items = decode("tls-without-keys")
    hidden = [item for item in items if isinstance(item, TlsRecord) and item.reason]
    assert {item.reason for item in hidden} == {"no key"}
    assert len(hidden) > 20
    assert not list(read_secrets("tls-without-keys"))


#: Texts of the sealed room in their order; the last one has the second secret.
SEALED_TEXTS = (
    "Only our devices can read this.",
    "Not even the server? 🔒",
    "Not even the server.",
    "Orion has left, so this has a new secret.",
)


@pytest.mark.parametrize("known", [0, 1, 2])
def test_the_secrets_of_the_sealed_room_show_its_words(known):
    """Those of TLS show sealed messages; each secret of the room shows the texts of its epoch."""
    arguments = ["inspect", str(path_of("sealed"))]
    readme = (FOLDER / "README.md").read_text()
    for secret in ROOM_SECRETS[:known]:
        assert f"`{show_secret(secret)}`" in readme
        assert secret_words(secret) in " ".join(readme.replace("*", "").split())
        arguments += ["--room-secret", show_secret(secret)]
    lines = CliRunner().invoke(cli, arguments).output.splitlines()
    assert sum("SEALED_EVENT" in line for line in lines) == 8
    assert sum("REKEY epoch 2" in line for line in lines) == 2
    for number, text in enumerate(SEALED_TEXTS):
        # In SEALED_SEND, and in a SEALED_EVENT for each member; Orion does not get the last one.
        shown, expected = sum(f'text "{text}"' in line for line in lines), 2 if number == 3 else 3
        assert shown == (expected if known > number // 3 else 0)


def read_secrets(name):
    logs = []
    for _ in read_packets(path_of(name), logs.append):
        pass
    return logs


@needs_tshark
@pytest.mark.parametrize("name", ["tls", "sealed"])
def test_tshark_shows_the_messages_of_each_record(name):
    """With the secrets in the capture: the same frames in the same packets, and the same records."""
    _, items = decode(name)
    ours, sizes = {}, {}
    for item in items:
        if isinstance(item, DecodedMessage):
            ours.setdefault(item.packets[-1], []).append(f"0x{item.raw[12:16].hex()}")
        elif isinstance(item, TlsRecord):
            sizes.setdefault(item.packets[-1], []).append(str(item.size - 5))
    fields = ["-e", "frame.number", "-e", "netchat.crc", "-e", "tls.record.length"]
    out, _ = tshark(path_of(name), "-T", "fields", *fields)
    theirs, lengths = {}, {}
    for line in out.splitlines():
        number, crcs, records = line.split("\t")
        if crcs:
            theirs[int(number)] = crcs.split(",")
        if records:
            lengths[int(number)] = records.split(",")
    assert len(ours) > 20
    assert ours == theirs
    assert {k: len(v) for k, v in sizes.items()} == {k: len(v) for k, v in lengths.items()}


@needs_tshark
@pytest.mark.thorough
@pytest.mark.parametrize("name", EXPECTED)
def test_tshark_sees_the_same(name):
    _, items = decode(name)
    said = {item.conversation for item in items}
    if name == "link-udp":
        assert len(shark(name, "udp && !icmp")) == total(items, "segments")
        return
    assert (
        len(shark(name, "tcp"))
        == total(items, "segments")
        == len(list(read_packets(path_of(name))))
    )
    assert len(set(shark(name, "tcp", "tcp.stream"))) == len(said)
    assert len(shark(name, "tcp.analysis.retransmission")) == total(items, "retransmissions")
    assert len(shark(name, "tcp.analysis.out_of_order")) == total(items, "out_of_order")
    assert not shark(name, "tcp.checksum.status == 0")
    delivered = sum(map(int, shark(name, "tcp.len > 0 && !tcp.analysis.retransmission", "tcp.len")))
    late = name == "reordered"  # tshark counts bytes that another segment repeats
    assert late or delivered == total(items, "bytes")
    if name.startswith("link"):
        tshark(path_of(name), "-V")  # the dissector does not decode links, but raises no error
    elif name not in ("gaps", "reordered", "retransmission"):
        found = Counter(i.message.NAME for i in items if isinstance(i, DecodedMessage))
        damaged = sum(isinstance(i, Damage) for i in items)
        assert len(frames(path_of(name))) == sum(found.values()) + damaged


def test_the_readme_shows_the_ladder_of_the_damaged_frame():
    """The check of the pages ignores numbers, so it would accept the ladder of an older capture."""
    shown = (
        (ROOT / "README.md")
        .read_text("utf-8")
        .partition("inspect captures/bad-crc.pcapng --ladder\n")[2]
    )
    rows = [row for row in shown.partition("```")[0].splitlines() if row != "…"]
    arguments = ["inspect", str(path_of("bad-crc")), "--ladder"]
    done = CliRunner().invoke(cli, arguments, env={"COLUMNS": "100"})
    assert len(rows) > 5
    assert set(rows) <= set(done.output.splitlines())
