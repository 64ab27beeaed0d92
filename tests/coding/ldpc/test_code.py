"""LDPC codes: textbook decoders, peeling, the encoder of the standard, and files."""

import re

import numpy as np
import pytest
from scipy import sparse

import netchat.channels
import netchat.coding
from netchat.coding import LDPC
from netchat.coding.ldpc.encoder import independent_columns, plan
from netchat.coding.ldpc.graph import Graph, expanded, read_graph
from netchat.coding.ldpc.standards import _STARTS, LIFTINGS, _text


def generator(seed=1):
    return np.random.Generator(np.random.SFC64(seed))


def received(code, ebn0_db, batch, seed=1):
    message = generator(seed).integers(0, 2, (batch, code.k), dtype=np.uint8)
    channel = netchat.channels.AWGN(ebn0_db).at_rate(code.rate)
    return message, channel.transmit(code.encode(message), generator(seed + 1))


def rank(matrix):
    rows, found = [int("".join(map(str, row)), 2) for row in matrix.tolist()], 0
    while rows:
        pivot = rows.pop()
        if pivot:
            found += 1
            low = pivot & -pivot
            rows = [row ^ pivot if row & low else row for row in rows]
    return found


def belief_propagation(matrix, ratios, iterations, update, flooding):
    """Decode one block as in a textbook; `update` maps the other messages of a check to one."""
    members = [np.flatnonzero(row) for row in matrix]
    messages = [np.zeros(len(each)) for each in members]
    total = ratios.astype(float)
    for _ in range(iterations):
        if not (matrix @ (total < 0) % 2).any():
            break
        before = total.copy()
        for check, each in enumerate(members):
            inputs = (before if flooding else total)[each] - messages[check]
            new = np.array([update(np.delete(inputs, at)) for at in range(len(each))])
            total[each] = (total[each] - messages[check] + new) if flooding else inputs + new
            messages[check] = new
    return (total < 0).astype(np.uint8)


def min_sum(others):
    return np.prod(np.sign(others)) * np.abs(others).min()


NEAR = 1 - 1e-15
UPDATES = {
    "sum-product": lambda others: 2 * np.arctanh(np.clip(np.prod(np.tanh(others / 2)), -NEAR, NEAR)),
    "min-sum": lambda others: 0.8 * min_sum(others),
    "offset": lambda others: np.sign(min_sum(others)) * max(abs(min_sum(others)) - 0.5, 0),
}  # fmt: skip


@pytest.mark.parametrize("algorithm", UPDATES)
@pytest.mark.parametrize("schedule", ["layered", "flooding"])
def test_the_textbook_decoder_finds_the_same(algorithm, schedule):
    code = LDPC("ccsds", iterations=6, algorithm=algorithm, schedule=schedule, scale=0.8)
    _, out = received(code, 2, 30)
    matrix = code._design.graph.dense().astype(int)
    found = code.decode(out.block, soft=out.soft)
    right = np.array([
        belief_propagation(matrix, row, 6, UPDATES[algorithm], schedule == "flooding")
        for row in out.soft
    ])  # fmt: skip
    assert (found.message == right[:, :64]).all(axis=1).mean() >= 0.96
    failed = (right @ matrix.T % 2).any(axis=1)
    assert (found.failed == failed).mean() >= 0.96
    assert 0.1 < failed.mean() < 0.9


def test_integers_decode_nearly_like_floats():
    integers, floats = LDPC("wifi", 648, "1/2"), LDPC("wifi", 648, "1/2", scale=0.7501)
    message, out = received(integers, 1.5, 640)
    rates = [
        (code.decode(out.block, soft=out.soft).message != message).any(axis=1).mean()
        for code in (integers, floats)
    ]
    assert rates[1] > 0.05
    assert rates[0] < 1.25 * rates[1]


def test_erasures_are_filled_by_peeling():
    """Without errors, min-sum fills in exactly the bits that peeling finds."""
    code = netchat.coding.get("ldpc:ccsds,128,iterations=100")
    graph = code._design.graph
    message = generator(3).integers(0, 2, (300, 64), dtype=np.uint8)
    word = code.encode(message)
    lost = generator(4).random(word.shape) < 0.38
    result = code.decode(word & ~lost, lost)
    soft = code.decode(word & ~lost, lost, np.where(word, -9.0, 9.0))
    assert (soft.message == result.message).all()
    solved = 0
    for row in range(300):
        unknown = lost[row].copy()
        while True:
            counts = graph.dense() @ unknown.astype(int)
            ready = np.flatnonzero(counts == 1)
            if not len(ready):
                break
            check = graph.variables[graph.starts[ready[0]] : graph.starts[ready[0] + 1]]
            unknown[check[unknown[check]]] = False
        if not unknown.any():
            solved += 1
            assert (result.message[row] == message[row]).all()
            assert result.corrected[row] == lost[row].sum()
    assert 60 < solved < 290


@pytest.mark.parametrize(
    "spec",
    [
        "wifi,648,2/3",
        "wifi,1296,3/4",
        "wifi,1944,5/6",
        "wimax",
        "wimax,672",
        "wimax,2304",
        "wimax,576,2/3A",
        "wimax,672,2/3B",
        "wimax,1248,3/4A",
        "wimax,864,3/4B",
        "wimax,960,5/6",
        "ccsds,128",
    ],
)
def test_codewords_satisfy_all_checks(spec):
    code = netchat.coding.get(f"ldpc:{spec}")
    word = code.encode(generator().integers(0, 2, (70, code.k), dtype=np.uint8))
    assert not (word @ code._design.graph.dense().T.astype(int) % 2).any()
    assert (word[:, : code.k] == code.encode(word[:, : code.k])[:, : code.k]).all()


def test_shifts_of_wimax():
    """IEEE 802.16, 8.4.9.2.5.1: identity matrices, shifted to the right by the listed numbers."""
    first = [(1, 94), (2, 73), (8, 55), (9, 83), (12, 7), (13, 0)]
    for n in (2304, 576):
        lifting = n // 24
        ones = [lifting * column + shift * lifting // 96 for column, shift in first]
        assert np.flatnonzero(LDPC("wimax", n).H[0]).tolist() == ones
    check = LDPC("wimax", 1152).H.astype(int)
    overlap = check @ check.T
    assert (overlap - np.diag(np.diag(overlap))).max() == 1  # no cycle of length 4


@pytest.mark.parametrize(
    ("rate", "column", "checks"),
    [
        ("5/6", 0, (96, 238, 335)),
        ("5/6", 96, (72, 187, 208)),
        ("5/6", 4 * 96, (50, 153, 222)),
        ("3/4B", 8 * 96 - 1, (71, 381, 541)),
        ("3/4B", 8 * 96, (80, 219, 334)),
        ("3/4B", 12 * 96, (68, 157, 285, 291, 404, 492)),
    ],
)
def test_columns_of_wimax(rate, column, checks):
    """Checks, from 1, of columns in another program's .alist files (myersw12/wimax_ldpc_lib)."""
    found = np.flatnonzero(LDPC("wimax", 2304, rate).H[:, column]) + 1
    assert tuple(found) == checks


def test_shifts_of_wimax_2_3_a_are_reduced():
    """8.4.9.2.5.1: rate 2/3A takes the remainder by the size, and the others a proportional shift."""
    assert np.flatnonzero(LDPC("wimax", 576, "2/3A").H[24])[1] == 4 * 24 + 36 % 24
    assert np.flatnonzero(LDPC("wimax", 576, "2/3B").H[0])[1] == 2 * 24 + 19 * 24 // 96


def test_minimum_distance_of_ccsds():
    """Words of the declared minimum weight exist: CCSDS 231.0-B lists 14."""
    code = LDPC("ccsds")
    assert code.minimum_distance == 14
    single = code.encode(np.eye(64, dtype=np.uint8))
    pairs = (single[:, None] ^ single[None]).sum(axis=2)[np.triu_indices(64, 1)]
    assert min(single.sum(axis=1).min(), pairs.min()) >= 14


def encode_as_in_38_212(k, n, version, base, message):
    """Encode by solving the equations of 3GPP TS 38.212, 5.3.2, and select bits as in 5.4.2.1."""
    used = 22 if base == 1 else 10 if k > 640 else 9 if k > 560 else 8 if k > 192 else 6
    lifting = min(size for size in LIFTINGS if used * size >= k)
    blocks, columns, rows = (22, 68, 46) if base == 1 else (10, 52, 42)
    matrix = np.zeros((rows * lifting, columns * lifting), np.uint8)
    for line in _text(f"nr_bg{base}.txt"):
        row, column, *shifts = map(int, line.split())
        for at in range(lifting):
            place = (at + shifts[LIFTINGS[lifting]]) % lifting
            matrix[row * lifting + at, column * lifting + place] = 1
    c = np.zeros(blocks * lifting, np.uint8)
    c[:k] = message
    left, right = matrix[:, : blocks * lifting], matrix[:, blocks * lifting :]
    system = np.concatenate([right, (left @ c % 2)[:, None]], axis=1)
    for at in range(len(system)):  # Gauss and Jordan
        pivot = at + int(np.argmax(system[at:, at]))
        system[[at, pivot]] = system[[pivot, at]]
        others = np.flatnonzero(system[:, at])
        system[others[others != at]] ^= system[at]
    whole = np.concatenate([c, system[:, -1]])
    d = whole[2 * lifting :].astype(int)
    d[k - 2 * lifting : blocks * lifting - 2 * lifting] = -1  # fillers
    out, j = [], _STARTS[base][version] * lifting
    while len(out) < n:
        if d[j % len(d)] >= 0:
            out.append(d[j % len(d)])
        j += 1
    return np.array(out)


@pytest.mark.parametrize(
    ("k", "n", "version", "base"),
    [
        (20, 60, 0, 2),
        (20, 250, 2, 2),
        (40, 100, 1, 1),
        (200, 300, 3, 2),
        (66, 90, 0, 1),
        (100, 700, 0, 2),
    ],
)
def test_encoder_of_5g(k, n, version, base):
    code = LDPC("nr", k, n, version, base)
    message = generator().integers(0, 2, (3, k), dtype=np.uint8)
    for row, word in zip(message, code.encode(message), strict=True):
        assert (word == encode_as_in_38_212(k, n, version, base, row)).all()
    if version == 0:
        assert (code.decode(code.encode(message)).message == message).all()


def test_base_graph_of_5g_by_the_rules():
    for k, n, base in (
        (292, 300, 2),
        (400, 500, 1),
        (400, 800, 2),
        (3824, 6000, 2),
        (5000, 21000, 2),
    ):
        if k <= 3840:
            assert f"base graph {base}" in LDPC("nr", k, n).citation
    with pytest.raises(ValueError, match="k from 1 to 3840"):
        LDPC("nr", 5000, 21000)


def test_repeated_bits_of_5g_add_up():
    """Beyond the buffer, bits are repeated, and their ratios are added."""
    code = LDPC("nr", 20, 400)
    assert len(set(code._design.sent.tolist())) < 400
    message, out = received(code, 3, 200)
    assert (code.decode(out.block, soft=out.soft).message == message).mean() > 0.95


def test_a_block_does_not_depend_on_the_others():
    for options in ({}, {"algorithm": "sum-product"}):
        code = LDPC("wimax", iterations=8, **options)
        _, out = received(code, 1.5, 70)
        together = code.decode(out.block, soft=out.soft)
        for row in (0, 5, 69):
            alone = code.decode(out.block[row : row + 1], soft=out.soft[row : row + 1])
            assert (alone.message[0] == together.message[row]).all()
            assert alone.corrected[0] == together.corrected[row]


def random_matrix(rows=30, columns=50, seed=5):
    """Return a sparse matrix with dependent rows, whose last columns are not triangular."""
    matrix = (generator(seed).random((rows, columns)) < 0.12).astype(np.uint8)
    matrix[matrix.sum(axis=1) < 2, :2] = 1
    matrix[-1] = matrix[0] ^ matrix[1]
    return matrix


def write_alist(path, matrix):
    rows = [[place + 1 for place in np.flatnonzero(row)] for row in matrix]
    columns = [[place + 1 for place in np.flatnonzero(column)] for column in matrix.T]
    lines = [
        "# a comment", f"{matrix.shape[1]} {matrix.shape[0]}", "0 0",
        " ".join(str(len(each)) for each in columns), " ".join(str(len(each)) for each in rows),
        *(" ".join(map(str, each)) or "0" for each in columns),
        *(" ".join(map(str, [*each, 0, 0])) for each in rows),
    ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("form", ["alist", "npy", "npz", "sparse"])
def test_a_matrix_of_any_form(tmp_path, form):
    matrix = random_matrix()
    path = tmp_path / f"h.{'npz' if form == 'sparse' else form}"
    if form == "alist":
        write_alist(path, matrix)
    elif form == "npy":
        np.save(path, matrix)
    elif form == "npz":
        np.savez(path, h=matrix)
    else:
        sparse.save_npz(path, sparse.csr_matrix(matrix))
    code = netchat.coding.get(f"ldpc:{path}")
    assert (code.n, code.k) == (50, 50 - rank(matrix))
    message = generator().integers(0, 2, (100, code.k), dtype=np.uint8)
    word = code.encode(message)
    assert not (word @ matrix.T.astype(int) % 2).any()
    assert (word[:, code.data_positions] == message).all()
    assert (code.decode(word).message == message).all()


def test_a_quasi_cyclic_file(tmp_path):
    path = tmp_path / "h.qc"
    path.write_text("4 2 5\n0 1/3 2 -1\n4 -1 0 1\n\n1 1 0 1\n")
    graph, sent = read_graph(str(path))
    block = np.eye(5, dtype=np.uint8)
    zero = np.zeros((5, 5), np.uint8)
    shifted = [np.roll(block, shift, axis=1) for shift in range(5)]
    assert (
        graph.dense()
        == np.block([
            [shifted[0], shifted[1] + shifted[3], shifted[2], zero], [shifted[4], zero, block, shifted[1]]
        ])
    ).all()  # fmt: skip
    assert sent.tolist() == [True] * 10 + [False] * 5 + [True] * 5
    code = LDPC(str(path))
    message = generator().integers(0, 2, (20, code.k), dtype=np.uint8)
    assert code.n == 15
    assert (code.encode(message)[:, code.data_positions] == message).all() or not code.systematic


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("h.txt", "", "must be a file with the suffix .alist, .qc, .mtx, .npz, .npy"),
        ("h.alist", None, "cannot"),
        ("h.alist", "x", "is not a valid .alist file: invalid"),
        ("h.alist", "4 2\n2 3\n", "it has 0 of 2 checks"),
        ("h.alist", "2 1\n1 2\n1 1\n2\n1\n1\n1 9\n", "check 1 is empty, or has a wrong"),
        ("h.qc", "2 1 3\n0 1\n1\n", "its last line must have a digit"),
        ("h.qc", "2 2 3\n0 1\n1\n", "its rows differ in length"),
        ("h.qc", "2 1 3\n0 7\n", "it must have 1 rows of 2 shifts below 3"),
        ("h.qc", "1 1 1\n0\n", "must have 2 to 131072 columns"),
        ("h.qc", "2 2 1\n0 0\n-1 0\n", "must have more columns than independent rows"),
        ("h.npz", "x", "is not a valid .npz file"),
    ],
)
def test_invalid_files(tmp_path, name, content, says):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=re.escape(says) if says != "cannot" else "No such file"):
        LDPC(str(path))


def test_an_invalid_array(tmp_path):
    np.save(tmp_path / "h.npy", np.full((2, 3), 2))
    with pytest.raises(ValueError, match="a matrix of zeros and ones"):
        LDPC(str(tmp_path / "h.npy"))


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("ldpc:wifi,648,1/3", "Arguments of wifi must be 648, 1296 or 1944 and 1/2"),
        ("ldpc:wifi,1,2,3", "wifi takes at most 2 arguments, got 3"),
        ("ldpc:wimax,600", "Argument of wimax must be a multiple of 96 from 576 to 2304, got 600"),
        (
            "ldpc:wimax,576,1/3",
            "'rate' of wimax must be 1/2, 2/3A, 2/3B, 3/4A, 3/4B or 5/6, got '1/3'",
        ),
        ("ldpc:ccsds,512", "Argument of ccsds must be 128, got 512"),
        ("ldpc:ar4ja,1", "Argument of ar4ja must be 8192, got 1"),
        ("ldpc:nr,x", "Arguments of nr must be integers"),
        ("ldpc:nr,100,100", "k from 1 to 3840 and a larger n, got 100 and 100"),
        ("ldpc:nr,100,200,4", "version from 0 to 3"),
        ("ldpc:wifi,iterations=0", "'iterations' must be from 1 to 10000, got 0"),
        ("ldpc:wifi,scale=0", "'scale' and 'offset' must be from 0 to 1"),
        (
            "ldpc:wifi,algorithm=x",
            "sum-product, gallager-a, gallager-b, bit-flipping, got 'x'",
        ),
        ("ldpc:wifi,schedule=x", "'schedule' must be layered, flooding, got 'x'"),
        (
            "ldpc:turbo,3",
            "'source' must be wifi, nr, wimax, ccsds, ar4ja, gallager or a file, got 'turbo'",
        ),
    ],
)
def test_invalid_specifications(spec, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        netchat.coding.get(spec)


def test_specifications_name_all_options():
    code = LDPC(
        "wifi", 648, "5/6", iterations=5, algorithm="offset", schedule="flooding", offset=0.25
    )
    assert (
        code.spec == "ldpc:wifi,648,5/6,iterations=5,algorithm=offset,schedule=flooding,offset=0.25"
    )
    assert netchat.coding.get(code.spec).iterations == 5
    assert LDPC("ar4ja").n == 8192


def test_checks_that_do_not_determine_the_parity_bits():
    with pytest.raises(ValueError, match="do not determine"):
        plan(Graph.of(4, [np.array([0, 1])]), np.array([0]))
    square = Graph.of(4, [np.array([1, 2]), np.array([2, 3]), np.array([1, 3])])
    with pytest.raises(ValueError, match="do not determine"):
        plan(square, np.array([0]))
    assert independent_columns(square).tolist() == [2, 3]
    assert expanded([[(0,), (1,)]], 2).dense().tolist() == [[1, 0, 0, 1], [0, 1, 1, 0]]


def test_a_parity_bit_with_a_large_wrong_ratio_is_no_failure():
    """In 5G, most parity bits are in a single check; the largest ratio must not outweigh it."""
    from netchat.coding.ldpc.code import design_of

    code = LDPC("nr", 256, 512)
    graph, sent = design_of(code).graph, design_of(code).sent
    single = np.flatnonzero(np.bincount(graph.variables, minlength=graph.columns)[sent] == 1)
    assert len(single) > 100
    word = code.encode(np.zeros((len(single), 256), np.uint8))
    ratios = (1 - 2 * word).astype(np.float32)
    ratios[np.arange(len(single)), single] = -100.0
    result = code.decode((ratios < 0).astype(np.uint8), None, ratios)
    assert not result.message.any()
    assert (result.corrected == 1).all()
