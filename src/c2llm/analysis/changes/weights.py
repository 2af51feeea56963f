"""How much a change matters, from 0 to 1, by what it is: the one table that ranks them.

The order is that of what reviewers ask for first: a check that is gone, a limit that moved, another
operator; then calls, order and values; then what only people read.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, log10

from c2llm.analysis.changes.tokens import Token

WEIGHTS = {
    "check": 0.95,
    "operator": 0.9,
    "condition": 0.85,
    "exception": 0.8,
    "default": 0.75,
    "constant": 0.7,
    "return": 0.7,
    "argument": 0.7,
    "order": 0.65,
    "nesting": 0.65,
    "call": 0.65,
    "keyword": 0.6,
    "loop": 0.6,
    "setting": 0.6,
    "name": 0.6,
    "statement": 0.55,
    "expression": 0.55,
    "decorator": 0.55,
    "directive": 0.55,
    "function": 0.5,
    "parameter": 0.5,
    "type": 0.4,
    "import": 0.3,
    "message": 0.15,
    "declaration": 0.3,
    "modifier": 0.1,
    "annotation": 0.05,
    "rename": 0.02,
    "comment": 0.01,
    "format": 0.0,
}
_GONE = 0.05
"""What is gone matters more than what came by so much."""
_IN_CHECK = 0.1
"""A value in a condition decides more than another one."""
_FAR = 0.1
"""Of a number that is ten times another one, for each such step."""
_MOST = 0.98


def weight_of(what: str, before: Sequence[Token] = (), after: Sequence[Token] = ()) -> float:
    """The weight of a change.

    Args:
        what: Its kind.
        before: The tokens that are gone.
        after: The tokens that came.
    """
    weight = WEIGHTS.get(what, 0.5)
    if what in ("constant", "default", "setting"):
        if any(token.role == "condition" for token in (*before, *after)):
            weight += _IN_CHECK
        weight += min(2, _distance(before, after)) * _FAR
    elif before and not after and weight > 0.3:
        weight += _GONE
    return round(min(_MOST, weight), 3)


def _distance(before: Sequence[Token], after: Sequence[Token]) -> float:
    """Powers of ten between two numbers; 0 where they are none."""
    try:
        one, other = (float(side[-1].text.rstrip("fFlLuU")) for side in (before, after))
    except (ValueError, IndexError, OverflowError):
        return 0.0
    if not isfinite(one) or not isfinite(other):
        return 0.0
    if one == other or one * other <= 0:
        return 1.0 if one != other else 0.0
    return abs(log10(abs(one)) - log10(abs(other)))
