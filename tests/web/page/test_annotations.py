"""The page's edits, deletions, replies and reactions, with the vectors and the functions of Python."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchat.wire import EventKind
from netchat.wire.annotations import describe_annotation, parse_annotation, reaction_problem
from tests.chat.test_annotation_log import VECTORS
from tests.web import node

pytestmark = pytest.mark.skipif(
    node.NODE is None, reason="node is not installed: apt-get install nodejs"
)

PROGRAM = """
import { readFileSync } from "node:fs";
const page = await import(`${process.env.PAGE}/annotations.js`);
const { vectors, texts } = JSON.parse(readFileSync(0, "utf-8"));
const event = ([kind, seq, sender, text, isSealed, problem]) =>
  ({ kind, seq: BigInt(seq), sender, text, isSealed: Boolean(isSealed), problems: problem ? [problem] : [] });
const views = vectors.map(({ events, message }) => {
  const log = new page.AnnotationLog();
  for (const each of events) log.add(event(each));
  const view = log.view(event(message));
  return { ...view, answers: Number(view.answers ?? 0n), reactions: Object.fromEntries(view.reactions) };
});
const log = new page.AnnotationLog();
log.add(event([8, 7, "Ann", "5\\nnew"]));
log.clearBefore(6n);
const cleared = log.view(event([1, 5, "Ann", "old"])).text;
const parsed = texts.map(([kind, text]) => {
  const found = page.parseAnnotation(kind, text);
  const fields = found && [found.kind, String(found.target), found.text, found.isRemoval];
  return [fields, page.describeAnnotation(kind, text), page.reactionProblem(text)];
});
console.log(JSON.stringify({ views, cleared, parsed }));
"""

NAMES = {"isEdited": "is_edited", "isDeleted": "is_deleted", "deletedBy": "deleted_by"}
EMPTY = {
    "text": "", "answers": 0, "is_edited": False, "is_deleted": False, "deleted_by": "", "reactions": {},
}  # fmt: skip


def ask(folder, vectors, texts):
    (folder / "program.mjs").write_text(PROGRAM, encoding="utf-8")
    task = json.dumps({"vectors": vectors, "texts": texts})
    return json.loads(node.run(folder, str(folder / "program.mjs"), text=task))


def test_the_page_agrees_with_the_vectors(tmp_path):
    answer = ask(tmp_path, VECTORS, [])
    assert answer["cleared"] == "old"
    for vector, view in zip(VECTORS, answer["views"], strict=True):
        shown = {NAMES.get(name, name): value for name, value in view.items()}
        assert shown == {**EMPTY, **vector["view"]}, vector["name"]


def test_the_page_reads_texts_as_python_does(tmp_path):
    found: list[tuple[int, str]] = []
    characters = st.characters(exclude_categories=["Cs"]) | st.sampled_from(
        "+-0179\n \t\x1c\x85​　\ufeff👍"
    )

    @settings(max_examples=400, database=None)
    @given(
        st.sampled_from([*EventKind, 99]),
        st.sampled_from(["", "7", "07", "7\n", "7\n+", f"{2**63 - 1}\n-", f"{2**63}\n"]),
        st.text(characters, max_size=18),
    )
    def collect(kind, head, text):
        found.append((int(kind), head + text))
        found.append((EventKind.REACTION, text))

    collect()
    answers = ask(tmp_path, [], found)["parsed"]
    for (kind, text), (parsed, shown, problem) in zip(found, answers, strict=True):
        expected = parse_annotation(kind, text)
        assert parsed == (
            [expected.kind, str(expected.target), expected.text, expected.is_removal]
            if expected
            else None
        ), (kind, text)
        assert shown == describe_annotation(kind, text)
        assert bool(problem) == bool(reaction_problem(text)), text
