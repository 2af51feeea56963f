"""How much the drift of a function matters, and why, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from c2llm.analysis.changes.change import Change, Effect
from c2llm.analysis.clones.roles import file_role
from c2llm.analysis.trees.code_tree import Function

_IN_TESTS = 0.4
"""A change of a test matters so much of one of the code."""
_OF_TOOLS = 0.5
"""What builds and checks the code is not the code."""
_TOOLS = (".github/", ".gitlab", ".circleci/", ".azure", ".pre-commit", ".devcontainer/")
_EACH_MORE = 0.1
"""Of what is left to 1 that each further change adds, as a share of its weight."""
_MOST_COUNTED = 10
_MOST_REASONS = 4
_SAID = {
    "check": ("check", "checks"),
    "operator": ("operator", "operators"),
    "condition": ("condition", "conditions"),
    "exception": ("exception handling", "exception handling"),
    "default": ("default", "defaults"),
    "constant": ("constant", "constants"),
    "return": ("return value", "return values"),
    "argument": ("argument", "arguments"),
    "order": ("order", "order"),
    "nesting": ("nesting", "nesting"),
    "call": ("call", "calls"),
    "keyword": ("keyword argument", "keyword arguments"),
    "loop": ("loop", "loops"),
    "setting": ("setting", "settings"),
    "name": ("name", "names"),
    "statement": ("statement", "statements"),
    "expression": ("expression", "expressions"),
    "decorator": ("decorator", "decorators"),
    "directive": ("directive", "directives"),
    "function": ("inner function", "inner functions"),
    "parameter": ("parameter", "parameters"),
    "type": ("type", "types"),
    "import": ("import", "imports"),
    "message": ("message", "messages"),
    "rename": ("renaming", "renamings"),
    "comment": ("comment", "comments"),
    "format": ("formatting", "formatting"),
}
_NO_PLURAL = frozenset(("order", "nesting", "exception", "format"))


def ranked(changes: Sequence[Change], place: Function) -> tuple[float, tuple[str, ...]]:
    """The weight of a function's changes, 0 to 1, and what it is made of.

    The gravest change counts whole, each further one of the same effect adds to what is left to 1;
    in tests all of it counts less.
    """
    if not changes:
        return 0.0, ()
    grave = max(change.effect for change in changes)
    weights = sorted((c.weight for c in changes if c.effect == grave), reverse=True)
    weight = weights[0]
    for more in weights[1:_MOST_COUNTED]:
        weight += (1 - weight) * _EACH_MORE * more
    reasons = [*_counted([change for change in changes if change.effect == grave])]
    if is_test(place):
        weight *= _IN_TESTS
        reasons.append("in a test")
    elif place.path.startswith(_TOOLS):
        weight *= _OF_TOOLS
        reasons.append("of the tools around the code")
    return round(weight, 3), tuple(reasons)


def is_test(function: Function) -> bool:
    """Whether a function is in a test, an example or a benchmark."""
    return file_role(function.path, function.language, generated=False) == "test"


def _counted(changes: Sequence[Change]) -> list[str]:
    counts = Counter(change.what for change in changes)
    best = {c.what: max(o.weight for o in changes if o.what == c.what) for c in changes}
    ordered = sorted(counts, key=lambda what: (-best[what], what))
    said = [_said(what, counts[what]) for what in ordered[:_MOST_REASONS]]
    left = sum(counts[what] for what in ordered[_MOST_REASONS:])
    return [*said, f"{left} more"] if left else said


def _said(what: str, count: int) -> str:
    one, many = _SAID.get(what, (what, f"{what}s"))
    if what in _NO_PLURAL:
        return one
    return f"{count} {one if count == 1 else many}"


EFFECTS = {
    Effect.COSMETIC: "cosmetic",
    Effect.STRUCTURAL: "structural",
    Effect.BEHAVIOUR: "behaviour",
}
