from __future__ import annotations

import os
from pathlib import Path

import pytest

from c2llm.errors import UsageError
from c2llm.serving.file_lines import MOST_LINES, read_lines
from tests.trees import write_tree

KEY = "-----BEGIN RSA PRIVATE KEY-----\nabc\n"


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.py": "one\r\ntwo\r\nthree", "empty.py": ""})
    found = read_lines(tmp_path, "a.py", 2, 9)
    assert (found.start, found.end, found.of) == (2, 3, 3)
    assert found.lines == ("two", "three")
    assert read_lines(tmp_path, "empty.py").lines == ()


@pytest.mark.parametrize(
    "path", ["a/" * 3_000 + "a.py", "a" * 300 + "/a.py", "a" * 300, "a.py/b.py", "a\0/b.py"]
)
def test_a_path_of_no_file_is_refused(tmp_path: Path, path: str) -> None:
    write_tree(tmp_path, {"a.py": "x\n"})
    with pytest.raises(UsageError):
        read_lines(tmp_path, path)


def test_no_more_than_a_client_can_use(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.py": "x\n" * (MOST_LINES + 5)})
    assert len(read_lines(tmp_path, "a.py").lines) == MOST_LINES


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "deploy/id_rsa",
        ".ssh/known",
        "conf/key.pem",
        "notes.txt",
        ".git/config",
        ".GIT/config",
    ],
)
def test_secrets_are_not_read(tmp_path: Path, path: str) -> None:
    write_tree(tmp_path, {path: KEY if path == "notes.txt" else "x = 1\n"})
    with pytest.raises(UsageError):
        read_lines(tmp_path, path)


def test_a_secret_by_the_name_of_its_root(tmp_path: Path) -> None:
    write_tree(tmp_path, {".aws/credentials": "x = 1\n"})
    with pytest.raises(UsageError, match="secrets"):
        read_lines(tmp_path / ".aws", "credentials")


def test_the_user_alone_takes_secrets_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path, {".env": "A=1\n"})
    monkeypatch.setenv("C2LLM_INCLUDE_SECRETS", "1")
    assert read_lines(tmp_path, ".env").lines == ("A=1",)


def test_what_the_user_leaves_out_is_not_read(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            ".c2llmignore": "private/\n*.note\n",
            "private/a.py": "x\n",
            "b.note": "x\n",
            "c.py": "x\n",
        },
    )
    for path in ("private/a.py", "b.note"):
        with pytest.raises(UsageError, match=r"\.c2llmignore"):
            read_lines(tmp_path, path)
    assert read_lines(tmp_path, "c.py").lines == ("x",)


def test_no_link_and_no_dots_lead_out(tmp_path: Path) -> None:
    write_tree(tmp_path / "root", {"a.py": "x\n"})
    write_tree(tmp_path / "out", {"b.py": "y\n"})
    (tmp_path / "root" / "link").symlink_to(tmp_path / "out")
    (tmp_path / "root" / "b.py").symlink_to(tmp_path / "out" / "b.py")
    for path in ("link/b.py", "b.py", "../out/b.py", "a.py/../../out/b.py", "/etc/passwd", ""):
        with pytest.raises(UsageError):
            read_lines(tmp_path / "root", path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_nothing_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(UsageError, match="no file"):
        read_lines(tmp_path, "pipe.py")


def test_lines_that_are_not_there(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.py": "x\n", "b.bin": b"\0\1\2"})
    for start, end in ((0, 3), (5, 3), (2, None), (-1, None)):
        with pytest.raises(UsageError):
            read_lines(tmp_path, "a.py", start, end)
    with pytest.raises(UsageError, match="no text"):
        read_lines(tmp_path, "b.bin")
