"""Results come back as they were kept, and where none can be kept nothing else happens."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.index.store.caches.kept_results import KeptResults
from c2llm.index.store.location import unlink_index

CONTENT = st.dictionaries(st.binary(max_size=20), st.binary(max_size=200), max_size=8)


@given(first=CONTENT, second=CONTENT)
def test_what_is_kept_comes_back(tmp_path_factory, first, second):
    index = tmp_path_factory.mktemp("kept") / "x.sqlite"
    with KeptResults(index) as kept:
        kept.put("a 1", first)
        kept.put("a 1", second)
        kept.put("b 1", {b"other": b"kind"})
    with KeptResults(index) as kept:
        both = {**first, **second}
        assert kept.get("a 1", both) == both
        assert kept.get("a 1", [b"never kept " * 3]) == {}
        assert kept.get("a 2", both) == {}


def test_only_what_is_asked_for_stays(tmp_path):
    with KeptResults(tmp_path / "x.sqlite") as kept:
        kept.put("a 1", {b"old version": b"1"})
        kept.put("a 2", {b"here": b"2", b"gone": b"3"})
        kept.put("b 1", {b"another's": b"4"})
        kept.keep_only("a 2", [b"here"], family="a ")
        assert kept.get("a 1", [b"old version"]) == {}
        assert kept.get("a 2", [b"here", b"gone"]) == {b"here": b"2"}
        assert kept.get("b 1", [b"another's"]) == {b"another's": b"4"}


def test_the_file_is_its_owners_and_goes_with_the_index(tmp_path):
    index = tmp_path / "indexes" / "x.sqlite"
    with KeptResults(index) as kept:
        kept.put("a 1", {b"k": b"v"})
    assert kept.path is not None
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    unlink_index(index)
    assert not kept.path.exists()


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + b"\xff" * 200])
def test_a_damaged_file_keeps_nothing_and_harms_nobody(tmp_path, content):
    (tmp_path / "x.sqlite.kept").write_bytes(content)
    with KeptResults(tmp_path / "x.sqlite") as kept:
        kept.put("a 1", {b"k": b"v"})
        assert kept.get("a 1", [b"k"]) == {}
        kept.keep_only("a 1", [], family="a ")


def test_nothing_is_kept_without_an_index_or_a_disk(tmp_path):
    (tmp_path / "file").write_text("no folder")
    for index in (None, tmp_path / "file" / "x.sqlite"):
        with KeptResults(index) as kept:
            kept.put("a 1", {b"k": b"v"})
            assert kept.get("a 1", [b"k"]) == {}
