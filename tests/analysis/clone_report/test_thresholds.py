"""What is told of a report, and what makes a run fail."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.analysis.clone_report.member_code import MemberCode
from c2llm.analysis.clone_report.selection import covered_lines, select
from c2llm.analysis.clone_report.thresholds import (
    Allowance,
    FailOn,
    failures,
    parse_allowance,
    parse_fail_on,
)
from c2llm.analysis.clones.clone_class import CloneClass, Member
from c2llm.errors import UsageError
from tests.analysis.clone_report.reports import FIRST, clone, member, report, tree

TEN = "".join(f"x{n} = {n}\n" for n in range(10))
FILES = {"src/a.py": FIRST + TEN, "src/b.py": FIRST + TEN, "old/c.py": FIRST, "old/d.py": FIRST}
SRC = clone([member("src/a.py"), member("src/b.py")], id="1")
OLD = clone([member("old/c.py"), member("old/d.py")], id="2")


@pytest.fixture
def code(tmp_path: Path) -> MemberCode:
    return tree(tmp_path, FILES)


def reasons(
    code: MemberCode, fail_on: Sequence[str], allow: Sequence[str], classes: Sequence[CloneClass]
) -> list[str]:
    found = select(report(classes, lines=44))
    return list(
        failures(
            found,
            parse_fail_on(fail_on, tells_new=True),
            [parse_allowance(one) for one in allow],
            {"": list(FILES)},
            code,
        )
    )


def test_any_class_or_a_new_one(code: MemberCode) -> None:
    assert reasons(code, ["any"], [], []) == []
    assert reasons(code, ["any"], [], [SRC]) == ["1 class of duplicates."]
    assert reasons(code, ["new"], [], [SRC, OLD]) == ["2 new classes of duplicates."]
    assert reasons(code, [], [], [SRC, OLD]) == []


def test_a_share_of_all_lines(code: MemberCode) -> None:
    assert reasons(code, ["60%"], [], [SRC, OLD]) == []  # 24 of 44
    [told] = reasons(code, ["54"], [], [SRC, OLD])
    assert told == "54.5 % of the lines are duplicated, more than 54 %."


def test_paths_have_shares_of_their_own(code: MemberCode) -> None:
    classes = [SRC, OLD]
    assert reasons(code, ["40%"], ["old=100"], classes) == []  # 12 of 32
    [told] = reasons(code, ["30%"], ["old=100"], classes)
    assert told == "37.5 % of the lines of the other files are duplicated, more than 30 %."
    [told] = reasons(code, ["40%"], ["old/**=90"], classes)
    assert told == "100.0 % of the lines of old/** are duplicated, more than 90 %."
    assert reasons(code, ["0%"], ["**=100"], classes) == []
    # The last allowance of a file counts.
    assert reasons(code, ["40%"], ["old=5", "old/*.py=100"], classes) == []


def test_classes_where_all_is_allowed_are_let_through(code: MemberCode) -> None:
    between = clone([member("src/a.py"), member("old/c.py")], id="3")
    assert reasons(code, ["any"], ["old=100"], [OLD]) == []
    assert reasons(code, ["any"], ["old=99"], [OLD]) != []
    assert len(reasons(code, ["any"], ["old=100"], [between])) == 1


@pytest.mark.parametrize("value", ["some", "", "101%", "-1%", "nan", "5 %%", "1e1%"])
def test_what_is_no_reason_to_fail(value: str) -> None:
    with pytest.raises(UsageError, match="--fail-on takes"):
        parse_fail_on([value], tells_new=True)


def test_new_needs_something_to_be_new_to() -> None:
    with pytest.raises(UsageError, match="--since REV or --baseline FILE"):
        parse_fail_on(["new"], tells_new=False)
    assert parse_fail_on(["NEW", "7.5%"], tells_new=True) == FailOn(False, True, 7.5)


@pytest.mark.parametrize("value", ["tests", "=5", "tests=", "tests=101", "tests=x", ""])
def test_what_is_no_allowance(value: str) -> None:
    with pytest.raises(UsageError, match="--allow takes GLOB=PERCENT"):
        parse_allowance(value)


def test_a_glob_may_have_the_sign_in_it() -> None:
    assert parse_allowance("a=b/**=5%") == Allowance("a=b/**", 5.0)


def test_selection_tells_pages_and_what_is_new() -> None:
    files = [(f"a{n}.py", f"b{n}.py") for n in range(5)]
    classes = [clone([member(a), member(b)], id=str(n)) for n, (a, b) in enumerate(files)]
    apart = [clone([member("t.py"), member("u.py")], role="test", id="t")]
    found = select(report(classes, apart), limit=2, offset=1)
    assert [one.clone.id for one in found.shown] == ["1", "2"] and len(found.findings) == 5
    assert found.apart() == {"test": 1} and found.by_type() == {2: 5}
    assert (found.files, found.duplicated_lines) == (10, 60)
    second = member("b3.py")
    new = select(
        report(classes),
        added_to=lambda one: frozenset([second]) if one.id in "34" else frozenset(),
        is_known=lambda one: one.id == "4",
    )
    assert [(one.clone.id, one.first) for one in new.findings] == [("3", second)]


def test_the_most_telling_classes_come_first() -> None:
    alike = clone([member("a.py", 1, 40), member("b.py", 1, 40)], 4, id="1", similarity=0.5)
    copied = clone([member("c.py", 1, 30), member("d.py", 1, 30)], 2, id="2")
    within = clone([member("c.py", 5, 29), member("e.py", 1, 25)], 1, id="3")  # half of it is told
    again = clone([member("c.py", 2, 29), member("d.py", 2, 29)], 1, id="4")
    small = clone([member("f.py", 1, 5), member("g.py", 1, 5)], 1, id="5")
    classes = [alike, again, copied, within, small]
    told = [one.clone.id for one in select(report(classes)).findings]
    assert told == ["2", "3", "5", "1", "4"]
    assert told == [one.clone.id for one in select(report(classes[::-1])).findings]


spans = st.tuples(st.sampled_from("ab"), st.integers(1, 20), st.integers(0, 8))


@given(st.lists(spans, max_size=10))
def test_lines_are_counted_once(places: list[tuple[str, int, int]]) -> None:
    members = [Member(path, start, start + more, "python") for path, start, more in places]
    slow = {(path, line) for path, start, more in places for line in range(start, start + more + 1)}
    assert covered_lines(members) == len(slow)
