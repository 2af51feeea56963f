"""Two pieces of code side by side: nothing is lost, and only what differs is marked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from c2llm.analysis.clone_report import aligned_diff
from c2llm.analysis.clone_report.aligned_diff import Alignment, align, around_changes
from tests.analysis.clone_report.reports import CHANGED, FIRST, RENAMED


def of(left: str, right: str) -> Alignment:
    return align(left.splitlines(), right.splitlines())


def marked(alignment: Alignment) -> list[tuple[str, str]]:
    return [
        tuple("".join(p.text for p in side if p.differs).strip() for side in (row.left, row.right))
        for row in alignment.rows
        if row.differs
    ]


def test_consistent_renames_are_a_table_and_no_noise() -> None:
    found = of(FIRST, RENAMED)
    assert [(one.left, one.right, one.count) for one in found.renames] == [
        ("load", "fetch", 1),
        ("user", "customer", 2),
        ("row", "item", 3),
        ("rows", "items", 1),
    ]
    assert found.is_same and marked(found) == []


def test_what_is_added_stands_alone_among_what_is_renamed() -> None:
    found = of(FIRST, CHANGED)
    assert marked(found) == [("", "log(total)")]
    [row] = [row for row in found.rows if row.differs]
    assert (row.kind, row.left_line, row.right_line) == ("added", 0, 6)


def test_within_a_changed_line_the_tokens_are_marked() -> None:
    found = of("a = first(b, 1)\nreturn a\n", "a = first(b, 2)\nreturn a\n")
    assert marked(found) == [("1", "2")]
    found = of("if x > limit:\n    stop()\n", "if x >= limit and go:\n    stop()\n")
    assert marked(found) == [("", "=and go")]


def test_names_that_are_not_replaced_everywhere_are_differences() -> None:
    found = of("a = b\nc = b\nd = b\n", "a = x\nc = x\nd = y\n")
    assert found.renames == ()
    assert marked(found) == [("b", "x"), ("b", "x"), ("b", "y")]
    swapped = of("use(a, b)\nsave(a)\n", "use(b, a)\nsave(b)\n")
    assert [(one.left, one.right) for one in swapped.renames] == [("a", "b"), ("b", "a")]


def test_two_names_that_became_one_are_differences() -> None:
    found = of("use(a)\nuse(b)\n", "use(x)\nuse(x)\n")
    assert found.renames == () and len(marked(found)) == 2


def test_keywords_and_literals_are_not_renamed() -> None:
    found = of("while x:\n    y = 'a'\n", "if x:\n    y = 'b'\n")
    assert found.renames == () and marked(found) == [("while", "if"), ("'a'", "'b'")]


def test_words_of_comments_are_not_renamed() -> None:
    found = of("# reads integers\nx = read(a)\n", "# reads strings\nx = read(b)\n")
    assert [(one.left, one.right) for one in found.renames] == [("a", "b")]
    assert marked(found) == [("integers", "strings")]
    found = of("# a list of a kind\nx = read(a)\n", "# a list of a kind\nx = read(b)\n")
    assert found.is_same
    found = of("# of a, a kind\nx = read(a)\n", "# of b, a kind\nx = read(b)\n")
    assert found.is_same


def test_indentation_as_a_whole_and_line_numbers() -> None:
    indented = "".join(f"        {line}\n" for line in FIRST.splitlines())
    found = align(FIRST.splitlines(), indented.splitlines(), 10, 200)
    assert found.is_same and found.renames == ()
    assert [(row.left_line, row.right_line) for row in found.rows] == [
        (10 + n, 200 + n) for n in range(6)
    ]


def test_a_line_in_the_middle_does_not_shift_the_rest() -> None:
    lines = [f"step_{n}(x{n})" for n in range(30)]
    other = [f"step_{n}(y{n})" for n in range(30)]
    other.insert(12, "raise Alarm()")
    found = align(lines, other)
    assert [row.kind for row in found.rows].count("added") == 1
    assert {row.kind for row in found.rows} == {"renamed", "added"}


def test_only_what_is_near_a_change_is_shown() -> None:
    lines = [f"step({n})" for n in range(40)]
    other = [*lines]
    other[5], other[30] = "other(5)", "other(30)"
    runs = list(around_changes(align(lines, other).rows, 2))
    assert [(run[0].left_line, run[-1].left_line) for run in runs] == [(4, 8), (29, 33)]
    assert list(around_changes(align(lines, lines).rows, 2)) == []


def test_very_long_pieces_are_aligned_in_parts(monkeypatch) -> None:
    monkeypatch.setattr(aligned_diff, "_MOST_PAIRS", 50)
    lines = [f"step_{n} = {'-' * n}x" for n in range(60)]
    other = [line.replace("step", "stage") for line in lines]
    other[20:20] = ["raise Alarm()"] * 3
    found = align(lines, other)
    assert sum(row.kind == "added" for row in found.rows) == 3
    assert_whole(lines, other, found)


def assert_whole(left: list[str], right: list[str], found: Alignment) -> None:
    numbers = [row.left_line for row in found.rows if row.left_line]
    others = [row.right_line for row in found.rows if row.right_line]
    assert numbers == list(range(1, len(left) + 1))
    assert others == list(range(1, len(right) + 1))


line = st.one_of(
    st.sampled_from(["", "}", "return x", "x = y", "  x = f(y, 1)", "z = y"]),
    st.text(alphabet="ab =()'\"{}\t\\é\u202e", max_size=12).filter(lambda t: "\n" not in t),
)


@given(st.lists(line, max_size=8), st.lists(line, max_size=8))
def test_every_line_is_there_once_and_in_order(left: list[str], right: list[str]) -> None:
    found = align(left, right)
    assert_whole(left, right, found)
    for row in found.rows:
        if row.kind == "same":
            texts = ["".join(p.text for p in side).strip() for side in (row.left, row.right)]
            assert texts[0] == texts[1]
    shown = ["".join(p.text for p in row.left).strip() for row in found.rows if row.left_line]
    assert shown == [one.expandtabs(4).rstrip().strip() for one in left]
    assert align(left, left).is_same
