"""Polar codes: the standard, textbook decoders, maximum likelihood, and damaged input."""

import re

import numpy as np
import pytest

import netchat.channels
import netchat.coding
from netchat.coding import Polar


def generator(seed=1):
    return np.random.Generator(np.random.SFC64(seed))


def received(code, ebn0_db, batch, seed=1):
    message = generator(seed).integers(0, 2, (batch, code.k), dtype=np.uint8)
    channel = netchat.channels.AWGN(ebn0_db).at_rate(code.rate)
    return message, channel.transmit(code.encode(message), generator(seed + 1))


def integers(code, batch, seed=1, deviation=1.2):
    """Return messages and noisy ratios that the decoder quantises to themselves."""
    rng = generator(seed)
    message = rng.integers(0, 2, (batch, code.k), dtype=np.uint8)
    sent = 1 - 2.0 * code.encode(message)
    unit = code._limit / 2  # mean magnitude for which the decoder does not scale
    noisy = sent + deviation * rng.normal(size=sent.shape)
    ratios = np.rint(unit * noisy / np.abs(noisy).mean()).clip(-120, 120)
    ratios[ratios == 0] = 1
    for row in ratios:  # bring the sum of the magnitudes to that of the unit, by steps of 1
        excess = int(np.abs(row).sum()) - code._limit * len(row) // 2
        while excess:
            usable = np.flatnonzero((np.abs(row) > 1) if excess > 0 else (np.abs(row) < 120))
            chosen = usable[: abs(excess)]
            row[chosen] -= np.sign(excess) * np.sign(row[chosen])
            excess -= int(np.sign(excess)) * len(chosen)
    return message, ratios.astype(np.float32)


def matrix(size):
    result = np.ones((1, 1), int)
    while len(result) < size:
        result = np.kron([[1, 0], [1, 1]], result)
    return result


def soft(code, ratios):
    return code.decode((ratios < 0).view(np.uint8), soft=ratios)


# Golden vectors: message and codeword in hexadecimal. They come from py3gpp 0.6, whose examples are
# outputs of MATLAB's 5G Toolbox.
VECTORS = {
    "polar:pbch": (
        "9c9b0a72",
        "8e787b7265395caa6fcca9a0b7ebbd1ee711242d121bd1270c50cf6c06a5c59935c3f6ffc0c903f5de821dbed477174b4d44b"
        "84ea6059f96acf06a9c74d77e228e787b7265395caa6fcca9a0b7ebbd1ee711242d121bd1270c50cf6c06a5c59935c3f6ffc0"
        "c903f5de821dbe",
    ),
    "polar:dci,700,100": (
        "d965c329b0db75d431e0c77700",
        "83e4ad6c66f7a4ee2be37a69eba856b3613aab001517b6bb2e83b1ec3932cfcb13658c0a974761bef6893cb31137b29b49de0"
        "ec0f9983b81dd1a8c902192f51f83e4ad6c66f7a4ee2be37a69eba856b3613aab001517b6b0",
    ),
    "polar:1024,200,crc=11": (
        "612ed65e7818aaa31f319bbf5d24356504d411c3ac48c21f66",
        "1de0b8686c2c63e0089b41c3341ad80941016002069d722501d033fc0b01639988b6b4a7c5b9ac135ef18e305eb3d4c6e7645"
        "ffe9c3b8ee56489cf3c529b5c65231db5a6ad2e91d19ccce6a75fb280928003923338607feb6a786b679f56c4fdb64bb96904"
        "bb5e22caa62954351b8c5d2666adcfa2c6832b0f2197a7c6ccfb01",
    ),
    "polar:512,100,crc=6": (
        "0f3c93d906ab48b22a8e0c7b30",
        "16b87006c7997cfaed9e48e3c3bfbb1f976cfedd464df22193b539c7bd94ca3bba41dcff6b60d0034167e41a6f4617e63b955"
        "224eab45ed83f4c953e116d66c2",
    ),
    "polar:512,100,crc=16": (
        "826fab5fe0124ecaf2d6bdc890",
        "7affede399f1e5f90020cd66e32ec57c2197132ef1aa2807a4b7cc54748af77de6c971d505c779cf9c1651507f18594a425e7"
        "0e792634bcec77eaf9d174394b4",
    ),
    "polar:512,100,crc=24a": (
        "0fa1a1b53d51f1f3023bb48970",
        "070bdebb5ca694f8c4d6a3d8acb7da577abaf9af2117b3ec46987b332ef902bc51cbdd2e0a66976d9216a04dfa77d9c22c7af"
        "a3a77d7b079105878a678390129",
    ),
    "polar:512,100,crc=24b": (
        "d5682690ceeb29bca89a8e5600",
        "0ffc2f8fa7a872e276a8c5b784593d80fb08d4740609dc4c7da3c1b3da076cd13fff2cbf97ab71d2b95439784ba5c14f34f42"
        "8bbc9f520834da0c283ea046fe1",
    ),
}


@pytest.mark.parametrize("spec", VECTORS)
def test_golden_vectors(spec):
    code = netchat.coding.get(spec)
    message, word = (
        np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8)) for text in VECTORS[spec]
    )
    message, word = message[None, : code.k], word[None, : code.n]
    assert (code.encode(message) == word).all()
    result = code.decode(word)
    assert (result.message == message).all()
    assert result.corrected.tolist() == [0]


def test_the_example_of_the_first_paper():
    """Arikan (2009) has the (8, 4) code with the free bits 3, 5, 6 and 7; by hand, u G = x."""
    code = Polar(8, 4, construction="bec", design=0.5)
    assert np.flatnonzero(~code.frozen).tolist() == [3, 5, 6, 7]
    rows = {(1, 0, 0, 0): "11110000", (0, 1, 0, 0): "11001100", (0, 0, 1, 0): "10101010"}
    for message, word in rows.items():
        assert "".join(map(str, code.encode([message])[0])) == word


@pytest.mark.parametrize("n", [2, 4, 32, 128])
def test_codewords_are_rows_of_the_kronecker_power(n):
    code = Polar(n, n // 2)
    message = generator().integers(0, 2, (70, code.k), dtype=np.uint8)
    u = np.zeros((70, n), int)
    u[:, ~code.frozen] = message
    assert (code.encode(message) == u @ matrix(n) % 2).all()


@pytest.mark.parametrize(("n", "k"), [(8, 4), (16, 5), (16, 11), (32, 11), (24, 9), (20, 10)])
def test_minimum_distance(n, k):
    """The declared distance is that of the lightest codeword, or a lower bound if bits are not sent."""
    code = Polar(n, k)
    every = ((np.arange(1, 1 << k)[:, None] >> np.arange(k)) & 1).astype(np.uint8)
    least = int(code.encode(every).sum(axis=1).min())
    assert code.minimum_distance <= least
    if n & (n - 1) == 0:
        assert code.minimum_distance == least


def remainder(message, polynomial):
    """Divide as in a textbook; the polynomial has its highest coefficient."""
    width = polynomial.bit_length() - 1
    value = int("".join(map(str, message)) + "0" * width, 2)
    while value.bit_length() > width:
        value ^= polynomial << (value.bit_length() - width - 1)
    return [value >> (width - 1 - j) & 1 for j in range(width)]


def encode_as_in_38_212(n, k, message):
    """Encode uplink control information step by step: sections 6.3.1, 5.3.1 and 5.4.1."""
    c = [*message, *remainder(message, 0xE21)]
    free = len(c)
    log = int(np.ceil(np.log2(n)))
    n1 = log - 1 if 8 * n <= 9 * 2 ** (log - 1) and free / n < 9 / 16 else log
    size = 2 ** max(min(n1, int(np.ceil(np.log2(free * 8))), 10), 5)
    pattern = [
        0, 1, 2, 4, 3, 5, 6, 7, 8, 16, 9, 17, 10, 18, 11, 19, 12, 20, 13, 21, 14, 22, 15, 23, 24, 25, 26,
        28, 27, 29, 30, 31,
    ]  # fmt: skip
    order = [
        pattern[32 * at // size] * (size // 32) + at % (size // 32) for at in range(size)
    ]  # J(n)
    frozen = set()
    if n < size:
        if free / n <= 7 / 16:
            frozen |= {order[at] for at in range(size - n)}
            if 4 * n >= 3 * size:
                frozen |= set(range(int(np.ceil(3 * size / 4 - n / 2))))
            else:
                frozen |= set(range(int(np.ceil(9 * size / 16 - n / 4))))
        else:
            frozen |= {order[at] for at in range(n, size)}
    from netchat.coding.polar.construction import _sequence

    usable = [at for at in _sequence().tolist() if at < size and at not in frozen]
    u = np.zeros(size, int)
    u[sorted(usable[-free:])] = c
    d = u @ matrix(size) % 2
    y = [int(d[at]) for at in order]
    if n >= size:
        e = [y[at % size] for at in range(n)]
    elif free / n <= 7 / 16:
        e = y[size - n :]
    else:
        e = y[:n]
    side = next(t for t in range(1, n + 1) if t * (t + 1) // 2 >= n)
    v, at = {}, 0
    for i in range(side):
        for j in range(side - i):
            v[i, j] = e[at] if at < n else None
            at += 1
    return [v[i, j] for j in range(side) for i in range(side - j) if v[i, j] is not None]


@pytest.mark.parametrize(
    ("n", "k"),
    [
        (256, 64),
        (100, 20),
        (70, 40),
        (300, 30),
        (1000, 500),
        (500, 400),
        (40, 20),
        (1500, 100),
        (90, 30),
    ],
)
def test_uplink_control(n, k):
    """Puncturing, shortening and repetition, with mother codes of 32 to 1024 bits."""
    code = Polar("uci", n, k)
    message = generator(n).integers(0, 2, (40, k), dtype=np.uint8)
    for row, word in zip(message[:3], code.encode(message[:3]), strict=True):
        assert word.tolist() == encode_as_in_38_212(n, k, row.tolist())
    assert (code.decode(code.encode(message)).message == message).all()
    _, out = received(code, 9, 300, seed=n)
    assert not code.decode(out.block, soft=out.soft).failed.any()


def test_downlink_control_counts_24_ones():
    """The CRC is that of the message after 24 ones (section 7.3.2); the code is not linear."""
    code = Polar("dci", 216, 40)
    assert not code.linear
    assert Polar("pbch").linear
    message = generator().integers(0, 2, (1, 40), dtype=np.uint8)
    other = Polar("dci", 216, 40, decoder="scl4")
    assert (other.encode(message) == code.encode(message)).all()
    zero = np.zeros((1, 40), np.uint8)
    assert code.encode(zero).any()


def successive_cancellation(ratios, frozen):
    """Decode one block as in Arikan's paper, with ratios that saturate at 127."""
    decided = []

    def visit(values, frozen):
        if len(values) == 1:
            bit = 0 if frozen[0] or values[0] >= 0 else 1
            decided.append(bit)
            return np.array([bit])
        half = len(values) // 2
        one, two = values[:half], values[half:]
        left = visit(np.sign(one) * np.sign(two) * np.minimum(abs(one), abs(two)), frozen[:half])
        right = visit((two + (1 - 2 * left) * one).clip(-127, 127), frozen[half:])
        return np.concatenate([left ^ right, right])

    visit(ratios.astype(int), frozen)
    return np.array(decided)


@pytest.mark.parametrize(
    ("n", "k", "deviation"),
    [(16, 8, 0.9), (64, 40, 0.7), (128, 64, 0.8), (128, 20, 1.4), (128, 100, 0.5)],
)
def test_textbook_decoder(n, k, deviation):
    """The decoder finds bit by bit what the recursion of the paper does, saturation included."""
    code = Polar(n, k, decoder="sc")
    message, ratios = integers(code, 130, deviation=deviation)
    found = soft(code, ratios).message
    for row, bits in zip(ratios, found, strict=True):
        assert (successive_cancellation(row, code.frozen)[~code.frozen] == bits).all()
    assert 0.02 < (found != message).any(axis=1).mean() < 0.98


def test_shortcuts_decode_as_well_as_the_recursion():
    """Only a parity-check node is decoded better: by maximum likelihood."""
    plain, fast = Polar(256, 128, decoder="sc"), Polar(256, 128)
    message, out = received(plain, 2.5, 6400)
    one, two = (code.decode(out.block, soft=out.soft).message for code in (plain, fast))
    assert (one == two).all(axis=1).mean() > 0.97
    rates = [(each != message).any(axis=1).mean() for each in (one, two)]
    assert rates[0] > 0.03
    assert abs(rates[1] / rates[0] - 1) < 0.1


@pytest.mark.parametrize(("n", "k"), [(16, 5), (32, 5), (64, 4), (8, 4)])
def test_a_list_of_all_codewords_is_maximum_likelihood(n, k):
    """With 2^k <= 32 paths nothing is lost: the likeliest of all codewords must be found."""
    code = Polar(n, k, decoder="scl32")
    message, ratios = integers(code, 200, deviation=2.2)
    every = ((np.arange(1 << k)[:, None] >> np.arange(k)) & 1).astype(np.uint8)
    likelihood = ratios @ (1 - 2.0 * code.encode(every)).T
    result = soft(code, ratios)
    own = (ratios * (1 - 2.0 * code.encode(result.message))).sum(axis=1)
    # Saturated ratios inside the decoder lose a little precision.
    assert (own >= likelihood.max(axis=1) - 1e-6).mean() > 0.97
    assert (own >= 0.9 * likelihood.max(axis=1)).all()
    assert (result.message != message).any(axis=1).mean() > 0.01


def list_decoder(ratios, frozen, paths):
    """Decode one block with a list (Tal and Vardy 2015): every bit of a path is decoded from the start."""
    known = [((), 0)]
    for place in range(len(frozen)):
        grown = []
        for bits, cost in known:
            ratio = next_ratio(ratios, bits)
            for bit in (0,) if frozen[place] else (0, 1):
                wrong = (ratio < 0) != bool(bit) and ratio != 0
                grown.append(((*bits, bit), cost + (abs(ratio) if wrong else 0)))
        known = sorted(grown, key=lambda path: path[1])[:paths]
    return known


def next_ratio(ratios, bits):
    """Return the ratio of the bit after the decided ones."""
    if len(ratios) == 1:
        return int(ratios[0])
    half = len(ratios) // 2
    one, two = ratios[:half], ratios[half:]
    if len(bits) < half:
        return next_ratio(np.sign(one) * np.sign(two) * np.minimum(abs(one), abs(two)), bits)
    left = np.array(bits[:half]) @ matrix(half) % 2
    return next_ratio((two + (1 - 2 * left) * one).clip(-127, 127), bits[half:])


@pytest.mark.parametrize("paths", [2, 4])
def test_textbook_list_decoder(paths):
    code = Polar(32, 16, decoder=f"scl{paths}")
    message, ratios = integers(code, 24, deviation=1.0)
    found = soft(code, ratios).message
    same = [
        (np.array(list_decoder(row.astype(int), code.frozen, paths)[0][0])[~code.frozen] == bits).all()
        for row, bits in zip(ratios, found, strict=True)
    ]  # fmt: skip
    # With shortcuts, some paths differ from the textbook's, but the best one is nearly always the same.
    assert np.mean(same) >= 0.95
    assert (found != message).any(axis=1).mean() > 0.02


def test_longer_lists_are_better():
    code = Polar(256, 128, crc=11, decoder="fast")
    message, out = received(code, 2, 3200)
    rates = []
    for decoder in ("fast", "scl2", "scl4", "scl8", "scl16", "scl32"):
        code = Polar(256, 128, crc=11, decoder=decoder)
        result = code.decode(out.block, soft=out.soft)
        rates.append((result.message != message).any(axis=1).mean())
        # A CRC of 11 bits misses about one failure in 2048 for each path.
        missed = ~result.failed & (result.message != message).any(axis=1)
        assert missed.mean() < 0.02
    assert rates[0] > 1.2 * rates[1] > 1.2 * rates[2] > 1.2 * rates[3] > rates[4] > rates[5] > 0


def test_an_adaptive_decoder_equals_a_list_where_the_first_attempt_fails():
    listed, adaptive = (Polar(256, 100, crc=16, decoder=name) for name in ("scl8", "adaptive8"))
    fast = Polar(256, 100, crc=16, decoder="fast")
    _, out = received(listed, 1.5, 640)
    one, two, first = (code.decode(out.block, soft=out.soft) for code in (listed, adaptive, fast))
    again = first.failed
    assert 0.05 < again.mean() < 0.95
    assert (two.message[again] == one.message[again]).all()
    assert (two.corrected[again] == one.corrected[again]).all()
    assert (two.message[~again] == first.message[~again]).all()


@pytest.mark.parametrize("decoder", ["sc", "fast", "scl2", "scl4", "scl16", "scl32"])
def test_a_block_does_not_depend_on_the_others(decoder):
    code = Polar(128, 60, crc=8, decoder=decoder)
    _, out = received(code, 1, 70)
    together = soft(code, out.soft)
    for row in (0, 1, 33, 69):
        alone = soft(code, out.soft[row : row + 1])
        assert (alone.message[0] == together.message[row]).all()
        assert alone.corrected[0] == together.corrected[row]


def test_a_failure_is_reported():
    """With random input, the CRC fails; the number of corrections is -1."""
    code = Polar(256, 100, crc=24, decoder="scl4")
    noise = generator().normal(size=(200, 256)).astype(np.float32)
    assert soft(code, noise).failed.all()
    assert not soft(Polar(256, 100), noise).failed.any()


def test_erasures_and_hard_decisions():
    code = Polar(128, 40)
    message = generator().integers(0, 2, (200, 40), dtype=np.uint8)
    word = code.encode(message)
    lost = generator(2).random(word.shape) < 0.3
    result = code.decode(word & ~lost, lost)
    right = (result.message == message).all(axis=1)
    assert right.mean() > 0.95
    assert (result.corrected[right] == lost.sum(axis=1)[right]).all()
    same = code.decode(word & ~lost, lost, np.where(word, -5.0, 5.0))
    assert (same.message == result.message).all()


def test_a_shortened_code_sends_fewer_bits():
    code = Polar(256, 128, crc=8)
    assert (code.shortened(100).n, code.shortened(100).k) == (228, 100)
    assert code.shortened(100).spec == "polar:228,100,crc=8"
    for short in (code.shortened(100), Polar("uci").shortened(30), Polar(8, 7).shortened(1)):
        message = generator().integers(0, 2, (50, short.k), dtype=np.uint8)
        assert (short.decode(short.encode(message)).message == message).all()
    assert Polar("uci").shortened(30).n == 256


def test_constructions():
    assert Polar(1024, 512).construction == "nr"
    assert Polar(2048, 1024).construction == "ga"
    code = Polar(300, 150, construction="ga", design=3)
    assert (code.n, code.k) == (300, 150)
    code = Polar(300, 250, construction="bec", design=0.1)
    message, out = received(code, 7, 640)
    assert (soft(code, out.soft).message == message).all(axis=1).mean() > 0.95


def test_specifications_name_all_options():
    for spec in (
        "polar:256,100", "polar:uci,256,64", "polar:pbch", "polar:dci,216,40,decoder=scl16",
        "polar:300,100,crc=24b,decoder=adaptive2,construction=ga,design=3.5",
    ):  # fmt: skip
        code = netchat.coding.get(spec)
        rebuilt = netchat.coding.get(code.spec)
        assert (rebuilt.n, rebuilt.k, rebuilt.decoder) == (code.n, code.k, code.decoder)
    assert Polar("uci", 256, 64).spec == "polar:uci,256,64"
    assert Polar("pbch").spec == "polar:pbch"
    assert Polar(300, 100, crc=6, design=3, construction="ga").spec == (
        "polar:300,100,crc=6,construction=ga,design=3"
    )
    assert Polar(64).k == 32


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("polar:1", "'n' must be from 2 to 65536, got 1"),
        ("polar:64,65", "'k' must be from 1 to 64 for n = 64, got 65"),
        ("polar:64,60,crc=8", "'k' must be from 1 to 56 for n = 64, got 60"),
        ("polar:64,0", "'k' must be from 1 to 64"),
        ("polar:64,32,1", "takes n and k, got 3 numbers"),
        ("polar:64,32,crc=7", "'crc' must be 0, 6, 8, 11, 16, 24, 24a, 24b, 24c, 32, got 7"),
        ("polar:64,32,decoder=x", "'decoder' must be sc, fast, scl2"),
        ("polar:64,32,decoder=scl3", "'decoder' must be sc, fast, scl2"),
        ("polar:64,32,decoder=adaptive8", "must not be adaptive8 without a CRC"),
        ("polar:2048,32,construction=nr", "'construction' must be ga, bec for 2048 bits, got 'nr'"),
        ("polar:64,32,construction=x", "'construction' must be nr, ga, bec for 64 bits, got 'x'"),
        ("polar:64,32,construction=ga,design=99", "must be from -20 to 40 dB, got 99"),
        ("polar:64,32,construction=bec,design=1", "must be between 0 and 1, got 1"),
        ("polar:64,32,design=1", "'design' needs the construction ga or bec"),
        ("polar:lte", "'n' must be a number, uci, dci, pbch, got 'lte'"),
        ("polar:uci,256,64,crc=8", "'decoder' is the only one of uci"),
        ("polar:uci,256,19", "k from 20 to 1012 and below n - 11"),
        ("polar:uci,1088,360", "one block (k < 360 or n < 1088), got 1088 and 360"),
        ("polar:dci,216,141", "k from 12 to 140 and below n - 24"),
        ("polar:40,24,crc=8", None),
        ("polar:50,9", None),
    ],
)
def test_invalid_specifications(spec, says):
    if says is None:
        netchat.coding.get(spec)
        return
    with pytest.raises(ValueError, match=re.escape(says)):
        netchat.coding.get(spec)
