"""Tests of the page's commands against those of the terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from netchat.tui.commands import COMMANDS, parse
from tests.web.node import NODE, run

pytestmark = pytest.mark.skipif(
    NODE is None, reason="node is not installed: apt-get install nodejs"
)

ASK = """
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
const page = pathToFileURL(process.env.PAGE);
const { COMMANDS, ELSEWHERE, literally, parse } = await import(`${page}/commands.js`);
const parsed = JSON.parse(readFileSync(0, "utf-8")).map((text) => {
  try {
    const { verb, words } = parse(text);
    return [verb, ...words];
  } catch (error) {
    return error.constructor.name + ": " + error.message;
  }
});
const said = ["/msg Lea", "//", "plain"].map((text) => parse(literally(text)).words[0]);
console.log(JSON.stringify({ commands: COMMANDS, elsewhere: Object.keys(ELSEWHERE), parsed, said }));
"""

#: Valid and invalid lines, with every command.
LINES = [
    "hello",
    "a /msg in the middle",
    "//msg Lea is the command",
    "//",
    "///",
    "/",
    "/msg Lea a secret",
    "/msg Lea  two  spaces",
    "/msg Lea two\nlines",
    "/MSG\tLea\ttabs",
    "/Msg Lea",
    "/msg",
    "/create",
    "/create now",
    "/join",
    "/join lobby",
    "/join lobby now",
    "/room 7K3F9-2MQ0T",
    "/rooms",
    "/leave",
    "/leave lobby",
    "/leave lobby now",
    "/nick Nova",
    "/nick",
    "/nick two words",
    "/who",
    "/who lobby",
    "/help",
    "/help me",
    "/quit",
    "/exit",
    "/constructor",
    "/usr/bin/env is a path",
    "/search",
    "/edit Hello  you",
    "/edit",
    "/delete",
    "/delete #12",
    "/reply @Lea Yes!",
    "/react",
    "/react +1",
    "/search  two  words ",
    "/foo",
    "/msgLea a secret",
    "/\u202emsg",
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder: Path = tmp_path_factory.mktemp("page")
    (folder / "ask.mjs").write_text(ASK)
    return json.loads(run(folder, str(folder / "ask.mjs"), text=json.dumps(LINES)))


def test_every_terminal_command_exists_or_has_an_alternative(page: dict) -> None:
    assert {*page["commands"], *page["elsewhere"]} == set(COMMANDS)
    assert not {*page["commands"]} & {*page["elsewhere"]}
    for verb, (arguments, does, *rest) in page["commands"].items():
        usage = COMMANDS[verb]
        rights = (usage.role, usage.is_open_ended, usage.is_whole)
        assert (*rest, *(0, False, False)[len(rest) :]) == rights
        assert arguments == COMMANDS[verb].arguments
        assert does == COMMANDS[verb].does.split(" (also")[0]  # a page has no Ctrl-D


def test_lines_are_parsed_as_in_the_terminal(page: dict) -> None:
    for line, parsed in zip(LINES, page["parsed"], strict=True):
        try:
            command = parse(line)
        except ValueError as error:
            # The terminal also suggests a command.
            expected = re.sub(r"did you mean .*?\?", "/help lists the commands.", str(error))
            assert parsed == f"UsageError: {expected}", line
        else:
            assert command is not None
            assert parsed == [command.verb, *command.words], line


def test_lines_with_a_single_slash_are_never_sent(page: dict) -> None:
    for line, parsed in zip(LINES, page["parsed"], strict=True):
        if line.startswith("/") and parsed[0] == "say":
            assert line.startswith("//")
            assert parsed[1] == line[1:]


def test_undelivered_text_is_restored_unchanged(page: dict) -> None:
    assert page["said"] == ["/msg Lea", "//", "plain"]
