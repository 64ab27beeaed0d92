"""Simulated TCP: two ends, and a network in memory that loses, delays and reorders."""

import heapq
import itertools
import random

import pytest

from netchat.mystery.tcp_peer import ACK, SYN, ArrivingSegment, SimulatedTcp


class Network:
    """Simulated time, two ends, and the segments between them."""

    def __init__(self, loss=0.0, jitter=0.0, seed=1, **options):
        self.now = 0.0
        self.random = random.Random(seed)
        self.loss, self.jitter = loss, jitter
        self.queue, self.numbers = [], itertools.count()
        self.segments, self.received = [], {"a": bytearray(), "b": bytearray()}
        self.a = self.end("a", "b")
        self.b = self.end("b", "a", **options)

    def end(self, name, other, **options):
        def transmit(seq, ack, flags, window, data):
            self.segments.append((self.now, name, ArrivingSegment(seq, ack, flags, window, data)))
            if self.random.random() >= self.loss:
                segment = self.segments[-1][2]
                delay = 0.01 + self.random.random() * self.jitter
                self.after(delay, lambda: getattr(self, other).receive(segment))

        return SimulatedTcp(self, transmit, self.received[name].extend, self.random, **options)

    def after(self, seconds, action):
        heapq.heappush(self.queue, (self.now + seconds, next(self.numbers), action))

    def run(self, until):
        while self.queue and self.queue[0][0] <= until:
            self.now, _, action = heapq.heappop(self.queue)
            action()
        self.now = until

    def sent_by(self, name):
        return [segment for _, who, segment in self.segments if who == name]


DATA = random.Random(2).randbytes(60_000)


def test_a_clean_network_needs_no_retransmission():
    net = Network()
    net.a.connect()
    net.a.send(DATA)
    net.b.send(b"hello")
    net.run(5)
    assert bytes(net.received["b"]) == DATA
    assert bytes(net.received["a"]) == b"hello"
    sent = net.sent_by("a")
    assert [s.flags & (SYN | ACK) for s in sent[:2]] == [SYN, ACK]
    assert sum(len(s.data) for s in sent) == len(DATA)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("loss", "jitter"), [(0.1, 0.0), (0.3, 0.0), (0.1, 0.03), (0.0, 0.05)])
def test_everything_arrives_once_and_in_order(seed, loss, jitter):
    net = Network(loss, jitter, seed)
    net.a.connect()
    for start in range(0, len(DATA), 3000):
        net.after(start / 20_000, lambda start=start: net.a.send(DATA[start : start + 3000]))
        net.after(start / 20_000, lambda start=start: net.b.send(DATA[start : start + 500]))
    net.run(400)
    assert bytes(net.received["b"]) == DATA
    assert bytes(net.received["a"]) == b"".join(
        DATA[s : s + 500] for s in range(0, len(DATA), 3000)
    )


def test_fast_retransmission_does_not_wait_for_the_timer():
    net = Network()
    net.a.connect()
    net.run(1)
    drop = iter([False, True])
    real = net.random.random
    net.random.random = lambda: -1.0 if next(drop, False) else real()
    net.loss = 0.0  # the third segment from now on is dropped by a random number below 0
    net.a.send(DATA[:14_600])
    net.run(1.15)  # less than the smallest timeout of 0.2 s
    assert bytes(net.received["b"]) == DATA[:14_600]


def test_a_slow_reader_closes_its_window_and_reads_at_its_rate():
    net = Network(capacity=6000, read_rate=2000.0)
    net.a.connect()
    net.a.send(DATA[:30_000])
    net.run(10)
    assert 18_000 < len(net.received["b"]) < 22_000
    windows = [s.window for s in net.sent_by("b")]
    assert windows.count(0) > 3
    net.run(20)
    assert bytes(net.received["b"]) == DATA[:30_000]


def test_a_handshake_survives_loss():
    net = Network(loss=0.5, seed=3)
    net.a.connect()
    net.a.send(b"x")
    net.run(200)
    assert bytes(net.received["b"]) == b"x"
