from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from c2llm.cli.main import cli
from c2llm.training.mining import comment_pairs as pairs
from c2llm.training.mining.comment_pairs import mine_pairs, unique
from c2llm.training.mining.mined_pair import MinedPair
from c2llm.training.mining.pair_filters import (
    Limits,
    is_foreign,
    is_query,
    section_query,
    without_name,
)

PYTHON = '''\
import time


class Retry:
    """Repeats a call that failed until it succeeds."""

    def back_off(self, attempt):
        """Wait longer after every failed attempt.

        Args:
            attempt: how many there were.
        """
        delay = 2 ** attempt
        time.sleep(delay)
        return delay

    def name(self):
        """Return the name."""
        value = self._name
        return value
'''
GO = """\
package store

// Open opens the file and locks it against other processes.
func Open(path string) (*DB, error) {
	lock(path)
	return &DB{path}, nil
}
"""
HEADER = """\
class Table {
 public:
  // Looks up the value that a key had at the time of the snapshot.
  Value Get(Key key);
};
"""
IMPLEMENTATION = """\
#include "table.h"

Value Table::Get(Key key) {
  auto entry = Find(key);
  return entry.value;
}
"""
MARKDOWN = """\
# Guide

## Retries

Configure how often a failed request is repeated before the client gives up:

```python
client = Client(
    retries=3,
)
```
"""


def mined(root: Path, files: dict[str, str], **limits: int) -> list[MinedPair]:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(mine_pairs(root, Limits(**limits)))  # type: ignore[arg-type]


def test_documentation_is_the_query_and_not_in_the_document(tmp_path: Path) -> None:
    pairs = mined(tmp_path, {"src/retry.py": PYTHON})
    (method,) = [pair for pair in pairs if pair.dataset == "docstring"]
    assert method == MinedPair(
        query="Wait longer after every failed attempt.",
        positive=(
            "def back_off(self, attempt):\n"
            "    delay = 2 ** attempt\n"
            "    time.sleep(delay)\n"
            "    return delay"
        ),
        dataset="docstring",
        language="python",
        path="src/retry.py",
        symbol="back_off",
        header="retry | Retry | def back_off(self, attempt)",
    )


def test_classes_are_a_dataset_of_their_own(tmp_path: Path) -> None:
    (pair,) = [p for p in mined(tmp_path, {"retry.py": PYTHON}) if p.dataset == "class"]
    assert pair.query == "Repeats a call that failed until it succeeds."
    assert pair.query not in pair.positive
    assert "Wait longer" in pair.positive  # the documentation of what is inside stays


def test_a_query_does_not_begin_with_the_name_it_looks_for(tmp_path: Path) -> None:
    (pair,) = mined(tmp_path, {"store.go": GO})
    assert pair.query == "Opens the file and locks it against other processes."
    assert pair.positive.startswith("func Open(")


def test_a_prototype_documents_the_function_in_another_file(tmp_path: Path) -> None:
    (pair,) = mined(tmp_path, {"table.h": HEADER, "table.cc": IMPLEMENTATION})
    assert pair.query == "Looks up the value that a key had at the time of the snapshot."
    assert pair.path == "table.cc"
    assert pair.positive.startswith("Value Table::Get(Key key) {")


def test_overloads_get_no_documentation_by_guess(tmp_path: Path) -> None:
    twice = IMPLEMENTATION + "\nValue Table::Get(int key) {\n  int k = key;\n  return Get(k);\n}\n"
    assert mined(tmp_path, {"table.h": HEADER, "table.cc": twice}) == []


def test_a_section_is_paired_with_its_code(tmp_path: Path) -> None:
    (pair,) = mined(tmp_path, {"docs/guide.md": MARKDOWN})
    assert pair.query == (
        "Retries. Configure how often a failed request is repeated before the client gives up"
    )
    assert pair.positive == "client = Client(\n    retries=3,\n)"
    assert (pair.dataset, pair.language, pair.symbol) == ("section", "python", "Retries")


def test_a_block_that_is_not_closed_keeps_its_last_line(tmp_path: Path) -> None:
    (pair,) = mined(tmp_path, {"docs/guide.md": MARKDOWN.removesuffix("\n```\n")})
    assert pair.positive == "client = Client(\n    retries=3,\n)"


def test_the_same_text_is_paired_once(tmp_path: Path) -> None:
    pairs = mined(tmp_path, {"a.py": PYTHON, "b.py": PYTHON})
    assert len(pairs) == 2
    again = [pair for pair in pairs for _ in range(3)]
    assert list(unique(again)) == pairs
    seen: set[bytes] = set()
    assert list(unique(pairs, seen)) == pairs
    assert list(unique(pairs, seen)) == []


def test_limits_choose_the_same_pairs_every_time(tmp_path: Path) -> None:
    files = {
        f"m{i}.py": f'def f{i}(x):\n    """Compute the value number {i} of it."""\n'
        f"    y = x + {i}\n    return y\n"
        for i in range(20)
    }
    few = mined(tmp_path, files, per_repository=5)
    assert len(few) == 5
    assert few == list(mine_pairs(tmp_path, Limits(per_repository=5)))
    assert set(few) <= set(mined(tmp_path, files))


def test_excluded_paths_and_tests_are_left_out(tmp_path: Path) -> None:
    files = {"tests/test_retry.py": PYTHON, "vendor/retry.py": PYTHON, "legacy/retry.py": PYTHON}
    mined(tmp_path, files)
    kept = list(mine_pairs(tmp_path, excluded=lambda path: path.startswith("legacy/")))
    assert kept == []


@pytest.mark.parametrize(
    "path",
    [
        "tests/a.py",
        "src/foo_test.go",
        "a/FooTest.java",
        "x.spec.ts",
        "third_party/z.c",
        "CHANGELOG.md",
    ],
)
def test_foreign_paths(path: str) -> None:
    assert is_foreign(path)


@pytest.mark.parametrize("path", ["src/testing.py", "latest/a.py", "attest.go", "docs/a.md"])
def test_own_paths(path: str) -> None:
    assert not is_foreign(path)


@pytest.mark.parametrize(
    "query",
    [
        "Too short",
        "Copyright 2020 by the authors of it",
        "TODO make this faster one day",
        "{@inheritDoc} from the base class",
        "Getter for the name of it",
        "See the base class",
        "if (x == 1) return the value;",
        "这个函数打开一个文件 and more",
        "Liest die Datei und gibt den Inhalt als Text",
        "Retourne la liste des fichiers pour un dossier",
        "Devuelve una lista con los nombres del archivo",
        "====== 1 2 3 4 5 6 ======",
        "Creates a new instance of the Foo class.",
    ],
)
def test_queries_that_say_nothing(query: str) -> None:
    assert not is_query(query, Limits())


@pytest.mark.parametrize(
    ("query", "name", "said"),
    [
        ("Open opens a file.", "Open", "Opens a file."),
        ("ZSTD_open(): opens a file", "ZSTD_open", "Opens a file"),
        ("Reader is a thing that reads.", "Reader", "A thing that reads."),
        ("Open the file given by name.", "Open", "Open the file given by name."),
        ("Opens a file.", "Open", "Opens a file."),
    ],
)
def test_without_name(query: str, name: str, said: str) -> None:
    assert without_name(query, name) == said


@pytest.mark.parametrize(
    ("heading", "prose", "said"),
    [
        (
            "Installation",
            "Add the package to your list of dependencies:",
            "Add the package to your list of dependencies",
        ),
        ("3. Set a custom timeout for requests", "And then:", "Set a custom timeout for requests"),
        ("Usage", "Example:", ""),
    ],
)
def test_section_query(heading: str, prose: str, said: str) -> None:
    assert section_query(heading, prose) == said


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, list(arguments))
    return result.exit_code, result.stdout


def test_command_writes_rows_that_training_reads(tmp_path: Path) -> None:
    repository = tmp_path / "one"
    repository.mkdir()
    (repository / "retry.py").write_text(PYTHON)
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "retry.py").write_text(PYTHON)
    out = tmp_path / "out" / "pairs.jsonl"
    code, stdout = run("mine", "pairs", str(repository), str(copy), "--out", str(out), "--json")
    assert code == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert json.loads(stdout) == {
        "out": str(out),
        "repositories": 2,
        "pairs": 2,
        "by_dataset": {"class": {"python": 1}, "docstring": {"python": 1}},
        "dropped": {"repeated": 2, "near copies": 0, "commits above their share": 0},
    }
    assert {row["repository"] for row in rows} == {"one"}  # the copy adds nothing
    fields = {"query", "positive", "dataset", "language", "path", "symbol", "header"}
    assert fields <= set(rows[0])
    assert list(out.parent.iterdir()) == [out]


def test_interrupted_mining_reads_finished_repositories_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = [tmp_path / name for name in ("one", "two")]
    for number, root in enumerate(roots):
        root.mkdir()
        (root / "retry.py").write_text(
            PYTHON.replace("2", f"{number + 3}").replace("call", root.name)
        )
    out = tmp_path / "pairs.jsonl"
    mine = pairs.mine_pairs
    read: list[str] = []

    def interrupted(root: Path, *options: Any, **more: Any) -> Iterator[MinedPair]:
        if len(read) == 1:
            read.append("stopped")
            raise KeyboardInterrupt
        read.append(root.name)
        return mine(root, *options, **more)

    monkeypatch.setattr(pairs, "mine_pairs", interrupted)
    arguments = ["mine", "pairs", *map(str, roots), "--out", str(out), "--near-duplicates", "1"]
    assert run(*arguments)[0] != 0
    assert not out.exists()
    assert run(*arguments)[0] == 0
    assert read == ["one", "stopped", "two"]
    kept = out.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "pairs.jsonl", "two"]
    assert run(*arguments)[0] == 0
    assert out.read_text() == kept


def test_command_mines_the_kinds_that_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "retry.py").write_text(PYTHON)
    arguments = ["mine", "pairs", str(tmp_path), "--out", str(tmp_path / "pairs.jsonl"), "--json"]
    code, stdout = run(*arguments, "--kinds", "class,commit")
    assert code == 0
    assert json.loads(stdout)["by_dataset"] == {"class": {"python": 1}}
    assert run(*arguments, "--kinds", "docstrings")[0] != 0


def test_command_excludes_by_glob(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "retry.py").write_text(PYTHON)
    out = tmp_path / "pairs.jsonl"
    code, stdout = run(
        "mine", "pairs", str(tmp_path), "--out", str(out), "--exclude", "old/", "--json"
    )
    assert code == 0
    assert json.loads(stdout)["pairs"] == 0


def test_repositories_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for number, owner in enumerate(("ada", "bob")):
        root = tmp_path / owner / "repo"
        root.mkdir(parents=True)
        (root / "retry.py").write_text(PYTHON.replace("call", owner).replace("2", f"{number + 3}"))
    (tmp_path / "link").symlink_to(tmp_path / "ada" / "repo")
    out = tmp_path / "pairs.jsonl"

    def names(*paths: str) -> set[str]:
        options = ["--near-duplicates", "1", "--out", str(out)]
        assert run("mine", "pairs", *(str(tmp_path / path) for path in paths), *options)[0] == 0
        return {json.loads(line)["repository"] for line in out.read_text().splitlines()}

    assert names("ada/repo", "bob/repo") == {"ada/repo", "bob/repo"}
    assert names("link", "bob/repo/.") == {"link", "repo"}


def test_command_refuses_what_is_no_directory(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        cli, ["mine", "pairs", str(tmp_path / "none"), "--out", str(tmp_path / "x.jsonl")]
    )
    assert result.exit_code != 0
    assert not (tmp_path / "x.jsonl").exists()
