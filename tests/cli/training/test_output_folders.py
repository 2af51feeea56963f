"""What a folder of the user's own costs each command that writes one: a sentence, and no file."""

from __future__ import annotations

from pathlib import Path

import pytest

from c2llm.cli.main import main
from tests.tiny import save_tiny_model
from tests.trees import PROJECT, write_tree


@pytest.mark.parametrize(
    ("folder", "arguments"),
    [
        ("out", ["merge", "{model}", "{other}", "--out", "{out}"]),
        ("out", ["export", "{model}", "--out", "{out}"]),
        ("out", ["export", "c2llm-nano", "--to", "torch", "--out", "{out}"]),
        ("out", ["adapt", "{code}", "--out", "{out}"]),
        ("out.run", ["adapt", "{code}", "--out", "{out}"]),
        ("out.work", ["mine", "pairs", "{code}", "--out", "{out}"]),
        ("out.work", ["mine", "negatives", "{pairs}", "--miner", "bm25", "--out", "{out}"]),
    ],
)
def test_the_users_folder_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str, arguments: list[str]
) -> None:
    mine = tmp_path / folder / "config.json"
    mine.parent.mkdir()
    mine.write_text("mine")
    (tmp_path / "pairs.jsonl").write_text(
        '{"query": "back off", "positive": "def back_off(): 1"}\n'
    )
    places = {
        "model": save_tiny_model(tmp_path / "model"),
        "other": save_tiny_model(tmp_path / "other", seed=1),
        "code": write_tree(tmp_path / "code", PROJECT),
        "out": tmp_path / "out",
        "pairs": tmp_path / "pairs.jsonl",
    }
    before = sorted(path for path in tmp_path.rglob("*") if "code" not in path.parts)
    with pytest.raises(SystemExit) as done:
        main([argument.format(**places) for argument in arguments])
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert done.value.code == 2, said
    assert "holds 'config.json', which c2llm did not write there" in said
    assert mine.read_text() == "mine"
    assert sorted(path for path in tmp_path.rglob("*") if "code" not in path.parts) == before
