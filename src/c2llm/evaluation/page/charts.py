"""The charts of a report: scores with intervals, quality against cost, matrices, lines.

Colours are classes (`s0` to `s7`), so that the page's style decides them for light and dark; a
series also differs by the shape of its mark, for those who cannot tell the colours apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from c2llm.evaluation.page.svg import (
    CHARACTER,
    decades,
    drawing,
    element,
    human,
    joined,
    linear,
    logarithmic,
    shortened,
    text,
    ticks,
    titled,
)

WIDTH = 860.0
SERIES = 8
"""Colours there are; later series use them again."""
_ROW = 16.0
_LABEL = 26
"""Characters of a row's label."""
_TURNED = 28
"""Characters of a column's label that stands aslant."""


@dataclass(frozen=True, slots=True)
class Score:
    """A mark in a row: a value in [0, 1] and, where it is known, its interval."""

    series: int
    name: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A system at its cost and its quality."""

    series: int
    name: str
    cost: float
    quality: float


def score_rows(rows: Sequence[tuple[str, Sequence[Score]]], label: str) -> str:
    """A row a task, a mark a system with its interval; all on one axis from 0 to 1."""
    left = CHARACTER * max(8, *(min(_LABEL, len(name)) for name, _ in rows)) + 14
    scale = linear(0, 1, left, WIDTH - 60)
    parts: list[str] = []
    y = 26.0
    for name, scores in rows:
        height = max(_ROW * len(scores), _ROW)
        short = shortened(name, _LABEL)
        parts.append(text(left - 12, y + height / 2 + 4, short, text_anchor="end", class_="label"))
        best = max((score.value for score in scores), default=0.0)
        for score in scores:
            parts.append(_score(score, scale, y + _ROW / 2, strong=score.value == best))
            y += _ROW
        y += 10
        parts.append(_line(left, y - 5, WIDTH - 60, y - 5, "rule"))
    grid = [
        _line(scale(v), 20, scale(v), y - 5, "grid") + text(scale(v), 14, f"{v:g}", class_="tick")
        for v in ticks(0, 1)
    ]
    return drawing(WIDTH, y, *grid, *parts, label=label)


def _score(score: Score, scale: object, y: float, *, strong: bool) -> str:
    assert callable(scale)
    x = scale(score.value)
    bar = ""
    told = f"{score.name}: {score.value:.3f}"
    if score.low is not None and score.high is not None:
        bar = _line(scale(score.low), y, scale(score.high), y, f"interval s{_colour(score.series)}")
        told += f" [{score.low:.3f}, {score.high:.3f}]"
    value = text(
        max(x, scale(score.high or 0)) + 8,
        y + 3.5,
        f"{score.value:.3f}",
        class_="value strong" if strong else "value",
    )
    return element("g", titled(told), bar, mark(score.series, x, y), value)


def mark(series: int, x: float, y: float, size: float = 4.5) -> str:
    """The mark of a series: circle, square, diamond or triangle in its colour."""
    class_ = f"mark s{_colour(series)}"
    shape = series % 4
    if shape == 0:
        return element("circle", cx=x, cy=y, r=size, class_=class_)
    if shape == 1:
        side = 1.75 * size
        return element(
            "rect", x=x - side / 2, y=y - side / 2, width=side, height=side, class_=class_
        )
    s = 1.3 * size
    diamond = [(x, y - s), (x + s, y), (x, y + s), (x - s, y)]
    triangle = [(x, y - s), (x + s, y + 0.8 * s), (x - s, y + 0.8 * s)]
    return element("polygon", points=joined(diamond if shape == 2 else triangle), class_=class_)


def pareto(points: Sequence[Point], *, cost: str, quality: str, less_is_better: bool) -> str:
    """Quality over cost, cost in ratios; a line joins those that nothing beats in both."""
    left, right, top, bottom = 62.0, WIDTH - 30, 18.0, 330.0
    costs = [point.cost for point in points]
    low, high = min(costs) / 1.6, max(costs) * 1.6
    values = [point.quality for point in points]
    margin = max(0.02, 0.18 * (max(values) - min(values)))
    floor, ceiling = max(0.0, min(values) - margin), min(1.0, max(values) + margin)
    across = logarithmic(low, high, left, right)
    up = linear(floor, ceiling, bottom, top)
    parts = [
        _line(across(v), top, across(v), bottom, "grid")
        + text(across(v), bottom + 16, human(v), class_="tick")
        for v in decades(low, high)
    ]
    parts += [
        _line(left, up(v), right, up(v), "grid")
        + text(left - 8, up(v) + 4, f"{v:.3g}", class_="tick end")
        for v in ticks(floor, ceiling)
    ]
    parts.append(text((left + right) / 2, bottom + 36, cost, class_="axis"))
    parts.append(
        text(16, (top + bottom) / 2, quality, class_="axis", transform=_upright(top, bottom))
    )
    front = frontier(points, less_is_better=less_is_better)
    if len(front) > 1:
        line = [(across(point.cost), up(point.quality)) for point in front]
        parts.append(element("polyline", points=joined(line), class_="frontier"))
    taken: list[tuple[float, float, float]] = []
    for point in sorted(points, key=lambda point: -point.quality):
        x, y = across(point.cost), up(point.quality)
        name = shortened(point.name, 30)
        width = CHARACTER * len(name)
        to_left = x + 10 + width > right
        start = x - 10 - width if to_left else x + 10
        place = _free(y + 4, start, start + width, taken)
        taken.append((start, start + width, place))
        told = f"{point.name}: {quality} {point.quality:.3f}, {cost} {human(point.cost)}"
        label = text(
            x - 10 if to_left else x + 10,
            place,
            name,
            class_="name end" if to_left else "name",
        )
        parts.append(element("g", titled(told), mark(point.series, x, y, 6.0), label))
    return drawing(WIDTH, bottom + 48, *parts, label=f"{quality} against {cost}")


def frontier(points: Sequence[Point], *, less_is_better: bool) -> list[Point]:
    """Those points that no other is at least as good as in both and better in one, by cost."""

    def gain(point: Point) -> float:
        return -point.cost if less_is_better else point.cost

    def beats(one: Point, other: Point) -> bool:
        at_least = gain(one) >= gain(other) and one.quality >= other.quality
        return at_least and (gain(one), one.quality) != (gain(other), other.quality)

    best = [point for point in points if not any(beats(other, point) for other in points)]
    return sorted(best, key=lambda point: (point.cost, point.quality))


def heatmap(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
    label: str,
    bounds: tuple[float, float] | None = None,
) -> str:
    """A matrix of values in [0, 1]: the higher, the stronger the colour; empty where None.

    `bounds` are the values of the weakest and the strongest colour, by default the matrix's own;
    matrices that stand beside each other need the same.
    """
    left = CHARACTER * max((min(_LABEL, len(name)) for name in rows), default=8) + 14
    wide = max(40.0, min(74.0, (WIDTH - left - 8) / max(1, len(columns))))
    known = [value for row in values for value in row if value is not None]
    low, high = bounds or ((min(known), max(known)) if known else (0.0, 1.0))
    strength = linear(low, high, 0.08, 0.92) if high > low else (lambda value: 0.5)
    most = int(wide // CHARACTER)
    turned = any(len(name) > most for name in columns)
    head = 16 + (
        CHARACTER * 0.72 * max(min(_TURNED, len(name)) for name in columns) if turned else 8
    )
    parts: list[str] = []
    for position, name in enumerate(columns):
        x = left + wide * (position + 0.5)
        if turned:
            spin = f"rotate(-40 {x:.1f} {head - 8:.1f})"
            parts.append(
                text(x - 4, head - 8, shortened(name, _TURNED), class_="label", transform=spin)
            )
        else:
            parts.append(text(x, head - 8, name, class_="label middle"))
    for line, (name, row) in enumerate(zip(rows, values, strict=True)):
        y = head + 26.0 * line
        parts.append(text(left - 10, y + 17, shortened(name, _LABEL), class_="label end"))
        for position, value in enumerate(row):
            x = left + wide * position
            if value is None:
                parts.append(_cell(x, y, wide, "empty", 1.0, ""))
                continue
            shade = strength(value)
            told = f"{name}, {columns[position]}: {value:.3f}"
            parts.append(_cell(x, y, wide, "heat", shade, told))
            style = "on middle" if shade > 0.7 else "off middle"
            parts.append(text(x + wide / 2, y + 17, f"{value:.2f}"[-4:], class_=style))
    width = left + wide * len(columns) + 8 + (110 if turned else 0)
    return drawing(width, head + 26.0 * len(rows) + 6, *parts, label=label)


def lines(
    columns: Sequence[str],
    series: Sequence[tuple[int, str, Sequence[float | None]]],
    label: str,
) -> str:
    """Values in [0, 1] over ordered groups, a line a system; a gap where there is no value.

    A series is its number, which decides colour and mark, its name and its values.
    """
    left, right, top, bottom = 50.0, WIDTH - 40, 16.0, 250.0
    up = linear(0, 1, bottom, top)
    step = (right - left) / max(1, len(columns))
    parts = [
        _line(left, up(v), right, up(v), "grid")
        + text(left - 8, up(v) + 4, f"{v:g}", class_="tick end")
        for v in ticks(0, 1)
    ]
    at = [left + step * (position + 0.5) for position in range(len(columns))]
    parts += [
        text(x, bottom + 18, shortened(name, int(step // CHARACTER)), class_="label middle")
        for x, name in zip(at, columns, strict=True)
    ]
    for number, name, values in series:
        known = [(x, up(v)) for x, v in zip(at, values, strict=True) if v is not None]
        if len(known) > 1:
            style = f"series s{_colour(number)}"
            parts.append(element("polyline", points=joined(known), class_=style))
        for x, column, value in zip(at, columns, values, strict=True):
            if value is not None:
                told = titled(f"{name}, {column}: {value:.3f}")
                parts.append(element("g", told, mark(number, x, up(value))))
    return drawing(WIDTH, bottom + 30, *parts, label=label)


def _cell(x: float, y: float, wide: float, style: str, shade: float, told: str) -> str:
    return element(
        "rect",
        titled(told) if told else "",
        x=x + 1,
        y=y + 1,
        width=wide - 2,
        height=24.0,
        rx=3,
        class_=style,
        style=f"fill-opacity:{shade:.2f}",
    )


def _free(
    y: float, start: float, stop: float, taken: Sequence[tuple[float, float, float]]
) -> float:
    """The nearest height at which a label covers no other."""
    for shift in (0, 13, -13, 26, -26, 39, -39, 52, -52):
        if all(
            abs(y + shift - other) >= 12 or stop < begin or start > end
            for begin, end, other in taken
        ):
            return y + shift
    return y


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=style)


def _upright(top: float, bottom: float) -> str:
    return f"rotate(-90 16 {(top + bottom) / 2:.1f})"


def _colour(series: int) -> int:
    return series % SERIES
