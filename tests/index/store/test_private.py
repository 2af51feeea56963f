"""What lies in the cache is its owner's alone, and nobody else's is used."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from c2llm.errors import C2LLMError
from c2llm.index.build.index_status import read_status
from c2llm.index.catalog.catalogs import Candidate, add_to_catalog, load_catalogs
from c2llm.index.store.location import cache_file, remove_index
from c2llm.index.store.lock import holding
from c2llm.search.code_index import CodeIndex
from tests.trees import WordEncoder


def build(root: Path) -> CodeIndex:
    return CodeIndex.open(root, encoder=WordEncoder(), embed="all")


def open_to_others(home: Path) -> dict[str, str]:
    """Names and modes of what is not 0600, or 0700 for a folder."""
    found = {}
    for path in [home, *home.rglob("*")]:
        mode = stat.S_IMODE(path.lstat().st_mode)
        if mode != (0o700 if path.is_dir() else 0o600):
            found[path.name] = oct(mode)
    return found


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_under_every_umask(project: Path, home: Path, umask: None) -> None:
    with build(project) as index, holding(index.file, "watching", 0.0):
        with index._store.writing():  # the log of the writer is there
            index._store.set_meta("note", "x")
        add_to_catalog("work", [Candidate(("project",), path=str(project), live=True)])
        names = {path.name.rpartition("sqlite")[2] for path in home.rglob("*.sqlite*")}
        assert {"", "-wal", "-shm", ".lock", ".using.lock", ".watching.lock"} <= names
        assert cache_file().exists()
        assert open_to_others(home) == {}


def test_a_graph_and_its_lock_too(
    project: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("c2llm.index.store.sqlite_vectors.EXACT_UP_TO", 3)
    before = os.umask(0)
    try:
        with build(project) as index:
            assert index.build_graphs() == 1
    finally:
        os.umask(before)
    assert list(home.rglob("*.usearch")) and open_to_others(home) == {}


@pytest.mark.parametrize("again", [build, lambda root: read_status(root, "words")])
def test_what_was_open_to_others_is_closed(
    project: Path, home: Path, again: Callable[[Path], object]
) -> None:
    with build(project):
        add_to_catalog("work", [Candidate(("project",), path=str(project), live=True)])
    for path in [home, *home.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    opened = again(project)
    if isinstance(opened, CodeIndex):
        opened.close()
    load_catalogs()
    assert open_to_others(home) == {}


def test_the_user_s_own_folder_stays_as_it_is(project: Path, home: Path) -> None:
    home.mkdir()
    home.chmod(0o755)
    (home / "letter.txt").write_text("mine")
    (home / "letter.txt").chmod(0o644)
    with build(project):
        pass
    assert stat.S_IMODE(home.stat().st_mode) == 0o755
    assert stat.S_IMODE((home / "letter.txt").stat().st_mode) == 0o644
    assert stat.S_IMODE((home / "indexes").stat().st_mode) == 0o700


def refused(project: Path, message: str) -> None:
    for attempt in (build, lambda root: read_status(root, "words")):
        with pytest.raises(C2LLMError, match=message) as caught:
            attempt(project)
        assert "C2LLM_HOME" in str(caught.value) and "\n" not in str(caught.value)
    with (  # nor is it taken for a disk that cannot be written
        pytest.raises(C2LLMError, match=message),
        CodeIndex.open(project, embed="none", lock_seconds=1.0),
    ):
        pass


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_a_link_in_the_place_of_a_file_is_refused(
    project: Path, tmp_path: Path, suffix: str
) -> None:
    with build(project) as index:
        file = index.file
    target = tmp_path / "elsewhere"
    target.write_bytes(b"" if suffix else file.read_bytes())
    before = target.read_bytes()
    place = file.with_name(file.name + suffix)
    place.unlink(missing_ok=True)
    place.symlink_to(target)
    refused(project, "is a link")
    assert target.read_bytes() == before
    assert remove_index(file)
    assert target.exists() and not place.is_symlink()


def test_a_link_in_the_place_of_the_folder_is_refused(
    project: Path, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    home.mkdir()
    (home / "indexes").symlink_to(tmp_path / "elsewhere")
    (home / "catalogs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(C2LLMError, match="is a link"):
        build(project)
    with pytest.raises(C2LLMError, match="is a link"):
        add_to_catalog("work", [Candidate(("project",), path=str(project), live=True)])
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_in_the_place_of_a_lock_is_refused(project: Path, tmp_path: Path) -> None:
    with build(project) as index:
        file = index.file
    lock = file.with_name(file.name + ".lock")
    lock.unlink()
    lock.symlink_to(tmp_path / "made")
    (project / "new.py").write_text("x = 1\n")
    with pytest.raises(C2LLMError, match="is a link"):
        build(project)
    assert not (tmp_path / "made").exists()


def test_a_pipe_in_the_place_of_an_index_does_not_make_us_wait(project: Path) -> None:
    with build(project) as index:
        file = index.file
    file.unlink()
    os.mkfifo(file)
    refused(project, "is not a file")


@pytest.mark.parametrize("place", ["home", "folder", "file"])
def test_another_user_s_is_refused(
    project: Path, home: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    with build(project) as index:
        file = index.file
    foreign = {"home": home, "folder": home / "indexes", "file": file}[place].stat().st_ino
    if place == "home":
        home.chmod(0o755)
    real = {"lstat": Path.lstat, "stat": Path.stat}

    def of_another(name: str) -> Callable[..., os.stat_result]:
        def look(path: Path, **options: bool) -> os.stat_result:
            status = real[name](path, **options)
            if status.st_ino == foreign:
                fields = list(status)
                fields[4] = 54_321  # the user
                return os.stat_result(fields)
            return status

        return look

    monkeypatch.setattr(Path, "lstat", of_another("lstat"))
    monkeypatch.setattr(Path, "stat", of_another("stat"))
    refused(project, "belongs to another user")
