"""Captures of both sides, made from one by `both_sides`, are merged to that one."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.errors import CaptureError
from netchat.packets import Packet, PcapngWriter, read, read_packets
from netchat.packets.merge import MergedCapture, _Direction, merge
from netchat.packets.tcp.dissect import locate
from tests.packets.both_sides import CAPTURES, OTHERS, write_other_side
from tests.packets.segments import ACK, Talk
from tests.packets.sharks import needs_tshark, tshark

SOURCE = CAPTURES / "two-users.pcapng"


def numbers(path: Path, *, data: bool) -> list[int]:
    """Return the numbers of packets with data, or of those without."""
    found = []
    for packet in read_packets(path):
        located = locate(packet.link, packet.data, packet.length)
        assert not isinstance(located, str)
        _, at, end, _ = located
        if (end > at + (packet.data[at + 12] >> 4) * 4) == data:
            found.append(packet.number)
    return found


def both(folder: Path, *, nat: bool = False, lost=((), ())) -> tuple[Path, Path]:
    """Write what both sides captured: without these packets on the client's and the server's side."""
    client, server = folder / "client.pcapng", folder / "server.pcapng"
    with PcapngWriter(client) as out:
        for packet in read_packets(SOURCE):
            if packet.number not in lost[0]:
                out.write(packet)
    write_other_side(SOURCE, folder / "plain.pcapng", lost[1], nat=nat)
    with PcapngWriter(server) as out:
        for packet in read_packets(folder / "plain.pcapng"):
            out.write(packet._replace(data=corrected(packet.data) if nat else packet.data))
    return client, server


def corrected(data: bytes) -> bytes:
    """Return a packet with the right checksums, from Scapy."""
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import Ether

    packet = Ether(data)
    del packet[IP].chksum, packet[TCP].chksum
    return bytes(packet)


def told(path: Path) -> list[object]:
    return sorted((m.raw, m.user, m.conversation.client, m.repeated) for m in read(path))


def contents(path: Path) -> list[bytes]:
    return sorted(packet.data for packet in read_packets(path))


@pytest.mark.parametrize("nat", [False, True])
def test_copies_are_left_out(tmp_path: Path, nat: bool) -> None:
    client, server = both(tmp_path, nat=nat)
    done = merge(client, server, tmp_path / "all.pcapng")
    whole = list(read_packets(SOURCE))
    assert done.copies == len(whole)
    assert sum(done.packets) == len(whole)
    assert min(done.packets) > 10  # what each side sent
    assert contents(tmp_path / "all.pcapng") == contents(SOURCE)
    times = [packet.time for packet in read_packets(tmp_path / "all.pcapng")]
    assert times == sorted(times)
    assert told(tmp_path / "all.pcapng") == told(SOURCE)
    assert done.translated == (done.packets[1] if nat else 0)


@pytest.mark.parametrize("nat", [False, True])
@pytest.mark.parametrize("swapped", [False, True])
def test_each_side_fills_the_gaps_of_the_other(tmp_path: Path, nat: bool, swapped: bool) -> None:
    loaded, empty = numbers(SOURCE, data=True), numbers(SOURCE, data=False)
    lost = loaded[2::6], loaded[5::6] + empty[7::3]
    files = both(tmp_path, nat=nat, lost=lost)
    assert all(len(told(file)) < len(told(SOURCE)) for file in files)
    files = files[::-1] if swapped else files
    merge(*files, tmp_path / "all.pcapng")
    if nat and swapped:  # the addresses are those of the first capture
        assert {m.conversation.client[0] for m in read(tmp_path / "all.pcapng")} == {OTHERS}
        raws = [sorted(m.raw for m in read(file)) for file in (tmp_path / "all.pcapng", SOURCE)]
        assert raws[0] == raws[1]
        return
    assert told(tmp_path / "all.pcapng") == told(SOURCE)
    assert contents(tmp_path / "all.pcapng") == contents(SOURCE)


@needs_tshark
def test_checksums_of_translated_packets(tmp_path: Path) -> None:
    client, server = both(tmp_path, nat=True)
    merge(client, server, tmp_path / "all.pcapng")
    checks = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-T", "fields"]
    checks += ["-e", "ip.checksum.status", "-e", "tcp.checksum.status"]
    # Of the source as well: the kernel leaves the checksums of local segments to the network card.
    merged, source = (tshark(path, *checks)[0] for path in (tmp_path / "all.pcapng", SOURCE))
    assert sorted(merged.splitlines()) == sorted(source.splitlines())


def test_both_copies(tmp_path: Path) -> None:
    client, server = both(tmp_path, nat=True)
    done = merge(client, server, tmp_path / "all.pcapng", both=True)
    count = len(list(read_packets(SOURCE)))
    assert done[1:] == ((count, count), 0, 0, 0)
    assert contents(tmp_path / "all.pcapng") == sorted(contents(client) + contents(server))
    data = (tmp_path / "all.pcapng").read_bytes()
    assert b"client.pcapng" in data  # as names of the interfaces
    assert b"server.pcapng" in data


def test_pcap_and_secrets(tmp_path: Path) -> None:
    source = CAPTURES / "tls.pcapng"
    done = merge(source, source, tmp_path / "all.pcapng")
    assert done.secrets > 0
    assert [m.raw for m in read(tmp_path / "all.pcapng")] == [m.raw for m in read(source)]
    client, server = both(tmp_path)
    merge(client, server, tmp_path / "all.pcap")
    assert told(tmp_path / "all.pcap") == told(SOURCE)


def test_other_packets_and_datagrams(tmp_path: Path) -> None:
    talk = Talk()
    talk.open()
    for _ in range(3):
        talk.datagram(0, b"the same")
    arp = bytes(12) + b"\x08\x06" + bytes(28)
    talk.packets.append(Packet(7, talk.time, 1, arp, len(arp)))
    files = []
    for name, left in (("a", talk.packets), ("b", talk.packets[:-2])):
        files.append(tmp_path / f"{name}.pcapng")
        with PcapngWriter(files[-1]) as out:
            for packet in left:
                out.write(packet)
    done = merge(*files, tmp_path / "all.pcapng")
    assert (sum(done.packets), done.copies) == (7, 5)


def test_links_over_udp(tmp_path: Path) -> None:
    source = CAPTURES / "link-udp.pcapng"
    done = merge(source, source, tmp_path / "all.pcapng")
    assert done.copies == len(list(read_packets(source)))
    assert [m.raw for m in read(tmp_path / "all.pcapng")] == [m.raw for m in read(source)]


def test_segments_that_a_network_card_joined(tmp_path: Path) -> None:
    text = bytes(range(256)) * 20
    sides = []
    for size in (65_000, 1448):
        talk = Talk(isn=(2**32 - 2000, 7))  # sequence numbers wrap around
        talk.open()
        talk.say(0, text, size, ack=False)
        talk.add(1, ACK)
        talk.close()
        sides.append(tmp_path / f"{size}.pcapng")
        with PcapngWriter(sides[-1]) as out:
            for packet in talk.packets:
                out.write(packet)
    for first, second in itertools.permutations(sides):
        done = merge(first, second, tmp_path / "all.pcapng")
        segments = [p for p in read_packets(tmp_path / "all.pcapng") if len(p.data) > 54]
        assert sum(len(p.data) - 54 for p in segments) == len(text)
        assert done.copies in (len(list(read_packets(first))), len(list(read_packets(second))))


def test_ranges() -> None:
    way = _Direction()
    for start, end in ((10, 20), (20, 30), (50, 60), (5, 12)):
        way.ranges.append((start, end))
    way.sort()
    assert way.ranges == [(5, 30), (50, 60)]
    assert way.has(5, 30)
    assert way.has(12, 25)
    assert not way.has(25, 31)
    assert not way.has(0, 6)
    assert not way.has(40, 51)
    assert [way.place(seq, from_sender=True) for seq in (2**32 - 5, 3, 2**32 - 1)] == [
        2**32 - 5, 2**32 + 3, 2**32 - 1,
    ]  # fmt: skip


def test_what_cannot_be_merged(tmp_path: Path) -> None:
    client, server = both(tmp_path)
    with pytest.raises(CaptureError, match="is one of the captures"):
        merge(client, server, client)
    with pytest.raises(CaptureError, match="not a capture file"):
        merge(client, Path(__file__), tmp_path / "all.pcapng")
    assert not (tmp_path / "all.pcapng").exists()
    found: MergedCapture = merge(client, CAPTURES / "resume.pcapng", tmp_path / "all.pcapng")
    assert found.comparison.offset is None


def test_the_command(tmp_path: Path) -> None:
    client, server = both(tmp_path, nat=True)
    target = tmp_path / "all.pcapng"
    done = CliRunner().invoke(cli, ["merge", str(client), str(server), "-o", str(target)])
    assert done.exit_code == 0, done.output
    assert "clock: server.pcapng minus client.pcapng is +1.499500 s, ± 2.5 ms" in done.stderr
    assert "2 conversations through a NAT; " in done.stderr
    assert f"Wrote {target}: " in done.stderr
    assert "left out 58 copies." in done.stderr
    done = CliRunner().invoke(
        cli, ["merge", str(client), str(CAPTURES / "resume.pcapng"), "-o", str(target), "--both"]
    )
    assert "no conversation in common" in done.stderr
    assert CliRunner().invoke(cli, ["merge", str(client), str(server)]).exit_code == 2
