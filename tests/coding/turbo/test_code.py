"""The turbo code of LTE: the standard step by step, textbook decoders, and options."""

import math
import re

import numpy as np
import pytest

import netchat.channels
import netchat.coding
from netchat.coding import Turbo
from netchat.coding.turbo.code import _trellis
from netchat.coding.turbo.standards import _polynomials, interleaver, sizes


def generator(seed=1):
    return np.random.Generator(np.random.SFC64(seed))


def received(code, ebn0_db, batch, seed=1):
    message = generator(seed).integers(0, 2, (batch, code.k), dtype=np.uint8)
    channel = netchat.channels.AWGN(ebn0_db).at_rate(code.rate)
    return message, channel.transmit(code.encode(message), generator(seed + 1))


def soft(code, out):
    return code.decode(out.block, soft=out.soft)


def rate(code, out, message):
    return (soft(code, out).message != message).any(axis=1).mean()


def constituent(bits):
    """Encode with G(D) = [1, (1 + D + D^3) / (1 + D^2 + D^3)]; return parity bits and tail."""
    register, parity, tail = [0, 0, 0], [], []
    for bit in bits:
        new = bit ^ register[1] ^ register[2]
        parity.append(new ^ register[0] ^ register[2])
        register = [new, *register[:2]]
    for _ in range(3):
        tail += [register[1] ^ register[2], register[0] ^ register[2]]
        register = [0, *register[:2]]
    return parity, tail


def streams_as_in_36_212(message, fillers):
    """Return the three streams of section 5.1.3.2; None where a filler is not sent."""
    block = [0] * fillers + list(message)
    size = len(block)
    one, two = _polynomials()[size]
    parity, tail = constituent(block)
    other, end = constituent([block[(one * i + two * i * i) % size] for i in range(size)])
    x, z, x2, z2 = tail[0::2], tail[1::2], end[0::2], end[1::2]
    streams = [
        [*block, x[0], z[1], x2[0], z2[1]],
        [*parity, z[0], x[2], z2[0], x2[2]],
        [*other, x[1], z[2], x2[1], z2[2]],
    ]
    for stream in streams[:2]:
        stream[:fillers] = [None] * fillers
    return streams


def rate_matched(streams, n, version):
    """Interleave, collect and select the bits of three streams: section 5.1.4.1."""
    columns = [
        0, 16, 8, 24, 4, 20, 12, 28, 2, 18, 10, 26, 6, 22, 14, 30, 1, 17, 9, 25, 5, 21, 13, 29, 3, 19, 11,
        27, 7, 23, 15, 31,
    ]  # fmt: skip
    length = len(streams[0])
    rows = -(-length // 32)
    v = []
    for number, stream in enumerate(streams):
        y = [None] * (32 * rows - length) + stream
        if number < 2:
            v.append([y[row * 32 + column] for column in columns for row in range(rows)])
        else:
            v.append([
                y[(columns[k // rows] + 32 * (k % rows) + 1) % (32 * rows)] for k in range(32 * rows)
            ])  # fmt: skip
    w = list(v[0])
    for one, two in zip(v[1], v[2], strict=True):
        w += [one, two]
    at = rows * (2 * -(-len(w) // (8 * rows)) * version + 2)
    out = []
    while len(out) < n:
        if w[at % len(w)] is not None:
            out.append(w[at % len(w)])
        at += 1
    return out


@pytest.mark.parametrize("k", [40, 37, 48, 500, 1000])
def test_encoder(k):
    code = Turbo(k)
    size = next(each for each in sizes() if each >= k)
    message = generator().integers(0, 2, (3, k), dtype=np.uint8)
    for row, word in zip(message, code.encode(message), strict=True):
        streams = streams_as_in_36_212(row.tolist(), size - k)
        sent = [bit for triple in zip(*streams, strict=True) for bit in triple if bit is not None]
        assert word.tolist() == sent
    assert (code.encode(message)[:, code.data_positions] == message).all()


@pytest.mark.parametrize(
    ("k", "n", "version"), [(40, 60, 0), (40, 100, 1), (37, 400, 2), (500, 900, 3), (1000, 3000, 0)]
)
def test_rate_matching(k, n, version):
    code = Turbo(k, n, version)
    size = next(each for each in sizes() if each >= k)
    message = generator().integers(0, 2, (3, k), dtype=np.uint8)
    for row, word in zip(message, code.encode(message), strict=True):
        streams = streams_as_in_36_212(row.tolist(), size - k)
        assert word.tolist() == rate_matched(streams, n, version)


def test_a_codeword_by_hand():
    """A single one gives the impulse response 1, 1, 1, 0, 1, ... of the parity generator.

    Long division: (1 + D + D^3) / (1 + D^2 + D^3) = 1 + D + D^2 + D^3 ... by hand up to D^6.
    """
    parity, _ = constituent([1] + [0] * 9)
    # 1 + D + D^3 = (1 + D^2 + D^3) (1 + D + D^2 + D^3 + D^5 + ...) modulo 2
    product = np.convolve(parity, [1, 0, 1, 1])[:10] % 2
    assert product.tolist() == [1, 1, 0, 1, 0, 0, 0, 0, 0, 0]
    message = np.zeros((1, 40), np.uint8)
    message[0, 0] = 1
    assert Turbo(40).encode(message)[0, 1::3][:10].tolist() == parity


def test_every_interleaver_is_a_permutation():
    assert len(sizes()) == 188
    assert (sizes()[0], sizes()[-1]) == (40, 6144)
    for size in sizes():
        assert sorted(interleaver(size).tolist()) == list(range(size))
    assert interleaver(40)[:4].tolist() == [0, 13, 6, 19]  # f1 = 3, f2 = 10


@pytest.mark.thorough
def test_every_length_encodes_and_decodes():
    for size in (*sizes()[::17], 6144):
        for crc in (0, "24b"):
            code = Turbo(size if crc == 0 else max(size - 24, 1), crc=crc)
            message = generator(size).integers(0, 2, (3, code.k), dtype=np.uint8)
            result = code.decode(code.encode(message))
            assert (result.message == message).all()
            assert not result.corrected.any()


def log_map(inputs, parity, exact):
    """Return the ratios of message bits of one block: the textbook's sums over all branches."""
    targets, _, words = (table.tolist() for table in _trellis())

    def join(one, two):
        larger = max(one, two)
        return larger + math.log1p(math.exp(-abs(one - two))) if exact else larger

    steps = len(inputs)
    gamma = [
        [(1 - 2 * (word & 1)) * u / 2 + (1 - 2 * (word >> 1)) * z / 2 for word in words]
        for u, z in zip(inputs.tolist(), parity.tolist(), strict=True)
    ]
    alpha, beta = ([[-1e9] * 8 for _ in range(steps + 1)] for _ in range(2))
    alpha[0][0] = beta[steps][0] = 0.0
    for step in range(steps):
        for branch in range(16):
            at, target = alpha[step][branch % 8] + gamma[step][branch], targets[branch]
            alpha[step + 1][target] = join(alpha[step + 1][target], at)
    out = np.zeros(steps)
    for step in range(steps - 1, -1, -1):
        sums = [-1e18, -1e18]
        for branch in range(16):
            ahead = beta[step + 1][targets[branch]] + gamma[step][branch]
            beta[step][branch % 8] = join(beta[step][branch % 8], ahead)
            sums[branch // 8] = join(sums[branch // 8], alpha[step][branch % 8] + ahead)
        out[step] = sums[0] - sums[1]
    return out


def textbook_decoder(ratios, iterations, scale, exact):
    """Decode one word of the code with 40 bits."""
    order = interleaver(40)
    triples = ratios.reshape(-1, 3).astype(float)
    x, z, z2 = triples[:40].T
    t = triples[40:]
    tails = (
        ([t[0, 0], t[0, 2], t[1, 1]], [t[0, 1], t[1, 0], t[1, 2]]),
        ([t[2, 0], t[2, 2], t[3, 1]], [t[2, 1], t[3, 0], t[3, 2]]),
    )
    extrinsic = np.zeros(40)
    for _ in range(iterations):
        for places, parity, (end, parity_end) in (
            (np.arange(40), z, tails[0]), (order, z2, tails[1])
        ):  # fmt: skip
            inputs = np.concatenate([(x + extrinsic)[places], end])
            total = log_map(inputs, np.concatenate([parity, parity_end]), exact)
            extrinsic[places] = scale * (total - inputs)[:40]
            decided = np.zeros(40, np.uint8)
            decided[places] = total[:40] < 0
    return decided


@pytest.mark.parametrize(
    ("algorithm", "scale"), [("log-map", 1.0), ("max-log", 0.7), ("max-log", 0.75)]
)
def test_textbook_decoder(algorithm, scale):
    """Floats agree with the textbook bit by bit; integers of 8 bits for most noisy blocks."""
    code = Turbo(40, iterations=2, algorithm=algorithm, scale=scale)
    message, out = received(code, 1, 25)
    found = soft(code, out).message
    right = np.array([
        textbook_decoder(row, 2, scale, algorithm == "log-map") for row in out.soft
    ])  # fmt: skip
    same = (found == right).all(axis=1).mean()
    assert same == 1 if scale != 0.75 else same > 0.75, same
    assert 0.02 < (right != message).any(axis=1).mean() < 0.9


def test_integers_decode_nearly_like_floats():
    integers, floats = Turbo(512), Turbo(512, scale=0.7501)
    message, out = received(integers, 1.0, 1280)
    rates = [rate(code, out, message) for code in (integers, floats)]
    assert rates[1] > 0.02
    assert rates[0] < 1.3 * rates[1]


def test_log_map_and_the_scale_of_max_log_help():
    codes = [Turbo(256, algorithm="log-map"), Turbo(256), Turbo(256, scale=1.0)]
    message, out = received(codes[0], 1.0, 960)
    rates = [rate(code, out, message) for code in codes]
    assert rates[0] < 1.1 * rates[1] < rates[2]


def test_more_iterations_help():
    message, out = received(Turbo(512), 0.8, 640)
    rates = [rate(Turbo(512, iterations=count), out, message) for count in (1, 2, 4, 8)]
    assert rates[0] > 1.1 * rates[1] > 1.3 * rates[2] > rates[3] > 0


@pytest.mark.parametrize("algorithm", ["max-log", "log-map"])
def test_a_check_ends_a_block_and_reports_failures(algorithm):
    code = Turbo(104, crc=24, iterations=8, algorithm=algorithm)
    message, out = received(code, 0.5, 320)
    result = soft(code, out)
    wrong = (result.message != message).any(axis=1)
    assert (result.failed == wrong).all()
    assert 0.02 < wrong.mean() < 0.9
    ended = soft(Turbo(104, crc=24, iterations=3, algorithm=algorithm), out)
    # A block that passed after three iterations does not change any more.
    assert (result.message[~ended.failed] == ended.message[~ended.failed]).all()
    assert result.failed.sum() < ended.failed.sum()


@pytest.mark.parametrize("options", [{}, {"algorithm": "log-map"}, {"crc": 8}])
def test_a_block_does_not_depend_on_the_others(options):
    code = Turbo(64, iterations=3, **options)
    _, out = received(code, 0, 70)
    together = soft(code, out)
    for row in (0, 33, 69):
        alone = code.decode(out.block[row : row + 1], soft=out.soft[row : row + 1])
        assert (alone.message[0] == together.message[row]).all()
        assert alone.corrected[0] == together.corrected[row]


@pytest.mark.parametrize("k", [512, 600, 1100])
def test_segments_do_not_change_the_result(k):
    """Blocks of one, two and three segments decode equally well."""
    code = Turbo(k)
    message, out = received(code, 1.6, 320)
    assert rate(code, out, message) < 0.03


def test_erasures_and_repetition():
    code = Turbo(200, 1200)
    assert len(set(code._layout.sent.tolist())) < 1200
    message = generator().integers(0, 2, (100, 200), dtype=np.uint8)
    word = code.encode(message)
    lost = generator(2).random(word.shape) < 0.7
    result = code.decode(word & ~lost, lost)
    right = (result.message == message).all(axis=1)
    assert right.mean() > 0.9
    assert (result.corrected[right] == lost.sum(axis=1)[right]).all()
    same = code.decode(word & ~lost, lost, np.where(word, -5.0, 5.0))
    assert (same.message == result.message).all()


def test_a_shortened_code():
    code = Turbo(104, crc=24, algorithm="log-map", iterations=4)
    short = code.shortened(50)
    assert (short.k, short.spec) == (50, "turbo:50,crc=24,iterations=4,algorithm=log-map")
    matched = Turbo(104, 300).shortened(50)
    for each in (short, matched):
        message = generator().integers(0, 2, (20, 50), dtype=np.uint8)
        assert (each.decode(each.encode(message)).message == message).all()
    assert matched.n == 300 - 54


def test_specifications_name_all_options():
    code = Turbo(500, 900, 2, crc="24a", iterations=9, algorithm="log-map", scale=0.9)
    assert code.spec == "turbo:500,900,2,crc=24a,iterations=9,algorithm=log-map,scale=0.9"
    again = netchat.coding.get(code.spec)
    assert (again.iterations, again.algorithm, again.n) == (9, "log-map", 900)
    assert Turbo(40).spec == "turbo:40"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("turbo:6145", "'k' must be from 1 to 6144, got 6145"),
        ("turbo:6144,crc=24a", "'k' must be from 1 to 6120, got 6144"),
        ("turbo:0", "'k' must be from 1 to 6144, got 0"),
        ("turbo:40,39", "'n' must be from 40 to 131072, got 39"),
        ("turbo:40,100,4", "'version' must be from 0 to 3, and needs a length n, got 4"),
        ("turbo:40,version=1", "'version' must be from 0 to 3, and needs a length n, got 1"),
        ("turbo:40,iterations=0", "'iterations' must be from 1 to 1000, got 0"),
        ("turbo:40,algorithm=x", "'algorithm' must be max-log, log-map, got 'x'"),
        ("turbo:40,scale=0", "'scale' must be above 0 and at most 1, got 0"),
        ("turbo:40,crc=5", "'crc' must be 0, 6, 8, 11"),
    ],
)
def test_invalid_specifications(spec, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        netchat.coding.get(spec)
