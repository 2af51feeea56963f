"""What a baseline knows stays known when it moves, and is new when it grows."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from c2llm.analysis import baseline_file
from c2llm.analysis.clone_report.baseline import Baseline, require_writable, write
from c2llm.analysis.clone_report.member_code import MemberCode
from c2llm.errors import C2LLMError, DataError, UsageError
from tests.analysis.clone_report.reports import FIRST, OTHER, RENAMED, clone, member, tree

FILES = {"a.py": FIRST, "b.py": RENAMED, "c.py": OTHER, "d.py": OTHER}


@pytest.fixture
def code(tmp_path: Path) -> MemberCode:
    return tree(tmp_path / "tree", FILES)


@pytest.fixture
def known(tmp_path: Path, code: MemberCode) -> Baseline:
    path = tmp_path / "known.json"
    assert write(path, [clone([member("a.py"), member("b.py")])], code) == 1
    return Baseline.read(path)


def test_a_class_is_known_by_its_id_or_by_what_it_says(known: Baseline, code: MemberCode) -> None:
    old = clone([member("a.py"), member("b.py")])
    assert known.has(old, code)
    assert known.has(replace(old, id="other"), code)
    assert not known.has(clone([member("c.py", 1, 4), member("d.py", 1, 4)], id="other"), code)


def test_moves_and_shifts_of_lines_do_not_make_it_new(known: Baseline, tmp_path: Path) -> None:
    moved = tree(tmp_path / "moved", {"lib/x.py": f"import os\n\n\n{FIRST}", "lib/y.py": RENAMED})
    places = [member("lib/x.py", 4, 9), member("lib/y.py")]
    assert known.has(clone(places, id="other"), moved)
    edited = tree(
        tmp_path / "edited", {"a.py": FIRST.replace("total = 0", "total = 1"), "b.py": RENAMED}
    )
    assert known.has(clone([member("a.py"), member("b.py")], id="other"), edited)


def test_another_member_makes_it_new(known: Baseline, tmp_path: Path) -> None:
    grown = tree(tmp_path / "grown", {"a.py": FIRST, "b.py": RENAMED, "e.py": FIRST})
    places = [member("a.py"), member("b.py"), member("e.py")]
    assert not known.has(clone(places), grown)  # of the same id
    assert not known.has(clone(places, id="other"), grown)


def test_a_class_that_fell_apart_or_grew_together_is_known(tmp_path: Path, code: MemberCode):
    path = tmp_path / "two.json"
    classes = [
        clone([member("a.py"), member("b.py")], id="1"),
        clone([member("c.py", 1, 4), member("d.py", 1, 4)], id="2"),
    ]
    write(path, classes, code)
    together = [member("a.py"), member("b.py"), member("c.py", 1, 4), member("d.py", 1, 4)]
    assert not Baseline.read(path).has(clone(together, id="3"), code)  # little of each
    halves = [member("a.py", 1, 3), member("b.py", 1, 3)]
    assert Baseline.read(path).has(clone(halves, id="4"), code)


def test_of_long_classes_a_sample_is_kept(tmp_path: Path) -> None:
    long = "".join(f"step_{n}(state, {n})\n" for n in range(3_000))
    code = tree(tmp_path / "long", {"a.py": long, "b.py": "x = 0\n" + long, "c.py": OTHER * 200})
    places = [member("a.py", 1, 3_000), member("b.py", 2, 3_001)]
    path = tmp_path / "known.json"
    write(path, [clone(places)], code)
    assert path.stat().st_size < 3_000
    known = Baseline.read(path)
    assert known.has(clone([member("a.py", 1, 2_500), member("b.py", 2, 2_501)], id="x"), code)
    assert not known.has(clone([member("c.py", 1, 400), member("c.py", 401, 800)], id="x"), code)


def test_the_same_classes_give_the_same_file(tmp_path: Path, code: MemberCode) -> None:
    classes = [clone([member(path), member("b.py")], id=path) for path in ("a.py", "c.py")]
    for name, order in (("1", classes), ("2", classes[::-1])):
        write(tmp_path / name, order, code)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert str(tmp_path) not in (tmp_path / "1").read_text()


def test_a_baseline_replaces_a_baseline_and_nothing_else(tmp_path: Path, code: MemberCode) -> None:
    path = tmp_path / "known.json"
    write(path, [], code)
    write(path, [clone([member("a.py"), member("b.py")])], code)
    foreign = tmp_path / "package.json"
    foreign.write_text('{"name": "x"}')
    link = tmp_path / "link.json"
    link.symlink_to(path)
    for wrong in (foreign, tmp_path, link, tmp_path / "nowhere" / "x.json"):
        with pytest.raises(UsageError):
            require_writable(wrong)
    assert foreign.read_text() == '{"name": "x"}'


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_takes_nothing_is_said(tmp_path: Path, code: MemberCode) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(C2LLMError, match="cannot be written"):
        write(tmp_path / "known.json", [], code)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"made_by": "c2llm clones", "version": 1}',
        '{"made_by": "c2llm clones", "version": 1, "classes": [{"id": 1}]}',
        '{"made_by": "c2llm clones", "version": 1, "classes": [{"id": "a", "members": "x",'
        ' "whole": true, "lines": "zz"}]}',
        '{"made_by": "c2llm clones", "version": 1, "classes": [{"id": "a", "members": 1e999,'
        ' "whole": true, "lines": ""}]}',
        '{"made_by": "c2llm clones", "version": 9, "classes": []}',
        '{"made_by": "jscpd", "version": 1, "classes": []}',
    ],
)
def test_what_is_no_baseline_is_told_in_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "known.json"
    path.write_text(text)
    with pytest.raises(DataError, match="--write-baseline"):
        Baseline.read(path)


def test_a_baseline_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            Baseline.read(path)
    monkeypatch.setattr(baseline_file, "_MOST_BYTES", 10)
    path = tmp_path / "large.json"
    path.write_text(json.dumps({"made_by": "c2llm clones"}))
    with pytest.raises(DataError, match="larger"):
        Baseline.read(path)
