"""Ripgrep's ranking, with a stand-in program where `rg` is not installed."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from c2llm.errors import DataError
from c2llm.evaluation.systems.named_systems import load_system
from c2llm.evaluation.systems.ripgrep import (
    MOST_WORDS,
    RipgrepMissingError,
    RipgrepSystem,
    query_words,
    rank_matches,
)
from tests.evaluation.systems.test_named_systems import rank, task_of

# What the options mean, as ripgrep's manual tells it; of two words at one place the first is taken.
STAND_IN = f"""#!{sys.executable}
import re, sys
options = [a for a in sys.argv[1:] if a.startswith("--")]
if options == ["--version"]:
    print("ripgrep 0.0.0 (stand-in)")
    sys.exit(0)
known = {{"--no-config", "--text", "--ignore-case", "--fixed-strings", "--only-matching",
         "--line-number", "--no-heading", "--color=never", "--no-filename"}}
(words,) = (o.partition("=")[2] for o in options if o.startswith("--file="))
assert set(options) - known == {{"--file=" + words}}, options
(corpus,) = (a for a in sys.argv[1:] if not a.startswith("--"))
patterns = [re.escape(w) for w in open(words, encoding="utf-8").read().splitlines()]
found = re.compile("|".join(patterns), re.IGNORECASE)
hits = 0
for number, line in enumerate(open(corpus, encoding="utf-8", newline="\\n"), 1):
    for match in found.finditer(line):
        print(number, match.group(), sep=":")
        hits += 1
sys.exit(0 if hits else 1)
"""


@pytest.fixture(params=["stand-in", "installed"])
def ripgrep(request, tmp_path, monkeypatch):
    if request.param == "installed":
        if shutil.which("rg") is None:
            pytest.skip("ripgrep is not installed")
        return RipgrepSystem()
    program = tmp_path / "rg"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return RipgrepSystem()


DOCUMENTS = [
    "def read_config(path):\n    return json.load(path)",
    "def parse(TEXT):\n    return toml.loads(text)",
    "write json, write JSON, write json",
    "ünïcode \r\n\x00 read the json config here",
    "nothing",
]


def test_more_words_come_first_then_more_often(ripgrep):
    found = rank(
        ripgrep, task_of(["readConfig json", "Json", "toml text", "zebra", "a of"], DOCUMENTS)
    )
    # 3 hits of 3 words in both; the order of the corpus decides.
    assert found == [[0, 3, 2], [2, 0, 3], [1], [], []]


def test_the_depth_and_the_fingerprint(ripgrep):
    assert rank(ripgrep, task_of(["json"], DOCUMENTS), depth=1) == [[2]]
    assert ripgrep.fingerprint.startswith("rg")
    assert ripgrep.fingerprint == RipgrepSystem().fingerprint
    assert load_system("rg").name == load_system("ripgrep").name == "ripgrep"


def test_words_of_a_query():
    words = ["parsetoml", "parse", "file", "toml", "how", "ide"]
    assert query_words("How to parseTOML file in an IDE?") == words
    assert len(query_words(" ".join(f"word{chr(97 + i)}" for i in range(26)) * 3)) <= MOST_WORDS


def test_lines_that_are_no_matches_are_not_counted():
    assert rank_matches(["2:b", "1:a", "rg: warning", "", "2:B"]).tolist() == [1, 0]


def test_a_missing_or_failing_program_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RipgrepMissingError, match="no `rg` on the PATH"):
        RipgrepSystem()
    program = tmp_path / "rg"
    program.write_text("#!/bin/sh\necho 'bad option' >&2\nexit 2\n")
    program.chmod(0o755)
    with pytest.raises(DataError, match=r"ripgrep failed \(bad option\)"):
        rank(RipgrepSystem(), task_of(["json"], DOCUMENTS))
