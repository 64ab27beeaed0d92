"""Tests of the channel lab's modules under node: state in the URL, cells, layout, fields, notebook cells."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import galois
import pytest

from netchat.channel_lab.explain import explain
from netchat.channel_lab.line import compute_line
from netchat.channel_lab.state import parse_state
from tests.web.node import NODE, copy_page, run

pytestmark = pytest.mark.skipif(
    NODE is None, reason="node is not installed: apt-get install nodejs"
)

#: Evaluates an expression for each of the given values, with the modules' exports as names.
ASK = """
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
globalThis.matchMedia = () => ({ matches: false });
const modules = {};
const explained = ["linear", "crc", "trellis"].map((kind) => `explain_${kind}`);
for (const name of ["state", "line_model", "notebook", "field", "chart", "thousand", ...explained]) {
  Object.assign(modules, await import(`${pathToFileURL(process.env.PAGE)}/lab/${name}.js`));
}
const { expression, values } = JSON.parse(readFileSync(0, "utf-8"));
const evaluate = new Function(...Object.keys(modules), "value", `return ${expression};`);
console.log(JSON.stringify(values.map((value) => evaluate(...Object.values(modules), value) ?? null)));
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the page's modules."""
    folder = tmp_path_factory.mktemp("page")
    copy_page(folder)
    (folder / "ask.mjs").write_text(ASK)
    return folder


def ask(folder: Path, expression: str, *values: Any) -> list[Any]:
    """Evaluate an expression of JavaScript for each value."""
    text = json.dumps({"expression": expression, "values": values})
    found: list[Any] = json.loads(run(folder, str(folder / "ask.mjs"), text=text))
    return found


def line_of(**state: Any) -> dict[str, Any]:
    return compute_line(parse_state(state, {}), {})


STATES: list[dict[str, Any]] = [
    {},
    {"text": "a=1&b#c?% ü😀\n", "carry": "frame", "code": "rs:15,11", "interleave": "interleave:4"},
    {"channel": "awgn:-1.5dB,qam16", "seed": 77, "view": "decoder", "block": 3, "at": 5},
    {"touched": {"3": "flip", "4": "flip", "5": "flip", "9": "erase", "11": "flip"}},
    {"with": ["golay:24", "ldpc:wifi,648,1/2"], "sweep": "bsc:0.1:0.01:x0.5", "errors": 20},
]


def test_the_url_holds_the_whole_state(page: Path) -> None:
    written = ask(page, "writeState({...DEFAULTS, ...value})", *STATES)
    assert written[0] == ""
    assert written[3] == "touched=3-5.e9.11"
    assert ask(page, "readState('#' + value)", *written) == [
        {**ask(page, "DEFAULTS", 0)[0], **state} for state in STATES
    ]


HOSTILE = [
    "text=%FF%FE&code=%00&channel=bsc:1e999&seed=-1",
    "seed=99999999999999999999&block=1e9&view=__proto__&carry=constructor",
    "touched=0-9999999.e0-9999999",
    "touched=" + "1." * 20_000,
    "touched=3-1.-2.e.e-3.1-2-3.٣",
    "with=" + "&with=".join("x" * 5_000 for _ in range(50)),
    "text=" + "a" * 100_000,
    "&&&===%",
]


def test_a_hostile_url_gives_a_state_within_the_limits(page: Path) -> None:
    for state in ask(page, "readState(value)", *HOSTILE):
        assert len(state["text"]) <= 256
        assert len(state["touched"]) <= 500
        assert set(state["touched"].values()) <= {"flip", "erase"}
        assert all(0 <= int(at) < 5_000 for at in state["touched"])
        assert state["view"] in ("line", "decoder", "thousand")
        assert state["carry"] in ("text", "frame")
        assert 0 <= state["seed"] < 2**31
        assert len(state["with"]) <= 5
        assert all(len(spec) <= 80 for spec in [*state["with"], state["code"], state["channel"]])


def test_a_second_touch_undoes_the_first(page: Path) -> None:
    found = ask(
        page,
        "toggled(value[0], value[1], value[2])",
        [{}, [4], "flip"],
        [{"4": "flip"}, [4], "flip"],
        [{"4": "flip"}, [4], "erase"],
        [{"4": "flip", "5": "erase"}, [4, 5, 6], "flip"],
        [{"4": "flip", "5": "flip"}, [4, 5], "flip"],
    )
    assert found == [
        {"4": "flip"}, {}, {"4": "erase"}, {"4": "flip", "5": "erase", "6": "flip"}, {},
    ]  # fmt: skip


def test_touched_bits_keep_their_positions_on_the_line(page: Path) -> None:
    one, three = {"3": "flip"}, {"3": "flip", "20": "erase", "21": "flip"}
    assert ask(
        page,
        "keptNote(value[0], value[1], value[2])",
        [{}, 42, True], [one, 42, True], [three, 42, False],
        [one, 3, False], [three, 21, False], [three, 7, True], [three, 3, True],
    ) == [
        "",
        "The touched bit keeps its position on the line.",
        "",
        "The touched bit keeps its position, but it is beyond the end of this line of 3 bits.",
        "The 3 touched bits keep their positions; 1 of them is beyond the end of this line of 21 bits.",
        "The 3 touched bits keep their positions; 2 of them are beyond the end of this line of 7 bits.",
        "The 3 touched bits keep their positions, but all are beyond the end of this line of 3 bits.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"channel": "bsc:0"}, "✓ as it was sent"),
        ({"channel": "bsc:0", "touched": {"0": "flip", "1": "flip"}}, "✗ damaged"),
        ({"channel": "bsc:0", "code": "golay:24", "touched": dict.fromkeys("3456", "flip")}, None),
        ({"channel": "bsc:0.1", "carry": "frame", "seed": 3}, "✗ frame rejected"),
    ],
)
def test_the_verdict_distinguishes_what_the_receiver_knows(
    page: Path, state: dict[str, Any], words: str | None
) -> None:
    line = line_of(**state)
    (found,) = ask(page, "verdict(value, { text: 'Hi!' })", line)
    if words is None:  # a reported failure: the text may be right by chance
        words = "✗ damaged" if line["text"] != "Hi!" else "✗ right, but reported as failed"
    assert found["words"] == words


def test_the_slider_reaches_both_ends_and_its_right_one_is_noisy(page: Path) -> None:
    flips = {
        "spec": "bsc:0.02",
        "parameter": "probability of a flip",
        "min": 0,
        "max": 0.3,
        "step": 0.005,
    }
    noise = {"spec": "awgn:4dB", "parameter": "Eb/N0 in dB", "min": -3, "max": 12, "step": 0.25}
    ends = ask(page, "[slider.to(value, 0), slider.to(value, 1000)]", flips, noise)
    assert ends == [[0, 0.3], [12, -3]]
    for channel, values in ((flips, [0.001, 0.02, 0.1, 0.3]), (noise, [-3, 0, 4, 12])):
        back = ask(
            page,
            "slider.to(value[0], slider.from(value[0], value[1]))",
            *([channel, v] for v in values),
        )
        assert back == pytest.approx(values, rel=0.05, abs=0.001)
    specs = "bsc:0.02", "awgn:4dB,qam16", "gilbert-elliott:0.01,0.2,0,0.5", "odd"
    assert ask(page, "withNoise(value, 0.05)", *specs) == [
        "bsc:0.05", "awgn:0.05dB,qam16", "gilbert-elliott:0.05,0.2,0,0.5", "odd",
    ]  # fmt: skip


def test_each_cell_shows_what_happened_to_its_bit(page: Path) -> None:
    line = line_of(channel="bsc:0", touched={"0": "flip", "8": "flip", "9": "flip", "14": "erase"})
    kinds = """Object.fromEntries(["coded", "channel", "decoder"].map((stage) =>
      [stage, [...value.coded].map((_, at) => kindAt(value, stage, at, dataMask(value)[at]))]))"""
    (found,) = ask(page, kinds, line)
    assert found["coded"][:7] == ["data"] * 4 + ["parity"] * 3
    assert [found["channel"][at] for at in (0, 8, 9, 14)] == [
        "flipped",
        "flipped",
        "flipped",
        "erased",
    ]
    assert found["decoder"][0] == "corrected"
    assert found["decoder"][14] == "recovered"
    assert found["decoder"][8] == found["decoder"][9] == "wrong"  # two flips are too many for (7,4)
    assert found["decoder"][7:14].count("miscorrected") == 1


@pytest.mark.parametrize("depth", [2, 4])
def test_an_interleaved_line_is_shown_in_both_orders(page: Path, depth: int) -> None:
    line = line_of(text="Hello", interleave=f"interleave:{depth}")
    ask_for = (
        "[...['coded', 'channel'].map((stage) => [...shownOrder(value, stage)]), blockAt(value, 1)]"
    )
    ((coded, channel, block),) = ask(page, ask_for, line)
    assert channel == list(range(len(line["coded"])))
    # The n-th cell shown of the codewords is on the line where the interleaver has put coded bit n.
    assert [line["order"][at] for at in coded] == channel
    assert block == 1  # neighbours on the line belong to neighbouring codewords


@pytest.mark.parametrize(
    ("lengths", "width"),
    [([7] * 6, 230), ([7] * 6, 358), ([648] * 3, 340), ([3] * 40, 230), ([5000], 300)],
)
def test_cells_never_overlap_or_leave_their_place(
    page: Path, lengths: list[int], width: int
) -> None:
    ((cell, x, y, found),) = ask(
        page,
        """(({ cell, x, y }) => [cell, [...x], [...y],
          [0, 1, x.length - 1].map((i) => cellAt({ cell, x, y }, x[i] + cell / 2, y[i] + cell / 2))])
          (layout(value[0], value[1]))""",
        [lengths, width],
    )
    total = sum(lengths)
    assert found == [0, 1, total - 1]
    assert len({(round(a), round(b)) for a, b in zip(x, y, strict=True)}) == len(x) == total
    assert max(x) + cell <= width + 0.01
    if lengths[0] * 13 <= width:  # a codeword that fits is not wrapped
        assert y[0] == y[lengths[0] - 1]


def test_words_describe_a_bit_and_a_codeword(page: Path) -> None:
    line = line_of(channel="bsc:0", touched={"8": "flip"})
    (bit,) = ask(page, "describeBit(value, 8, dataMask(value))", line)
    assert bit == (
        "Bit 9 of the line, bit 2 of codeword 2 (data): "
        "sent 0, received 1, decoded 0: flipped, and corrected."
    )
    (block,) = ask(page, "describeBlock(value, 1)", line)
    assert block == {
        "sent": "1000110",
        "received": "1100110",
        "decoded": "1000110",
        "flips": 1,
        "end": "corrected",
    }


NOTEBOOKS = [
    {"channel": "bsc:0.08", "seed": 5},
    {"channel": "bec:0.2", "seed": 2, "text": 'say "Hé\\llo"\n😀'},
    {"channel": "awgn:2dB", "seed": 3, "code": "golay:24", "touched": {"5": "flip", "7": "erase"}},
    {
        "channel": "bsc:0.03",
        "seed": 4,
        "code": "rs:15,11",
        "carry": "frame",
        "interleave": "interleave:4",
    },
]


@pytest.mark.parametrize("state", NOTEBOOKS, ids=lambda state: state.get("code", "hamming"))
def test_the_notebook_cell_gives_the_numbers_of_the_page(page: Path, state: dict[str, Any]) -> None:
    line = line_of(**state)
    full = {"carry": "text", "touched": {}, "code": "hamming:7,4", "text": "Hi!", **state}
    (cell,) = ask(page, "lineCell(value[0], value[1])", [line, full])
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(cell, names)
    bits = "".join(map(str, names["decoded"].message.reshape(-1)))
    if names["code"].alphabet == "byte":
        bits = "".join(f"{octet:08b}" for octet in names["result"])
    assert bits == line["decoded"]
    assert names["data"].hex() == (
        line["frame"]["bytes"] if full["carry"] == "frame" else full["text"].encode().hex()
    )


def test_commands_and_cells_quote_what_a_user_typed(page: Path) -> None:
    request = {
        "codes": ["hamming:7,4", "x'; rm -rf $HOME"],
        "channel": "bsc",
        "interleave": "",
        "seed": 1,
        "errors": 5,
    }
    (command,) = ask(page, "commandFor(value)", request)
    assert command.endswith(
        "--code hamming:7,4 --code 'x'\\''; rm -rf $HOME' --channel bsc --errors 5 --seed 1"
    )
    (cell,) = ask(page, "benchCell(value)", {**request, "codes": ['a"]); evil(']})
    compile(cell, "cell", "exec")
    assert 'codes=["a\\"]); evil("]' in cell
    (csv,) = ask(page, "csvOf(value)", [{"code": "=1+1", "x": -3}])
    assert '"\'=1+1","-3"' in csv


@pytest.mark.parametrize(("m", "polynomial"), [(4, 0b10011)])
def test_powers_of_alpha_agree_with_galois(page: Path, m: int, polynomial: int) -> None:
    field = galois.GF(2**m, irreducible_poly=polynomial, primitive_element=2)
    elements = field.elements[1:]
    (logs,) = ask(page, "[...logarithms(value[0], value[1])]", [m, polynomial])
    assert logs[1:] == elements.log().tolist()
    (text,) = ask(
        page,
        "polynomial([1, 0, 2, 3], writer('power', { m: value[0], polynomial: value[1] }))",
        [m, polynomial],
    )
    assert text.startswith("1 + \N{GREEK SMALL LETTER ALPHA}·x² + \N{GREEK SMALL LETTER ALPHA}")


def test_the_circles_are_those_of_the_engine(page: Path) -> None:
    found = explain(parse_state({"channel": "bsc:0", "touched": {"3": "flip"}}, {}), {})
    (patterns,) = ask(page, "circlesOf(value)", found["H"])
    assert ["".join("ABC"[i] for i in range(3) if p[i] == "1") for p in patterns] == found[
        "circle"
    ]["regions"]
    (equations,) = ask(
        page, "equationsOf(value[0], value[1])", [found["H"], [str(b) for b in found["received"]]]
    )
    assert equations == found["equations"]
    assert ask(page, "circlesOf(value)", [[1, 1, 0]]) == [None]


def test_the_division_starts_with_the_message_and_zeros(page: Path) -> None:
    found = explain(parse_state({"code": "crc:8,16", "channel": "bsc:0"}, {}), {})
    (lines,) = ask(page, "divisionLines(value)", found["division"])
    assert lines[0]["text"] == f"{int.from_bytes(b'Hi'):016b}" + "0" * 8
    # Every line is as long as the dividend: columns are aligned.
    rests = [line for line in lines if line["kind"] != "xor"]
    assert {line["at"] + len(line["text"]) for line in rests} == {24}
    assert ask(page, "terms(value)", found["polynomial"]) == ["x⁸ + x² + x + 1"]


def test_survivors_agree_more_and_more(page: Path) -> None:
    found = explain(
        parse_state({"code": "conv:7,5,k=24", "channel": "bsc:0.05", "seed": 3}, {}), {}
    )
    (agreed,) = ask(page, "aliveSurvivors(value.stages, [0, null, null, null])", found)
    assert agreed == sorted(agreed)
    assert 0 < agreed[-1] <= len(found["stages"])
    (ring,) = ask(page, "ringOf(value.diagram, value.states)", found)
    assert ring == [0, 2, 3, 1]


def test_the_axes_of_a_chart_hold_all_points(page: Path) -> None:
    found = ask(
        page, "(({ isLog, bottom }) => ({ isLog, bottom }))(scales(value[0], value[1]))",
        [[0.1, 0.05, 0.01], [0.2, 3e-5]], [[0, 1, 2], [0.3]], [[4], []],
    )  # fmt: skip
    assert found == [
        {"isLog": True, "bottom": -5},
        {"isLog": False, "bottom": -2},
        {"isLog": False, "bottom": -2},
    ]
    (marks,) = ask(page, "ticks({ isLog: false, least: 0, most: 8 })", 0)
    assert marks == list(range(9))
