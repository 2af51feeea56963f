"""Pairs of a test and the function that it tests.

A test names what it tests: in its own name (`test_back_off`, `TestBackOff`), in its title or in
that of the group around it (`describe("backOff")`), or in the name of its file. A function is taken
for the tested one where all words of its name stand there in a row *and* the test calls it by that
name, and where the repository has one function of that name. The longest name wins.

Tests are functions, found by the grammars, and blocks with a title (`it("…")`, `test "…" do`,
`TEST(Suite, Name)`), which no grammar calls a definition: those end where the indentation of their
first line comes back.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from c2llm.codebase.identifiers import split_identifier, words
from c2llm.codebase.syntax import Definition
from c2llm.training.mining.mined_pair import MinedPair
from c2llm.training.mining.pair_filters import Limits, is_document

_TEST_NAME = re.compile(r"^(?:[Tt]est|spec|should|it)(?=[_A-Z\d ])|(?:Test|Spec|_test|_spec)s?$")
_ATTRIBUTE = re.compile(
    rb"#\[(?:\w+::)*test\b|@(?:Parameterized|Repeated)?Test\b|\[(?:Test|Fact|Theory|TestMethod)\b"
)
_BLOCK = re.compile(
    r"^(?P<indent>[ \t]*)(?:it|test|specify|scenario|example|TEST(?:_F|_P)?|TEST_CASE|SECTION)\b"
    r"(?:\.\w+)?[ \t]*\(?[ \t]*"
    r"(?P<title>\"[^\"\n]+\"|'[^'\n]+'|`[^`\n]+`|\w+[ \t]*,[ \t]*\w+[ \t]*\))"
)
_GROUP = re.compile(
    r"^(?P<indent>[ \t]*)(?:describe|context|suite|RSpec\.describe|feature)\b[ \t]*\(?[ \t]*"
    r"(?P<title>\"[^\"\n]+\"|'[^'\n]+'|`[^`\n]+`|[\w.:#]+)"
)
_CALLED = re.compile(
    r"(?<![\w$])([A-Za-z_$][\w$]*[!?]?)(?=\s*\(|\s*::<|\s*<[\w, ]+>\()|[.:](\w+[!?]?)"
)
_NOISE = frozenset(
    "test tests testing spec specs should it case unit check when then given".split()
)
_LINES = (2, 60)


@dataclass(frozen=True, slots=True)
class _Test:
    path: str
    text: str
    said: tuple[str, ...]
    """Words of its name or title, of the group around it, of its file, with "" between them."""

    def parts(self) -> list[tuple[str, ...]]:
        """What it says, part by part."""
        found: list[list[str]] = [[]]
        for word in self.said:
            if word:
                found[-1].append(word)
            else:
                found.append([])
        return [tuple(part) for part in found]


@dataclass(slots=True)
class TestLinks:
    """Functions and tests of one repository, and which belong together."""

    functions: dict[tuple[str, str], list[MinedPair]] = field(default_factory=dict)
    """(language, name) to documents whose query is still empty."""
    tests: dict[str, list[_Test]] = field(default_factory=dict)
    """Language to tests."""

    __test__ = False  # pytest, this is no test case

    def add_function(self, pair: MinedPair) -> None:
        """Remember a function that may be tested."""
        self.functions.setdefault((_family(pair.language), pair.symbol), []).append(pair)

    def add_tests(
        self, path: str, source: bytes, language: str, definitions: Sequence[Definition]
    ) -> None:
        """Remember the tests of a file."""
        stem = _said(PurePosixPath(path).name.partition(".")[0])
        found = self.tests.setdefault(_family(language), [])
        for definition in definitions:
            code = source[definition.start_byte : definition.end_byte]
            if definition.kind == "function" and is_test_function(definition, code):
                name, scope = _said(definition.name), _said(definition.scope)
                start = source.rfind(b"\n", 0, definition.start_byte) + 1
                if not source[start : definition.start_byte].strip():  # else it shares its line
                    code = source[start : definition.end_byte]
                text = textwrap.dedent(code.decode(errors="replace"))
                found.append(_Test(path, text, (*name, "", *scope, "", *stem)))
        for title, group, text in _blocks(source.decode(errors="replace")):
            found.append(_Test(path, text, (*_said(title), "", *_said(group), "", *stem)))

    def pairs(self, limits: Limits) -> Iterator[MinedPair]:
        """Tests as queries, the functions they test as documents."""
        for language, tests in self.tests.items():
            for test in tests:
                lines = [line for line in test.text.splitlines() if line.strip()]
                if not _LINES[0] <= len(lines) <= _LINES[1]:
                    continue
                tested = self._tested(test, language)
                if tested is not None and is_document(tested.positive, limits):
                    yield replace(tested, query=test.text.strip(), dataset="test")

    def _tested(self, test: _Test, language: str) -> MinedPair | None:
        called = {a or b for a, b in _CALLED.findall(test.text)}
        best: tuple[int, MinedPair] | None = None
        for name in sorted(called):
            candidates = self.functions.get((language, name), ())
            parts = tuple(split_identifier(name))
            if len(candidates) != 1 or not parts or not _in_a_row(parts, test.said):
                continue
            if len(parts) == 1 and parts not in test.parts():
                continue  # a word of a longer title is seldom a name
            if best is None or len(parts) > best[0]:
                best = len(parts), candidates[0]
        return best[1] if best else None


def is_test_function(definition: Definition, code: bytes) -> bool:
    """Whether a function is a test, by its name or by the attribute above it."""
    return bool(_TEST_NAME.search(definition.name) or _ATTRIBUTE.search(code[:300]))


def _family(language: str) -> str:
    """Languages that test each other's functions."""
    families = {"typescript": "javascript", "tsx": "javascript", "c": "cpp", "kotlin": "java"}
    return families.get(language, language)


def _said(text: str) -> list[str]:
    return [word for word in words(text) if word not in _NOISE]


def _in_a_row(parts: tuple[str, ...], said: tuple[str, ...]) -> bool:
    return any(said[i : i + len(parts)] == parts for i in range(len(said) - len(parts) + 1))


def _blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """Titled tests: title, titles of the groups around it, code."""
    lines = text.splitlines()
    groups: list[tuple[int, str]] = []
    for number, line in enumerate(lines):
        if len(line) > 300:
            continue
        if match := _GROUP.match(line):
            depth = len(match["indent"].expandtabs())
            groups = [g for g in groups if g[0] < depth]
            groups.append((depth, match["title"]))
        elif match := _BLOCK.match(line):
            depth = len(match["indent"].expandtabs())
            around = " ".join(title for level, title in groups if level < depth)
            end = _end_of_block(lines, number, depth)
            yield match["title"], around, textwrap.dedent("\n".join(lines[number:end]))


def _end_of_block(lines: list[str], start: int, depth: int) -> int:
    """The line past a block: its first line that is indented no deeper closes it."""
    for number in range(start + 1, min(len(lines), start + 4 * _LINES[1])):
        line = lines[number]
        if line.strip() and len(line) - len(line.lstrip()) <= depth:
            closes = line.strip()[:1] in ")}]" or line.strip() == "end"
            opens = line.strip() == "{"  # on a line of its own, as C++ has it
            if opens:
                continue
            return number + 1 if closes else number
    return start + 1
