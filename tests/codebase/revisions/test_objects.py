"""Contents of objects: whole, cut short, empty, and those that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from c2llm.codebase.git import Git
from c2llm.codebase.revisions.objects import GitObject, lacking, read_objects
from tests.codebase.revisions.test_uncommitted import git


@pytest.fixture
def names(tmp_path: Path) -> list[str]:
    git(tmp_path, "init", "-q")
    for number, content in enumerate([b"one\n", b"", b"three\n\nlines", b"x" * 3_000_000]):
        (tmp_path / str(number)).write_bytes(content)
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "x")
    listed = Git(tmp_path).run("ls-tree", "HEAD").decode().splitlines()
    return [line.split()[2] for line in listed]


def test_each_name_has_its_object(tmp_path: Path, names: list[str]) -> None:
    absent = "1" * 40
    found = list(read_objects(Git(tmp_path), [*names, absent, names[0]], 6))
    assert found == [
        GitObject(names[0], b"one\n", is_whole=True),
        GitObject(names[1], b"", is_whole=True),
        GitObject(names[2], b"three\n", is_whole=False),
        GitObject(names[3], b"xxxxxx", is_whole=False),
        GitObject(absent, b"", is_whole=False, is_there=False),
        GitObject(names[0], b"one\n", is_whole=True),
    ]
    assert absent[:12] in str(lacking(Git(tmp_path), absent))


def test_a_content_of_just_the_limit_is_whole(tmp_path: Path, names: list[str]) -> None:
    [one] = read_objects(Git(tmp_path), names[:1], 4)
    assert one.is_whole


def test_no_names_start_nothing(tmp_path: Path) -> None:
    assert list(read_objects(Git(tmp_path / "nowhere"), [], 10)) == []


def test_what_a_partial_clone_lacks_hides_nothing_behind_it(
    tmp_path: Path, names: list[str]
) -> None:
    git(tmp_path, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    url = tmp_path.as_uri()
    git(tmp_path, "clone", "-q", "--filter=blob:limit=1k", "--no-checkout", url, str(clone))
    found = list(read_objects(Git(clone), [names[3], names[0], names[3], names[2]], 100))
    assert [one.is_there for one in found] == [False, True, False, True]


def test_a_folder_without_a_repository_has_no_objects(tmp_path: Path) -> None:
    [one] = read_objects(Git(tmp_path), ["1" * 40], 10)
    assert not one.is_there
