"""Folders of ours are replaced whole or not at all; anybody else's is refused and stays."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from c2llm.errors import C2LLMError, UsageError
from c2llm.output_folder import (
    MARK,
    add_to_folder,
    claim_work_folder,
    remove_folder,
    replace_folder,
    require_replaceable,
)

SOURCE = Path(__file__).parents[1] / "src" / "c2llm"


def fill(folder: Path, **files: str) -> None:
    with replace_folder(folder) as part:
        for name, text in files.items():
            (part / name).write_text(text)


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MARK
    }


def beside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.parent.iterdir())


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "there" / "out"


def test_a_new_or_empty_folder_is_filled_and_ours_is_replaced(out: Path) -> None:
    fill(out, a="1", b="2")
    assert content(out) == {"a": "1", "b": "2"}
    fill(out, a="3")
    assert content(out) == {"a": "3"}
    remove_folder(out)
    assert not out.exists()
    out.mkdir()
    fill(out, c="4")
    assert (content(out), beside(out)) == ({"c": "4"}, ["out"])


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "deep/er/notes.txt", "out.part/notes"])
def test_what_somebody_put_there_is_refused_and_stays(out: Path, name: str) -> None:
    for ours in (False, True):
        if ours:
            (out / name).unlink()
            for folder in sorted(out.rglob("*"), reverse=True):
                folder.rmdir()
            fill(out, model="weights")
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("mine")
        for refused in (lambda: fill(out, model="new"), lambda: require_replaceable(out)):
            with pytest.raises(UsageError, match="which c2llm did not write there; name another"):
                refused()
        remove_folder(out)
        assert content(out)[name] == "mine"


def test_a_file_and_a_link_to_nothing_are_refused_or_followed(out: Path, tmp_path: Path) -> None:
    out.parent.mkdir()
    out.write_text("a file")
    with pytest.raises(UsageError, match="is a file; name a folder"):
        fill(out, a="1")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    fill(link, a="1")
    fill(link, a="2")
    assert link.is_symlink() and content(tmp_path / "elsewhere") == {"a": "2"}


def test_a_linked_folder_inside_is_foreign_and_not_followed(out: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("mine")
    fill(out, a="1")
    (out / "link").symlink_to(tmp_path / "precious")
    with pytest.raises(UsageError, match="'link'"):
        fill(out, a="2")
    assert (tmp_path / "precious" / "file").read_text() == "mine"


def test_work_that_fails_leaves_what_was_there(out: Path) -> None:
    fill(out, a="1")
    with pytest.raises(RuntimeError), replace_folder(out) as part:
        (part / "a").write_text("half")
        raise RuntimeError
    assert (content(out), beside(out)) == ({"a": "1"}, ["out"])


def test_a_file_that_comes_while_the_work_is_done_stays(out: Path) -> None:
    fill(out, a="1")
    with pytest.raises(UsageError, match=r"notes\.txt"), replace_folder(out) as part:
        (part / "a").write_text("2")
        (out / "notes.txt").write_text("mine")
    assert content(out) == {"a": "1", "notes.txt": "mine"}


def test_a_swap_that_fails_is_taken_back(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(out, a="1")
    rename = Path.rename

    def refusing(self: Path, target: Path) -> Path:
        if self.name.endswith(".part"):
            raise OSError(18, "Invalid cross-device link")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refusing)
    with pytest.raises(C2LLMError, match=r"cannot be written \(Invalid cross-device link\)"):
        fill(out, a="2")
    assert (content(out), beside(out)) == ({"a": "1"}, ["out"])


def test_a_mount_point_is_filled_where_it_is(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out.mkdir(parents=True)
    monkeypatch.setattr(Path, "is_mount", lambda self: self == out)
    inode = out.stat().st_ino
    fill(out, a="1", b="2")
    fill(out, a="3")
    assert (content(out), out.stat().st_ino) == ({"a": "3"}, inode)


def test_a_mark_that_names_what_lies_elsewhere_removes_nothing_there(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out.mkdir(parents=True)
    monkeypatch.setattr(Path, "is_mount", lambda self: self == out)
    elsewhere = out.parent / "elsewhere.txt"
    elsewhere.write_text("mine")
    (out / MARK).write_text(json.dumps({"files": ["../elsewhere.txt", str(elsewhere)]}))
    fill(out, a="1")
    assert elsewhere.read_text() == "mine" and content(out) == {"a": "1"}


def test_the_part_of_another_is_not_touched(out: Path) -> None:
    others = out.with_name("out.part")
    others.mkdir(parents=True)
    (others / "file").write_text("mine")
    fill(out, a="1")
    fill(out, a="2")
    assert content(others) == {"file": "mine"}


def test_files_are_added_to_what_is_there(out: Path) -> None:
    out.mkdir(parents=True)
    (out / "model.safetensors").write_text("mine")
    for text in ("1", "2"):  # the second time it is our own file that is replaced
        with add_to_folder(out, ["model.onnx"]) as part:
            (part / "model.onnx").write_text(text)
            (part / "config.json").write_text("dropped")
    assert content(out) == {"model.safetensors": "mine", "model.onnx": "2"}
    with pytest.raises(UsageError, match=r"model\.safetensors"):
        fill(out, a="1")


def test_a_file_of_that_name_that_is_not_ours_stays(out: Path) -> None:
    out.mkdir(parents=True)
    (out / "model.onnx").write_text("mine")
    with (
        pytest.raises(UsageError, match=r"'model\.onnx', which c2llm did not write"),
        add_to_folder(out, ["model.onnx"]),
    ):
        pass
    assert content(out) == {"model.onnx": "mine"}


def test_work_is_claimed_and_removed_as_a_whole(out: Path) -> None:
    claim_work_folder(out)
    (out / "pairs.jsonl").write_text("{}")
    claim_work_folder(out)
    remove_folder(out)
    assert not out.exists()
    out.mkdir()
    (out / "pairs.jsonl").write_text("mine")
    with pytest.raises(UsageError, match=r"pairs\.jsonl"):
        claim_work_folder(out)
    remove_folder(out)
    assert content(out) == {"pairs.jsonl": "mine"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 3}', "\0", "[" * 100_000])
def test_a_mark_that_says_nothing_makes_nothing_ours(out: Path, text: str) -> None:
    out.mkdir(parents=True)
    (out / "file").write_text("mine")
    (out / MARK).write_text(text)
    with pytest.raises(UsageError, match="'file'"):
        fill(out, a="1")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_parent_that_cannot_be_written_is_one_sentence(out: Path) -> None:
    out.parent.mkdir()
    out.parent.chmod(0o500)
    with pytest.raises(C2LLMError, match=r"cannot be written \(Permission denied\)"):
        fill(out, a="1")


def test_nothing_else_removes_folders() -> None:
    removing = {
        path.name
        for path in SOURCE.rglob("*.py")
        if re.search(r"\brmtree\(|removedirs\(", path.read_text(encoding="utf-8"))
    }
    # The second in its work folder alone, the others the clones of a catalog, which they made.
    assert removing == {"output_folder.py", "adaptation.py", "kept.py", "tips.py"}


def test_a_file_that_is_made_or_not_goes_with_what_it_belonged_to(out: Path) -> None:
    def add(**files: str) -> None:
        with add_to_folder(out, ["graph"], maybe=["data"]) as part:
            for name, text in files.items():
                (part / name).write_text(text)

    fill(out, mine="0")
    add(graph="1", data="2")
    assert content(out) == {"mine": "0", "graph": "1", "data": "2"}
    add(graph="3")
    assert content(out) == {"mine": "0", "graph": "3"}
    (out / "data").write_text("the user's")
    with pytest.raises(UsageError, match="holds 'data'"):
        add(graph="4", data="5")
    assert content(out) == {"mine": "0", "graph": "3", "data": "the user's"}
