"""The files that smell of a question are read first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from c2llm.codebase.files.walk import SourceFile, list_files
from c2llm.index.build import first_files
from c2llm.index.build.first_files import Scent, is_large, promising
from tests.trees import write_tree

NOISE = {f"noise/n{i:02}.py": f"def job_{i}(value):\n    return value + {i}\n" for i in range(30)}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees of a few files are large ones."""
    monkeypatch.setattr(first_files, "AT_ONCE_FILES", 3)
    monkeypatch.setattr(first_files, "FIRST_FILES", 2)


def files_of(root: Path, files: dict[str, str | bytes]) -> tuple[SourceFile, ...]:
    return list_files(write_tree(root, {**NOISE, **files})).files


def chosen(files: tuple[SourceFile, ...], scent: Scent, workers: int = 0) -> list[str]:
    return [file.path for file in promising(files, scent, workers=workers)]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_files_with_rare_words_come_first(tmp_path: Path, workers: int) -> None:
    files = files_of(
        tmp_path,
        {
            "a.py": "def value(): return 'backoff of retries'\n",
            "b.py": "# Retry\ndef job(value): return value\n",
            "c.py": "value = value = value = value\n",
        },
    )
    assert chosen(files, Scent(("retri", "backoff", "retry", "value")), workers) == ["a.py", "b.py"]


def test_words_count_in_names_of_any_style(tmp_path: Path) -> None:
    files = files_of(tmp_path, {"a.go": "func parseTomlFile() {}\n", "b.rb": "TOML_FILE = 1\n"})
    assert chosen(files, Scent(("toml",))) == ["a.go", "b.rb"]


def test_a_long_file_has_to_say_more(tmp_path: Path) -> None:
    filler = "def something(argument):\n    return argument\n" * 200
    files = files_of(
        tmp_path,
        {"long.py": f"# toml\n{filler}", "a.py": "# toml\n", "b.py": "x = 1  # toml\n"},
    )
    assert chosen(files, Scent(("toml",))) == ["a.py", "b.py"]


def test_the_path_counts(tmp_path: Path) -> None:
    files = files_of(
        tmp_path,
        {
            "lib/toml.py": "x = 1\n",
            "toml/inner/x.py": "x = 1\n",
            "c.py": "# toml, toml\n" + "#\n" * 99,
        },
    )
    assert "lib/toml.py" in chosen(files, Scent(("toml",)))


@pytest.mark.parametrize(
    "definition",
    [
        "class Fetcher:\n    pass\n",
        "export default class Fetcher {}\n",
        "func (c *Client) Fetcher(x int) int {\n}\n",
        "public abstract class Fetcher<T> extends Base {}\n",
        "def self.fetcher(x)\nend\n",
        "type Fetcher struct {}\n",
        "pub(crate) struct Fetcher;\n",
        "\tinterface Fetcher {\n",
    ],
)
def test_a_definition_of_the_name_beats_mentions(tmp_path: Path, definition: str) -> None:
    mentions = {f"use{i}.x": "call(Fetcher)\n" * 9 for i in range(4)}
    files = files_of(tmp_path, {**mentions, "zz.x": definition + "pad\n" * 20})
    assert "zz.x" in chosen(files, Scent(("fetcher",), ("Fetcher",)))


@pytest.mark.parametrize("text", ["class FetcherPool {}\n", "subclass fetcher\n", "x.fetcher()\n"])
def test_what_is_no_definition(text: str) -> None:
    assert not first_files._defines(text.lower().encode(), b"fetcher")


def test_a_named_path_comes_first_of_all(tmp_path: Path) -> None:
    words = {f"w{i}.py": "# toml toml\n" for i in range(4)}
    files = files_of(tmp_path, {**words, "Net/Client.py": "x = 1\n"})
    assert "Net/Client.py" in chosen(files, Scent(("toml",), paths=("net/client.py",)))


def test_what_the_ranker_demotes_is_read_later(tmp_path: Path) -> None:
    files = files_of(tmp_path, {f"{name}.py": "# toml\n" for name in ("a", "b", "test_c")})

    def factor(file: SourceFile) -> float:
        return 0.5 if file.path in ("a.py", "b.py") else 1.0

    assert "test_c.py" in chosen(files, Scent(("toml",), factor=factor))


def test_filters_narrow_and_never_leave_nothing(tmp_path: Path) -> None:
    files = files_of(tmp_path, {"a.py": "# toml\n", "b.py": "# toml\n", "c.go": "// x\n"})

    def in_go(found: object) -> list[SourceFile]:
        return [file for file in files if file.language == "go"]

    assert chosen(files, Scent(("toml",), narrow=in_go)) == ["c.go"]
    assert chosen(files, Scent(("toml",), narrow=lambda found: [])) == ["a.py", "b.py"]


def test_bytes_are_bounded_and_one_file_is_always_taken(tmp_path: Path) -> None:
    big = "# toml\n" * 200
    files = files_of(tmp_path, {"a.py": big, "b.py": big, "c.py": "# toml\n"})
    scent = Scent(("toml",))
    taken = promising(files, scent, most_files=9, most_bytes=2_000, workers=0)
    assert sum(file.size for file in taken) <= 2_000 and len(taken) > 1
    assert len(promising(files, scent, most_files=9, most_bytes=1, workers=0)) == 1


def test_a_question_without_words_still_reads_something(tmp_path: Path) -> None:
    assert len(chosen(files_of(tmp_path, {}), Scent())) == 2


def test_what_cannot_be_read_has_no_smell(tmp_path: Path) -> None:
    root, secret = tmp_path / "tree", write_tree(tmp_path / "outside", {"x/a.py": "# toml\n"})
    files = files_of(root, {"x/a.py": "# toml\n", "y/b.py": "# toml\n", "gone.py": "# toml\n"})
    (root / "gone.py").unlink()
    (root / "x/a.py").unlink()
    (root / "x").rmdir()
    (root / "x").symlink_to(secret / "x")  # a directory that is swapped while we are at work
    (root / "y/b.py").unlink()
    os.mkfifo(root / "y/b.py")
    look = first_files._Look(["toml"], [], 1_000)
    assert list(look(files)) == [look.nothing] * len(files)


def test_a_helper_that_dies_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = files_of(tmp_path, {"a.py": "# toml\n", "zz.py": "# toml\n"})
    monkeypatch.setattr(first_files._Share, "__call__", lambda self, asked, answers: None)
    assert chosen(files, Scent(("toml",)), workers=2) == ["a.py", "zz.py"]


def test_of_too_many_bytes_the_largest_files_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_files, "_ALL_BYTES", 100)
    assert first_files._most_of_each([10, 10, 10]) == first_files._READ_BYTES
    assert first_files._most_of_each([10, 10, 500]) == 80
    assert first_files._most_of_each([60, 60, 60]) == 33
    assert first_files._most_of_each([]) == first_files._READ_BYTES


def test_small_trees_are_read_whole(tmp_path: Path) -> None:
    files = list_files(write_tree(tmp_path, {"a.py": "x = 1\n", "b.py": "y = 1\n"})).files
    assert not is_large(files)
    assert promising(files, Scent(("toml",))) == list(files)
