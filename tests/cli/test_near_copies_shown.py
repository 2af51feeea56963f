"""How near copies are told: in one line, and in the view that one types in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from c2llm.cli.interactive import Session
from c2llm.cli.render import also_in
from c2llm.search.answer import Hit, Sibling
from c2llm.search.explain.why import Why
from c2llm.search.request import SearchRequest

HIT = Hit("a/x.py", 1, 9, "python", "function", "settle", 1.0, "x = 1", Why(("BM25 #1",)))


def _with(*also: Sibling) -> Hit:
    return replace(HIT, also=also)


@pytest.mark.parametrize(
    ("hit", "told"),
    [
        (HIT, ""),
        (_with(Sibling("b/x.py", 2, 9)), "also in 1 file: b/x.py:2-9"),
        (_with(Sibling("x.py", 2, 9, "settle", "shop")), "also in 1 file: shop/x.py:2-9"),
        (_with(Sibling("a/x.py", 20, 29)), "also in 1 place: a/x.py:20-29"),
        (
            _with(Sibling("b.py", 1, 2), Sibling("b.py", 5, 6)),
            "also in 2 places: b.py:1-2, b.py:5-6",
        ),
        (
            _with(*(Sibling(f"{name}.py", 1, 2) for name in "bcdef")),
            "also in 5 files: b.py:1-2, c.py:1-2, d.py:1-2 and 2 more",
        ),
    ],
)
def test_one_line_says_where_they_are(hit: Hit, told: str) -> None:
    assert also_in(hit) == told


def test_the_view_counts_them_in_the_list_and_names_them_beside_it() -> None:
    session = Session([], SearchRequest("settle"))
    session.hits = [_with(Sibling("b/x\x1b[2J.py", 2, 9)), HIT]
    listed = "".join(part[1] for part in session.list_fragments())
    shown = "".join(part[1] for part in session.preview_fragments())
    assert listed.count("1.00  +1\n") == 1
    assert "also in 1 file: b/x\\x1b[2J.py:2-9\n" in shown
    session.hits = [HIT]
    assert "also" not in "".join(part[1] for part in session.preview_fragments())
