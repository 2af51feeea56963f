"""Repositories that mean harm: nothing is run or written, and what is odd is left out or told."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from c2llm.index.catalog import planning
from c2llm.index.catalog.status import catalog_status
from tests.index.catalog.repositories import (
    InlineRunner,
    add,
    bare,
    commit,
    git,
    refresh,
    repository,
    store_of,
    trees,
)

CODE = "def run(x):\n    return x\n"


def tree(root: Path, entries: Mapping[bytes, tuple[bytes, str]]) -> str:
    """A tree as it is given, whatever git thinks of it: mode and object by name."""
    content = b"".join(
        b"%s %s\0%s" % (mode, name, bytes.fromhex(blob)) for name, (mode, blob) in entries.items()
    )
    return git(root, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=content)


def blob(root: Path, content: bytes) -> str:
    return git(root, "hash-object", "-w", "--stdin", given=content)


def head(root: Path, tree_name: str) -> None:
    made = git(root, "commit-tree", tree_name, "-m", "odd")
    git(root, "update-ref", "refs/heads/main", made)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path / "odd", {"good.py": CODE})


def kept(root: Path) -> dict[str, set[str]]:
    catalog = add("org", root)
    report = refresh(catalog)
    assert report.away == {} and report.files_failed == {}
    return trees(catalog)


def test_paths_that_no_checkout_would_have(root: Path, tmp_path: Path) -> None:
    code = blob(root, CODE.encode())
    file = (b"100644", code)
    inner = tree(root, {b"x.py": file})
    folder = (b"40000", inner)
    names = (b"..", b".", b".git", b".GIT")
    head(
        root,
        tree(root, {**dict.fromkeys(names, folder), b"good.py": file, b"a\nb\x1b[31m.py": file}),
    )
    before = sorted(tmp_path.rglob("*"))
    assert kept(root) == {"odd": {"good.py", "a\nb\x1b[31m.py"}}
    made = {path for path in tmp_path.rglob("*") if "home" not in path.parts}
    assert made <= set(before)


def test_links_submodules_and_odd_modes(root: Path) -> None:
    code = blob(root, CODE.encode())
    target = blob(root, b"/etc/passwd")
    head(
        root,
        tree(
            root,
            {
                b"good.py": (b"100644", code),
                b"link.py": (b"120000", target),
                b"module": (b"160000", "1" * 40),
                b"run.py": (b"100755", code),
            },
        ),
    )
    (root / ".gitmodules").write_text('[submodule "module"]\n\tpath = module\n\turl = ext::sh\n')
    assert kept(root) == {"odd": {"good.py", "run.py"}}


def test_a_tree_that_names_a_path_twice(root: Path) -> None:
    one, two = blob(root, CODE.encode()), blob(root, b"def other():\n    return 2\n")
    content = b"".join(b"100644 good.py\0" + bytes.fromhex(name) for name in (one, two))
    odd = git(root, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=content)
    head(root, odd)
    assert kept(root) == {"odd": {"good.py"}}


def test_names_that_are_no_utf_8(root: Path) -> None:
    name = os.fsdecode(b"caf\xe9/na\xefve.py")
    commit(root, {name: CODE})
    catalog = add("org", root)
    refresh(catalog)
    assert trees(catalog) == {"odd": {"good.py", name}}
    store = store_of(catalog)
    places = store.places([file.id for file in store.files()])
    assert {place.path for some in places.values() for place in some} == {"good.py", name}
    store.close()


def test_a_bomb_of_trees_is_refused_and_the_rest_goes_on(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "MOST_FILES", 5_000)
    inner = tree(root, {b"%d.py" % n: (b"100644", blob(root, CODE.encode())) for n in range(10)})
    for _ in range(3):
        inner = tree(root, {b"%d" % n: (b"40000", inner) for n in range(10)})
    head(root, inner)
    other = repository(tmp_path / "other", {"good.py": CODE})
    catalog = add("org", root, other)
    report = refresh(catalog)
    assert report.refreshed == ["other"] and "more than 5,000 files" in report.away["odd"]
    assert "\n" not in report.away["odd"]


def test_objects_that_are_missing_or_damaged(root: Path) -> None:
    commit(root, {"gone.py": "def gone():\n    return 1\n", "torn.py": "def torn():\n    pass\n"})
    for name, content in (("gone.py", None), ("torn.py", b"torn")):
        made = git(root, "rev-parse", f"HEAD:{name}")
        path = root / ".git" / "objects" / made[:2] / made[2:]
        path.chmod(0o600)
        path.unlink()
        if content is not None:
            path.write_bytes(content)
    catalog = add("org", root)
    refresh(catalog)
    assert trees(catalog) == {"odd": {"good.py"}}


def test_a_repository_without_its_objects_is_away(root: Path) -> None:
    shutil.rmtree(root / ".git" / "objects")
    catalog = add("org", root)
    report = refresh(catalog)
    assert set(report.away) == {"odd"} and catalog_status(catalog).repositories[0].is_stale


def test_a_clone_that_borrows_its_objects(root: Path, tmp_path: Path) -> None:
    borrower = tmp_path / "borrower"
    git(root, "clone", "-q", "--shared", str(root), str(borrower))
    assert kept(borrower) == {"borrower": {"good.py"}}


def test_programs_that_a_repository_configures(root: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    script = tmp_path / "run"
    script.write_text(f"#!/bin/sh\ntouch {canary}\n")
    script.chmod(0o755)
    mirror = bare(tmp_path / "mirror.git", root)
    for folder in (root / ".git", mirror):
        with (folder / "config").open("a") as config:
            config.write(
                f"[core]\n\tfsmonitor = {script}\n\tsshCommand = {script}\n\tpager = {script}\n"
                f"\taskPass = {script}\n\tgitProxy = {script}\n\thooksPath = {folder}/hooks\n"
                f'[filter "x"]\n\tclean = {script}\n\tsmudge = {script}\n'
                f"[uploadpack]\n\tpackObjectsHook = {script}\n[credential]\n\thelper = {script}\n"
                f'[remote "origin"]\n\turl = ext::{script}\n\tuploadpack = {script}\n'
                "\tpromisor = true\n[extensions]\n\tpartialClone = origin\n"
            )
        for name in ("post-checkout", "reference-transaction", "pre-auto-gc"):
            shutil.copy(script, folder / "hooks" / name)
    catalog = add("org", root, mirror, root.as_uri(), mirror.as_uri())
    refresh(catalog)
    assert not canary.exists()


@pytest.mark.slow
def test_a_hundred_thousand_files_and_a_large_one(root: Path) -> None:
    code = blob(root, CODE.encode())
    large = blob(root, b"x = 1\n" * 10_000_000)
    inner = tree(root, {b"%05d.py" % n: (b"100644", code) for n in range(1_000)})
    entries = {b"%03d" % n: (b"40000", inner) for n in range(100)}
    head(root, tree(root, {**entries, b"large.py": (b"100644", large)}))
    catalog = add("org", root)
    runner = InlineRunner()
    report = refresh(catalog, runner)
    assert report.contents == 1 and len(runner.read) == 1
    assert len(trees(catalog)["odd"]) == 100_000
