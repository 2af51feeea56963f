"""`--max-file-size` takes what people write, and the index remembers it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from c2llm.cli.file_size import parse_size
from c2llm.cli.main import main
from tests.trees import write_tree


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2000000", 2_000_000),
        ("500kB", 500_000),
        ("5MB", 5_000_000),
        ("1.5m", 1_500_000),
        ("2 MiB", 2 << 20),
        ("64 ki", 64 << 10),
        ("much", None),
        ("-1", None),
        ("", None),
        ("5GB", None),
    ],
)
def test_sizes(text: str, size: int | None) -> None:
    assert parse_size(text) == size


def test_a_limit_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    words = "".join(f"Y{n} = 'some words of it'\n" for n in range(60_000))
    tree = {"a.py": "x = 1\n", "b.py": f"def in_large(): pass\n{words}"}
    root = str(write_tree(tmp_path / "tree", tree))
    search = ["search", "in_large", root, "--mode", "lexical", "--json"]

    def paths(*more: str) -> list[str]:
        main([*search, *more])
        return [hit["path"] for hit in json.loads(capsys.readouterr().out)["results"]]

    assert paths() == []
    assert paths("--max-file-size", "3MB")[0] == "b.py"
    assert paths()[0] == "b.py"
    assert paths("--max-file-size", "1MB") == []


@pytest.mark.parametrize("size", ["21MB", "0", "big"])
def test_a_wrong_limit_is_wrong_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    root = str(write_tree(tmp_path / "tree", {"a.py": "x = 1\n"}))
    with pytest.raises(SystemExit) as ended:
        main(["index", root, "--max-file-size", size])
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
