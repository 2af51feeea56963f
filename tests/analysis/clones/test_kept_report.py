"""A report that is kept is the report that would be found, and is not used for anything else."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.analysis.clones import find as find_module
from c2llm.analysis.clones.find import find_clones, kept_clones
from c2llm.analysis.clones.kept_report import _VERSION, KeptReport
from c2llm.analysis.clones.reading import chosen_files
from c2llm.analysis.clones.request import ClonesRequest
from c2llm.index.store.caches.kept_results import KeptResults
from c2llm.search.code_index import CodeIndex
from tests.analysis.clones.planted import JAVA, PYTHON, clones_of, write

pytestmark = pytest.mark.usefixtures("home")

FILES = {
    "a.py": PYTHON.original,
    "b.py": PYTHON.renamed,
    "c.py": PYTHON.changed,
    "tests/test_d.py": PYTHON.other,
    "tests/test_e.py": PYTHON.other,
    "ÿ\N{SNOWMAN}.java": JAVA.original,
    "e.java": JAVA.changed,
}


def test_it_is_told_as_it_was_found_without_a_look_at_the_files(tmp_path, monkeypatch):
    root = write(tmp_path, FILES)
    found = clones_of(root)
    assert found.classes and found.apart
    monkeypatch.setattr(find_module, "compared_files", None)
    assert clones_of(root) == found


def test_several_trees_in_another_order_are_another_request(tmp_path):
    one = write(tmp_path / "one", {"a.py": PYTHON.original})
    two = write(tmp_path / "two", {"b.py": PYTHON.changed})
    both = clones_of(one, two)
    assert clones_of(one, two) == both
    assert {m.repository for c in clones_of(two, one).classes for m in c.members} == {"r0", "r1"}
    assert clones_of(one).classes == ()


@pytest.mark.parametrize(
    "asked",
    [
        {"types": (1,)},
        {"min_tokens": 60},
        {"min_lines": 9},
        {"similarity": 0.9},
        {"apart": ()},
        {"languages": "java"},
        {"include": "*.py"},
        {"exclude": "b.py"},
    ],
)
def test_another_request_has_a_report_of_its_own(tmp_path, asked, monkeypatch):
    root = write(tmp_path, FILES)
    default = clones_of(root)
    found = clones_of(root, **asked)
    assert clones_of(root, **asked) == found
    with monkeypatch.context() as patch:
        patch.setattr(find_module.KeptReport, "get", lambda self: None)
        assert clones_of(root, **asked) == found
    assert clones_of(root) == default


def test_a_moved_file_is_told_where_it_is(tmp_path):
    root = write(tmp_path, FILES)
    clones_of(root)
    (root / "c.py").rename(root / "moved.py")
    told = {member.path for one in clones_of(root).classes for member in one.members}
    assert "moved.py" in told and "c.py" not in told


def test_one_of_each_is_kept_at_most(tmp_path):
    root = write(tmp_path, FILES)
    for number in range(4):
        write(root, {"a.py": PYTHON.original + f"\nx = {number}\n"})
        clones_of(root)
        clones_of(root, min_tokens=30 + number)
    with CodeIndex.open(root, embed="none") as index, KeptResults(index.file) as kept:
        connection = kept._connect(create=False)
        kinds = [row[0] for row in connection.execute("SELECT kind FROM results")]
    assert sorted(kind for kind in kinds if kind.startswith("report")) == [
        f"report default {_VERSION}",
        f"report other {_VERSION}",
    ]


@pytest.mark.parametrize(
    "content",
    [b"", b"x", *(zlib.compress(text) for text in (b"", b"[]", b'{"members": 1}', b"null"))],
)
def test_what_is_damaged_is_found_anew(tmp_path, content):
    root = write(tmp_path, FILES)
    found = clones_of(root)
    with CodeIndex.open(root, embed="none") as index:
        report = KeptReport(chosen_files([index], ClonesRequest()), ClonesRequest())
        with KeptResults(index.file) as kept:
            kept.put(report._kind, {report._key(): content})
        assert kept_clones([index], ClonesRequest()) is None
        assert find_clones([index], ClonesRequest()).classes == found.classes
        assert kept_clones([index], ClonesRequest()) is not None


PIECES = [
    PYTHON.original,
    PYTHON.layout,
    PYTHON.renamed,
    PYTHON.changed,
    PYTHON.other,
    "x = 1\n",
    "",
]


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.one_of(st.none(), st.integers(0, len(PIECES) - 1))),
        min_size=1,
        max_size=6,
    )
)
def test_after_any_changes_it_is_as_if_nothing_had_been_kept(tmp_path_factory, changes):
    files = {f"f{n}.py": PIECES[n] for n in range(5)} | {"stays.py": PYTHON.original}
    root = write(tmp_path_factory.mktemp("kept"), files)
    clones_of(root)
    for number, piece in changes:
        path = root / f"f{number}.py"
        if piece is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(PIECES[piece], encoding="utf-8")
        seen = clones_of(root)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(find_module.KeptReport, "get", lambda self: None)
            patch.setattr(KeptResults, "get", lambda self, kind, hashes: {})
            fresh = clones_of(root)
        assert seen == fresh
