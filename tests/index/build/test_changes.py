"""What the short look at a tree finds is what listing it all would find."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from c2llm.codebase.files import walk
from c2llm.codebase.files.walk import list_changes, list_files
from c2llm.index.build import refresh as build
from c2llm.index.build.refresh import find_stale, refresh_files
from c2llm.index.store.records import RULES, RULES_CHANGE
from c2llm.index.store.sqlite_store import SqliteStore
from tests.trees import write_tree

Known = dict[str, tuple[str, int, int, int]]


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "index.sqlite")


def known_of(root: Path) -> tuple[Known, str]:
    report = list_files(root)
    rows = {f.path: (f.path, f.size, f.mtime_ns, f.inode) for f in report.files}
    return rows, report.rules


def indexed(store: SqliteStore) -> set[str]:
    return {file.path for file in store.files()}


def forbid_listing(patch: pytest.MonkeyPatch) -> None:
    """Let names that are not known alone be judged."""

    def refuse(self: object, path: str, *arguments: object, **options: object) -> None:
        raise AssertionError(f"{path} was judged again")

    patch.setattr(walk._Walk, "_file", refuse)


@pytest.mark.parametrize("seed", range(12))
def test_it_finds_what_comparing_all_finds(tmp_path: Path, seed: int) -> None:
    random.seed(seed)
    names = [f"{a}/{b}.{c}" for a in ("a", "a/b", "c") for b in "xyz" for c in ("py", "log", "go")]
    root = write_tree(tmp_path / "tree", {name: f"x = '{name}'\n" for name in names})
    (root / ".git").mkdir()
    known, rules = known_of(root)
    for name in random.sample(names, 6):
        path = root / name
        change = random.choice(("edit", "remove", "replace", "touch", "link", "directory", "grow"))
        if change == "edit":
            path.write_text("y = 2\n")
        elif change == "touch":
            os.utime(path, ns=(1, 1))
        elif change == "grow":
            path.write_text("z" * 2_000_000)
        else:
            path.unlink()
            if change == "replace":
                path.write_text(f"x = '{name}'\n")
            elif change == "link":
                path.symlink_to(tmp_path)
            elif change == "directory":
                write_tree(path, {"inner.py": "i = 1\n"})
    write_tree(root, {"new/new.py": "n = 1\n", "package.json": "{}\n"})
    if seed % 3 == 1:
        write_tree(root, {".gitignore": "*.log\n!x.log\n", "a/.c2llmignore": "b/\n"})
    if seed % 3 == 2:
        write_tree(root, {"c/.git/HEAD": "ref\n"})
    report, same = list_changes(root, known, rules)
    whole = list_files(root)
    stamps = {f.path: (f.path, f.size, f.mtime_ns, f.inode) for f in whole.files}
    assert same == {path for path, stamp in stamps.items() if known.get(path) == stamp}
    assert report.files == tuple(file for file in whole.files if file.path not in same)
    assert (report.skipped, report.rules) == (whole.skipped, whole.rules)


def test_known_names_are_not_judged_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_tree(
        tmp_path / "tree", {"a.py": "a = 1\n", "b/c.py": "c = 1\n", ".gitignore": "x"}
    )
    known, rules = known_of(root)
    forbid_listing(monkeypatch)
    assert list_changes(root, known, rules)[1] == {"a.py", "b/c.py", ".gitignore"}
    with pytest.raises(AssertionError, match="judged again"):
        list_changes(root, known, "")
    monkeypatch.setattr(walk, "LISTS_VERSION", -1)  # our own lists are rules as well
    with pytest.raises(AssertionError, match="judged again"):
        list_changes(root, known, rules)


def test_a_new_rule_takes_files_out_and_an_old_one_lets_them_in(
    tmp_path: Path, store: SqliteStore
) -> None:
    root = write_tree(tmp_path / "tree", {"a.py": "a = 1\n", "gen/b.py": "b = 1\n"})
    refresh_files(store, find_stale(store, root))
    assert indexed(store) == {"a.py", "gen/b.py"}
    write_tree(root, {".c2llmignore": "gen/\n"})
    refresh_files(store, find_stale(store, root))
    assert indexed(store) == {"a.py", ".c2llmignore"}
    (root / ".c2llmignore").unlink()
    refresh_files(store, find_stale(store, root))
    assert indexed(store) == {"a.py", "gen/b.py"}


def test_a_refresh_that_is_killed_leaves_no_file_of_other_rules(
    tmp_path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_tree(tmp_path / "tree", {"a.py": "a = 1\n", "gen/b.py": "b = 1\n"})
    ignoring = write_tree(root, {".c2llmignore": "gen/\n"}) / ".c2llmignore"
    refresh_files(store, find_stale(store, root))
    rule = ignoring.read_bytes()
    status = ignoring.stat()
    ignoring.write_text("# no\n")
    with monkeypatch.context() as patch:
        write = build._write

        def killed(store: SqliteStore, cut: build.CutFile, *rest: object) -> bool:
            if cut.path == "gen/b.py":
                store._connection.execute("COMMIT")  # what came before stays
                store._connection.execute("BEGIN")
            done: bool = write(store, cut, *rest)  # type: ignore[arg-type]
            if cut.path == "gen/b.py":
                store._connection.execute("COMMIT")
                raise KeyboardInterrupt
            return done

        patch.setattr(build, "_write", killed)
        with pytest.raises(KeyboardInterrupt):
            refresh_files(store, find_stale(store, root))
    assert "gen/b.py" in indexed(store) and store.meta(RULES) == RULES_CHANGE
    ignoring.write_bytes(rule)
    os.utime(ignoring, ns=(status.st_atime_ns, status.st_mtime_ns))
    refresh_files(store, find_stale(store, root))
    assert indexed(store) == {"a.py", ".c2llmignore"}
