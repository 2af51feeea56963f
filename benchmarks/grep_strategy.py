"""How an agent finds a file with grep, at its best: rare words and definitions first, then reading.

One `grep -rnIiF` finds the lines with any content word of a question. What an agent reads of them
comes in one of two ways:

- by hand: what commands print, cut by `head`: how many files have each word; then definitions with
  a word in them, the rarest word first; paths with a word; lines with the two or three rarest;
  lines with one; then some lines around each of these, in their order. Tests, examples and
  prose are excluded unless the question asks for them.
- by a script: files sorted by the rarity of all the words in them, with weights for definitions,
  paths and asides. Nobody types that; it is a small search engine over grep, and shows how much of
  an answer is in the order.
"""

from __future__ import annotations

import math
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

EXCLUDED = ("*.min.js", "*.map", "*.lock", "package-lock.json", "*.svg", "*.snap")
_STOP = frozenset(
    """
    a an and any are as at be been before being by can class code could define defined do does
    each file for from function get give given handle handled handles handling has have how i if
    implement implementation implemented in into is it its make me method module not object of on
    one or other our over own provide set should show so some support such than that the their them
    then there these they this through to type use used uses using via want was way we what when
    where which while who why will with within without work works would you
    """.split()
)
_DEFINES = re.compile(
    r"^\s*(?:(?:pub(?:\([^)]*\))?|public|private|protected|internal|open|static|final|abstract|async"
    r"|export|default|inline|virtual|override|sealed|data|unsafe|extern|local|const|constexpr)\s+)*"
    r"(?:def|class|func|fn|function|struct|interface|trait|type|module|enum|impl|object|namespace"
    r"|protocol|extension|macro_rules!|defmodule|defmacro|defp|typedef|template|data|newtype"
    r"|instance|record|#define|let|var|val|const)\b|^[A-Za-z_][\w:<>*&\s,]*\([^;]*\)?\s*\{?\s*$"
)
_ASIDE = re.compile(
    r"(^|[/_.-])(tests?|specs?|examples?|docs?|benchmarks?|fixtures?|vendor|changelog|readme)"
    r"([/_.-]|$)|\.(md|rst|txt|json|ya?ml|toml|cfg|html|css)$",
    re.IGNORECASE,
)
_ENDINGS = ("ations", "ation", "ings", "ing", "ers", "ies", "ied", "er", "ed", "es", "s")
_LONGEST_LINE = 160
MOST_LINES = 160
"""Of one command's output, whatever the plan."""
Words = tuple[str, ...]
_Hit = tuple[str, int, str]
"""Path, line and text; line 0 for the path alone."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts for a file, beside the rarity of the words in it."""

    definition: float = 1.0
    path: float = 1.0
    aside: float = 0.5
    """What the score of a test, an example or prose is multiplied by."""
    often: float = 0.0
    """How much more a word counts in a file that is full of it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the agent asks for by hand, in this order, and how much of it it reads."""

    order: tuple[str, ...] = ("definitions", "paths", "both", "lines")
    most: int = 10
    """Lines of each command."""
    of_a_file: int = 1
    """Lines of each file that a command prints (`grep -m`)."""
    around: int = 20
    """Lines read around each hit in the end."""
    counts: bool = True
    """Whether it asks first how many files have each word; else it goes by the question's order."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that is read: a line of a command's output, or lines of a file."""

    path: str
    """The file that it shows or names; "" for none."""
    text: str
    has_code: bool = False
    """Whether a line of that file is in it."""
    is_call: bool = False
    """Whether a call begins with it."""


@dataclass(slots=True)
class _File:
    path: str
    lines: list[tuple[int, str, frozenset[str]]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    defined: set[str] = field(default_factory=set)
    in_path: frozenset[str] = frozenset()


def words_of(question: str) -> list[str]:
    """What an agent greps for: names as they stand, other words without their endings."""
    found: dict[str, None] = {}
    for word in re.findall(r"[A-Za-z_][A-Za-z0-9_]*", question):
        if re.search(r"[a-z][A-Z]|_", word.strip("_")):
            found[word.lower()] = None
            continue
        word = word.lower()
        if word in _STOP or len(word) < 2:
            continue
        for ending in (
            "ations",
            "ation",
            "ings",
            "ing",
            "ers",
            "ies",
            "ied",
            "er",
            "ed",
            "es",
            "s",
        ):
            if word.endswith(ending) and len(word) - len(ending) >= 4:
                word = word[: -len(ending)]
                break
        found[word] = None
    return list(found)


class Grep:
    """What one grep over a tree found for a question."""

    def __init__(self, root: Path, question: str, files: int) -> None:
        self.root = root
        self._words = words_of(question)
        self._files: dict[str, _File] = {}
        self._outputs: dict[tuple[str, Words, int], list[_Hit]] = {}
        self._best: dict[str, tuple[int, str]] = {}
        self._asks_aside = bool(re.search(r"\b(test|example|doc|benchmark|config)", question, re.I))
        if self._words:
            self._run()
        held: dict[str, int] = defaultdict(int)
        for file in self._files.values():
            for word in file.counts:
                held[word] += 1
        self._held = dict(held)
        self._rarity = {word: math.log(1 + files / count) for word, count in held.items()}

    def _run(self) -> None:
        command = ["grep", "-rnIiF", "--exclude-dir=.git"]
        command += [f"--exclude={glob}" for glob in EXCLUDED]
        command += [part for word in self._words for part in ("-e", word)]
        done = subprocess.run([*command, "."], cwd=self.root, capture_output=True, check=False)
        for line in done.stdout.decode("utf-8", "replace").split("\n"):
            path, _, rest = line.removeprefix("./").partition(":")
            number, _, text = rest.partition(":")
            if not number.isdigit():
                continue
            file = self._files.get(path)
            if file is None:
                low = path.lower()
                inside = frozenset(word for word in self._words if word in low)
                file = self._files[path] = _File(path, in_path=inside)
            low = text.lower()
            words = frozenset(word for word in self._words if word in low)
            for word in words:
                file.counts[word] += 1
            if _DEFINES.match(text):
                file.defined |= words
            file.lines.append((int(number), text, words))

    def ranked(self, weights: Weights) -> list[str]:
        """Paths of the files with any of the words, the best first."""
        scores = {path: self._score(file, weights) for path, file in self._files.items()}
        return sorted(scores, key=lambda path: (-scores[path], path))

    def _score(self, file: _File, weights: Weights) -> float:
        score = 0.0
        for word, count in file.counts.items():
            share = 1.0 + weights.often * count / (count + 2)
            share += weights.definition * (word in file.defined)
            share += weights.path * (word in file.in_path)
            score += self._rarity[word] * share
        aside = not self._asks_aside and _ASIDE.search(file.path)
        return score * (weights.aside if aside else 1.0)

    def by_script(self, weights: Weights, around: int = 20) -> Iterator[Piece]:
        """The best line of each file, the best files first; later the lines around them."""
        ranked = self.ranked(weights)[:60]
        for index, path in enumerate(ranked):
            number, text = self._best_line(path)
            yield Piece(path, _shown(path, number, text), True, index == 0)
        for path in ranked[:20]:
            number, _ = self._best_line(path)
            yield Piece(path, self._around(path, number, around), True, True)

    def by_hand(self, plan: Plan) -> Iterator[Piece]:
        """What the commands of a plan print, one after the other."""
        words = [word for word in self._words if word in self._rarity]
        if plan.counts:
            words.sort(key=lambda word: -self._rarity[word])
            counts = ", ".join(f"{word} {self._held[word]}" for word in words)
            yield Piece("", f"{counts}\n", is_call=True)
        hits: dict[tuple[str, int], None] = {}
        for step in plan.order:
            found = self._printed(step, tuple(words), plan.of_a_file)[: plan.most]
            for index, (path, number, text) in enumerate(found):
                if number:
                    hits[path, number] = None
                line = _shown(path, number, text) if number else f"{path}\n"
                yield Piece(path, line, number > 0, index == 0)
        seen: set[str] = set()
        for path, number in hits:
            if path not in seen and plan.around:
                seen.add(path)
                yield Piece(path, self._around(path, number, plan.around), True, True)

    def _printed(self, step: str, words: tuple[str, ...], of_a_file: int) -> list[_Hit]:
        """The first lines of a command's output; the same for all plans that give it."""
        key = (step, words, of_a_file)
        if key not in self._outputs:
            files = [self._files[path] for path in sorted(self._files)]
            if not self._asks_aside:
                files = [file for file in files if not _ASIDE.search(file.path)] or files
            found = getattr(self, f"_{step}")(files, words, of_a_file)
            self._outputs[key] = list(islice(found, MOST_LINES))
        return self._outputs[key]

    def _definitions(self, files: list[_File], words: Words, most: int) -> Iterator[_Hit]:
        for word in words:
            for file in files:
                if word in file.defined:
                    fits = (one for one in file.lines if word in one[2] and _DEFINES.match(one[1]))
                    yield from ((file.path, *one[:2]) for one in islice(fits, most))

    def _paths(self, files: list[_File], words: Words, most: int) -> Iterator[_Hit]:
        for word in words:
            yield from ((file.path, 0, "") for file in files if word in file.in_path)

    def _both(self, files: list[_File], words: Words, most: int) -> Iterator[_Hit]:
        for count in range(min(3, len(words)), 1, -1):
            yield from _with_all(files, frozenset(words[:count]), most)

    def _lines(self, files: list[_File], words: Words, most: int) -> Iterator[_Hit]:
        for word in words:
            yield from _with_all(files, frozenset((word,)), most)

    def _best_line(self, path: str) -> tuple[int, str]:
        """The line with the rarest words of a file, a definition among equals."""

        def score(line: tuple[int, str, frozenset[str]]) -> tuple[float, int]:
            rarity = sum(self._rarity[word] for word in line[2])
            return (rarity * (1.5 if _DEFINES.match(line[1]) else 1.0), -line[0])

        if path not in self._best:
            self._best[path] = max(self._files[path].lines, key=score)[:2]
        return self._best[path]

    def _around(self, path: str, line: int, lines: int) -> str:
        first = max(1, line - lines // 3)
        text = (self.root / path).read_text(encoding="utf-8", errors="replace").split("\n")
        shown = [one[:_LONGEST_LINE] for one in text[first - 1 : first - 1 + lines]]
        return f"{path}:{first}-{first + len(shown) - 1}\n" + "\n".join(shown) + "\n"


def _with_all(files: list[_File], words: frozenset[str], most: int) -> Iterator[_Hit]:
    for file in files:
        fits = (one for one in file.lines if words <= one[2])
        yield from ((file.path, *one[:2]) for one in islice(fits, most))


def _shown(path: str, number: int, text: str) -> str:
    return f"{path}:{number}:{text.strip()[:_LONGEST_LINE]}\n"
