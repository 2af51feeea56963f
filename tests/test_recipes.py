"""Recipes and cards can be followed: the files they name exist, their scripts make rows."""

from __future__ import annotations

import json
import re
import runpy
import sys
from pathlib import Path

import pytest

from c2llm.encoding.encoder import Encoder
from c2llm.training.data.pair_loading import load_pairs
from c2llm.training.run.recipe import SourceConfig, load_config
from tests.tiny import save_tiny_model

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"(?<![\w./-])(?:recipes|benchmarks|tools)/[\w./-]*\.[a-z]\w*")
TEXTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "models/*/*.md", "recipes/**/*.*", "benchmarks/*.py")
    for path in ROOT.glob(pattern)
    if "__pycache__" not in path.parts
)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_exist(path):
    named = set(NAMED.findall(path.read_text(encoding="utf-8")))
    assert not {name for name in named if not (ROOT / name).exists()}


def run(script: str, *arguments: object) -> None:
    """Run a script of `recipes/data` as from the command line."""
    path, before = ROOT / "recipes" / "data" / script, sys.argv
    sys.argv = [str(path), *map(str, arguments)]
    try:
        runpy.run_path(str(path), run_name="__main__")
    finally:
        sys.argv = before


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def exercise(trees: Path, track: str, example: str, code: str) -> None:
    folder = trees / f"exercism+{track}" / "exercises" / "practice" / "two-fer"
    write(
        folder / ".docs" / "instructions.md", "# Instructions\n\nShare a [cookie][c].\n\n[c]: x\n"
    )
    write(folder / ".meta" / "config.json", json.dumps({"files": {"example": [example]}}))
    write(folder / example, code)


@pytest.fixture()
def problems(tmp_path):
    trees = tmp_path / "trees"
    exercise(trees, "python", ".meta/example.py", "# by me\n\ndef two_fer(name): return name\n")
    exercise(trees, "go", ".meta/example.go", "package twofer\n\nfunc Share() string {}\n")
    exercise(trees, "ruby", ".meta/example.rb", "def self.two_fer(name)\n  name\nend\n")
    write(trees / "exercism+rust" / "exercises/practice/bad/.meta/config.json", "{")
    algorithms = trees / "TheAlgorithms+Java" / "src"
    write(algorithms / "main" / "BinarySearch.java", "/* Copyright */\nclass BinarySearch {}\n")
    write(algorithms / "main" / "Trie.java", "class Trie { int children; }\n")
    write(algorithms / "test" / "BinarySearchTest.java", "class BinarySearchTest {}\n")
    leetcode = trees / "LeetCode-Solutions"
    write(leetcode / "C++" / "shift-2d-grid.cpp", "// Time: O(1)\n#include <vector>\nint shift;\n")
    snippet = (
        "---\ntitle: x\n---\n\nSums `numbers`.\n\n```js\nconst sum = (...n) => n.sum();\n```\n"
    )
    write(trees / "30-seconds-of-code" / "snippets" / "sum.md", snippet)
    out = tmp_path / "problems.jsonl"
    run("problems.py", trees, "--out", out, "--translations", 4)
    return out


def test_problems_become_pairs(problems):
    rows = [json.loads(line) for line in problems.read_text().splitlines()]
    found = {(row["query"], row["language"], row["dataset"]) for row in rows}
    assert {row for row in found if not row[2].endswith(" code")} == {
        ("Share a cookie.", "python", "exercism"),
        ("Share a cookie.", "go", "exercism"),
        ("Share a cookie.", "ruby", "exercism"),
        ("binary search", "java", "TheAlgorithms"),
        ("shift 2d grid", "cpp", "LeetCode-Solutions"),
        ("Sums numbers.", "javascript", "30-seconds"),
    }
    documents = {row["positive"] for row in rows}
    assert {"class BinarySearch {}", "def two_fer(name): return name"} <= documents
    assert "#include <vector>\nint shift;" in documents
    translations = [row for row in rows if row["kind"] == "code2code"]
    assert len(translations) == 4  # of the six that three languages make
    assert all(
        row["query"] in documents and row["query"] != row["positive"] for row in translations
    )


def test_problems_train_and_give_a_static_start(problems, tmp_path):
    changes = [f"data.root={problems.parent}", "data.sources=[{file: problems.jsonl}]"]
    data = load_config(ROOT / "recipes" / "nano.yaml", [*changes, "data.decontaminate=[]"]).data
    assert data.sources == [SourceConfig("problems.jsonl")]
    assert len(load_pairs(data, 0)[0]) == 10
    save_tiny_model(tmp_path / "teacher")
    given = ["--teacher", tmp_path / "teacher", "--vocabulary", 60, "--dim", 8]
    run("static_start.py", problems, *given, "--out", tmp_path / "start")
    assert {path.name for path in (tmp_path / "start").iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    }


def test_words_make_a_table_that_counts_rare_ones_most(tmp_path):
    save_tiny_model(tmp_path / "tiny")
    rows = [{"query": "q", "positive": f"parse file {name}"} for name in ("toml", "http", "class")]
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = ["--tokens", tmp_path / "tiny", "--dim", 512, "--out", tmp_path / "words"]
    run("word_table.py", pairs, *given)
    encoder = Encoder.load(tmp_path / "words")
    query, two = encoder.encode_queries(["parse toml", "toml http"])
    right, wrong, repeated = encoder.encode_documents(
        ["parse file toml", "parse file http", "toml http http http http"]
    )
    assert query @ right > 0.8 > 0.3 > query @ wrong
    assert two @ repeated > 0.92  # 0.86 if each of the four counted whole


def test_inconsistent_and_easy_pairs_are_left_out(tmp_path):
    save_tiny_model(tmp_path / "tiny")
    texts = [f"{verb} {noun}" for verb in ("parse", "get", "return") for noun in ("toml", "http")]
    answers = [*texts[1:3], texts[0], *texts[3:]]  # three answers went round
    rows = [
        {"query": query, "positive": answer, "language": "go"}
        for query, answer in zip(texts, answers, strict=True)
    ]
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def kept(*given: object, field: str = "query") -> list[str]:
        out = tmp_path / "kept.jsonl"
        run("consistent.py", pairs, "--model", tmp_path / "tiny", "--out", out, *given)
        return [json.loads(line)[field] for line in out.read_text().splitlines()]

    assert kept("--rank", 1, "--easy", 1) == texts[3:]
    assert kept("--rank", 6, "--easy", 0) == texts[:3]
    assert kept("--rank", 6, "--easy", 1, "--further", f"{tmp_path / 'tiny'}=0.5") == texts
    mixed = kept("--rank", 6, "--easy", 1, "--mixed", 0.5, field="language")
    assert set(mixed) == {"go", "mixed"} and len(mixed) == 6


def test_a_balanced_part_keeps_to_its_shares(tmp_path):
    rows = [
        {"query": "q" * length, "positive": "d" * 9, "language": language, "repository": place}
        for language, place, length, count in [
            ("go", "a", 5, 9),
            ("go", "b", 5, 2),
            ("python", "a", 5, 9),
            ("python", "b", 2, 9),
        ]
        for _ in range(count)
    ]
    pairs, out = tmp_path / "pairs.jsonl", tmp_path / "part.jsonl"
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = ["--cap", 6, "--of", "python=3", "--per-repository", 5, "--query", "3:8"]
    run("balance.py", pairs, "--out", out, *given)
    kept = [json.loads(line) for line in out.read_text().splitlines()]
    counts = {
        (language, place): sum((r["language"], r["repository"]) == (language, place) for r in kept)
        for language in ("go", "python")
        for place in "ab"
    }
    assert counts[("python", "a")] == 3 and counts[("python", "b")] == 0
    assert counts[("go", "a")] + counts[("go", "b")] == 6
    assert 4 <= counts[("go", "a")] <= 5
