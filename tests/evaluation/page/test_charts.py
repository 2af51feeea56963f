"""Charts as what a browser parses: well-formed, inside their frame, nothing of a name as markup."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.evaluation.page.charts import Point, Score, frontier, heatmap, lines, pareto, score_rows
from c2llm.evaluation.page.svg import clean, decades, human, linear, logarithmic, shortened, ticks

HOSTILE = "<script>alert('1')</script>&\"]]>\x00\ud800"
UNIT = st.floats(0, 1)
NAMES = st.text(st.characters(codec=None), min_size=1, max_size=40)


def texts(svg):
    """The labels of a well-formed drawing."""
    return ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter("text")]


@given(st.lists(st.tuples(NAMES, UNIT, UNIT, UNIT), min_size=1, max_size=6))
def test_any_scores_make_a_drawing(entries):
    rows = [
        (name, [Score(number, name, value, min(a, b), max(a, b))])
        for number, (name, value, a, b) in enumerate(entries)
    ]
    drawn = texts(score_rows(rows, "scores"))
    assert sum(bool(re.fullmatch(r"[01]\.\d{3}", label)) for label in drawn) >= len(entries)


@given(
    st.lists(st.tuples(NAMES, st.floats(1e-6, 1e12), UNIT), min_size=1, max_size=8), st.booleans()
)
def test_any_points_make_a_drawing_within_its_frame(entries, less):
    points = [Point(n, name, cost, quality) for n, (name, cost, quality) in enumerate(entries)]
    svg = pareto(points, cost="ms", quality="NDCG@10", less_is_better=less)
    root = ElementTree.fromstring(svg)
    _, _, width, height = map(float, root.get("viewBox").split())
    for circle in root.iter("circle"):
        assert 0 <= float(circle.get("cx")) <= width
        assert 0 <= float(circle.get("cy")) <= height


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=9))
def test_the_frontier_is_what_nothing_beats(entries):
    points = [Point(0, "x", cost, quality / 10) for cost, quality in entries]
    front = frontier(points, less_is_better=True)
    for point in points:
        beaten = any(
            other.cost <= point.cost
            and other.quality >= point.quality
            and (other.cost, other.quality) != (point.cost, point.quality)
            for other in points
        )
        assert (point in front) != beaten


def test_hostile_names_stay_text():
    drawings = [
        score_rows([(HOSTILE, [Score(0, HOSTILE, 0.5, 0.4, 0.6)])], HOSTILE),
        pareto(
            [Point(0, HOSTILE, 1, 0.5), Point(1, "b", 2, 0.6)],
            cost=HOSTILE,
            quality="q",
            less_is_better=True,
        ),
        heatmap([HOSTILE], [HOSTILE, "b"], [[0.5, None]], HOSTILE),
        lines([HOSTILE, "b"], [(0, HOSTILE, [0.1, None])], HOSTILE),
    ]
    for drawing in drawings:
        ElementTree.fromstring(drawing)
        assert "<script" not in drawing
        drawing.encode("utf-8")
    assert clean("a\x00b\ud800") == "a\ufffdb\ufffd"


def test_a_matrix_of_one_value_and_one_of_none_are_drawn():
    assert "0.50" in texts(heatmap(["a"], ["b"], [[0.5]], "x"))
    weak = heatmap(["a"], ["b"], [[0.01]], "x", bounds=(0.0, 1.0))
    assert "fill-opacity:0.09" in weak
    assert texts(heatmap(["a"], ["b"], [[None]], "x")) == ["b", "a"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0.61, 0.69, [0.62, 0.64, 0.66, 0.68]), (3, 3, [3])],
)
def test_ticks_are_round_numbers_within_the_bounds(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_scales_and_labels():
    assert linear(0, 10, 100, 200)(5) == 150
    assert logarithmic(1, 100, 0, 2)(10) == pytest.approx(1)
    assert decades(3, 40) == [5, 10, 20]
    assert decades(0.5, 2000) == [1, 10, 100, 1000]
    assert [human(value) for value in (0.25, 1500, 2e6, 3e9)] == ["0.25", "1.5k", "2M", "3G"]
    assert shortened("abcdef", 4) == "abc…"
