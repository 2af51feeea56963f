"""Which class a place belongs to, told from what is kept of an index."""

from __future__ import annotations

from pathlib import Path

import pytest

from c2llm.analysis.clones.find import find_clones
from c2llm.analysis.clones.request import ClonesRequest
from c2llm.analysis.known_classes import (
    KnownClasses,
    class_of,
    classes_of_hits,
    kept_classes,
    known_classes,
)
from c2llm.search.answer import Hit
from c2llm.search.code_index import CodeIndex
from tests.analysis.clone_report.reports import clone, member
from tests.cli.clones.test_clones import TREE
from tests.index.conftest import home
from tests.trees import write_tree

__all__ = ["home"]


@pytest.fixture
def root(tmp_path: Path, home: Path) -> Path:
    return write_tree(tmp_path / "project", dict(TREE))


def opened(root: Path) -> CodeIndex:
    return CodeIndex.open(root, embed="none")


def test_the_class_that_has_most_of_a_place() -> None:
    small = clone([member("a.py", 1, 4), member("b.py", 1, 4)], id="small")
    large = clone([member("a.py", 3, 30), member("c.py", 3, 30)], 3, id="large")
    known = KnownClasses([small, large])
    assert known.at("a.py", 1, 4) is small
    assert known.at("a.py", 3, 28) is large
    assert known.at("a.py", 1, 30) is large
    assert known.at("a.py", 29, 60) is None  # two lines of many
    assert known.at("b.py", 4, 9) is None
    assert known.at("none.py", 1, 4) is None


def test_of_the_same_lines_the_stricter_type() -> None:
    loose = clone([member("a.py"), member("c.py"), member("d.py")], 3, id="loose")
    strict = clone([member("a.py"), member("b.py")], 1, id="strict")
    assert KnownClasses([loose, strict]).at("a.py", 1, 6) is strict


def test_what_was_found_is_kept_until_a_file_changes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(root) as index:
        assert kept_classes(index) is None and class_of(index, "src/api.py", 1, 10) is None
        found = known_classes(index).at("src/api.py", 1, 10)
        assert found is not None and [one.path for one in found.members] == [
            "src/api.py",
            "src/web.py",
        ]
    with monkeypatch.context() as patch:
        patch.setattr("c2llm.analysis.clones.find.compared_files", None)
        with opened(root) as index:
            assert class_of(index, "src/api.py", 1, 10) == found
            assert known_classes(index).at("src/web.py", 1, 10) == found
    (root / "src" / "web.py").unlink()
    with opened(root) as index:
        assert kept_classes(index) is None
        assert known_classes(index).at("src/api.py", 1, 10) is None


def test_only_what_was_looked_for_as_by_default_is_kept(root: Path) -> None:
    with opened(root) as index:
        for request in (ClonesRequest(types=(1,)), ClonesRequest(include="src")):
            find_clones([index], request)
        assert kept_classes(index) is None


def test_hits_of_several_indexes(root: Path, tmp_path: Path) -> None:
    other = write_tree(tmp_path / "other", {"x.py": "x = 1\n"})
    with opened(root) as one, opened(other) as two:
        one.label, two.label = "project", "other"
        hits = [
            Hit(path, 1, 10, "python", "function", "", 1.0, "", (), repository=label)
            for path, label in (("src/api.py", "project"), ("x.py", "other"), ("x.py", "gone"))
        ]
        assert classes_of_hits([one, two], hits, look=False) == [None, None, None]
        first, *others = classes_of_hits([one, two], hits, look=True)
        assert first is not None and first.type == 2 and others == [None, None]
