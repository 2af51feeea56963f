"""What a difference is called: the kind of a change, and what it belongs to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from c2llm.analysis.changes.change import Change, Effect
from c2llm.analysis.changes.tokens import Reading, Token, Unit
from c2llm.analysis.changes.weights import weight_of

_MOST_SHOWN = 1_000
"""Characters of the code of a change."""
_LONGEST_NAME = 80
_MODIFIERS = frozenset(
    "public private protected internal pub export final const readonly override inline let var val"
    " fileprivate open sealed mut lateinit constexpr noexcept nodiscard ( ) crate super".split()
)
_GUARDING = frozenset("if unless guard assert elif when require check ensure".split())
_ENDING = frozenset("return raise throw continue break exit abort panic die fail".split())
_RAISING = frozenset("raise throw try except catch rescue finally ensure defer".split())
_DEFINES = re.compile(r"(function|method|constructor)(_\w*)?(declaration|definition|item)|^method$")
_LOOPING = frozenset("for while loop foreach until repeat".split())
_TELLS = frozenset(
    "log logger logging print printf println console warn warning debug info error fprintf eprintln"
    " puts echo fmt trace message msg raise throw exception panic errorf fatalf logf help"
    " description fail abort".split()
)
"""Callees, in lower case, whose strings people read."""


class At:
    """The statements around a difference."""

    def __init__(
        self, reading: Reading, other: Reading, unit: Unit, newer: Unit, i: int, j: int
    ) -> None:
        self.unit, self.newer = unit, newer
        self.place, self.place_after = i, j
        self.line_before = reading.line(unit.tokens[max(0, min(i, len(unit.tokens)) - 1)])
        self.line_after = other.line(newer.tokens[max(0, min(j, len(newer.tokens)) - 1)])


def hunk(
    reading: Reading, other: Reading, before: Sequence[Token], after: Sequence[Token], at: At
) -> Change:
    """The change of some tokens of a statement that is in both versions.

    Args:
        reading: The older version.
        other: The newer one.
        before: The tokens that are gone.
        after: Those that came.
        at: Where they would stand, where there are none.
    """
    what = _kind(before, after, at)
    effect = Effect.STRUCTURAL if what == "modifier" else Effect.BEHAVIOUR
    return Change(
        effect,
        what,
        _named(what, before, after, at),
        shown(reading, before),
        shown(other, after),
        reading.line(before[0]) if before else at.line_before,
        other.line(after[0]) if after else at.line_after,
        weight_of(what, before, after),
    )


def whole(reading: Reading, units: Sequence[Unit], *, gone: bool, line: int) -> Change:
    """The change of a statement, with what is in it, that is in one version alone.

    Args:
        reading: The version that has it.
        units: The statement, and those in it that are not in the other version either.
        gone: Whether the older version has it.
        line: In the other version, the line that it would follow.
    """
    root = units[0]
    what = _statement_kind(units)
    tokens = [token for unit in units for token in unit.tokens]
    text = shown(reading, tokens)
    own = reading.line(root.tokens[0])
    called = next((t.text for t in root.tokens if t.is_called), "")
    bound = next((t.text for t in root.tokens if t.is_bound), "")
    weight = weight_of(what, tokens, ()) if gone else weight_of(what, (), tokens)
    effect = Effect.STRUCTURAL if what in ("declaration", "function") else Effect.BEHAVIOUR
    name = called if what == "call" else bound or called
    if gone:
        return Change(effect, what, name, text, "", own, line, weight)
    return Change(effect, what, name, "", text, line, own, weight)


def shown(reading: Reading, tokens: Sequence[Token]) -> str:
    """The code of tokens as it stands, clipped."""
    if not tokens:
        return ""
    first = min(token.start for token in tokens)
    last = max(token.end for token in tokens)
    text = reading.slice(first, min(last, first + 4 * _MOST_SHOWN))
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"


def _kind(before: Sequence[Token], after: Sequence[Token], at: At) -> str:
    tokens = [*before, *after]
    roles = {token.role for token in tokens}
    if all(token.text in _MODIFIERS for token in tokens) and any(
        token.text not in "()" for token in tokens
    ):
        return "modifier"
    if before and after:
        if all(token.kind == "operator" or token.text in ("=", ":=") for token in tokens):
            return "operator"
        if all(_is_value(token) for token in tokens):
            if "default" in roles:
                return "default"
            strings = all(token.kind == "string" for token in tokens)
            return "message" if strings and _is_read(tokens, at) else "constant"
    if "condition" in roles:
        return "condition"
    if "default" in roles:
        return "default"
    if all(token.kind == "operator" for token in tokens):
        return "operator"
    if any(token.is_called for token in tokens) and not {"decorator"} & roles:
        return "call"
    for role, what in _OF_ROLE:
        if role in roles:
            return what
    if all(token.kind == "name" for token in tokens):
        return "name"
    return "expression"


_OF_ROLE = (
    ("raise", "exception"),
    ("decorator", "decorator"),
    ("keyword", "keyword"),
    ("argument", "argument"),
    ("call", "call"),
    ("return", "return"),
    ("parameter", "parameter"),
    ("loop", "loop"),
)


def _is_value(token: Token) -> bool:
    """Whether a token is part of a literal, its sign counted in."""
    return token.is_constant or token.text in "-+"


def _is_read(tokens: Sequence[Token], at: At) -> bool:
    """Whether a string is one for people: of a log, an exception or the like."""
    if any(token.role == "raise" for token in tokens):
        return True
    words = {
        word
        for token in tokens
        for word in token.owner.lower().replace("!", ".").replace("_", ".").split(".")
    }
    callees = {token.text.lower() for token in at.unit.tokens if token.is_called}
    return not _TELLS.isdisjoint(words | callees)


def _name(tokens: Sequence[Token], at: At) -> str:
    owner = next((token.owner for token in tokens if token.owner), "")
    if owner:
        return owner
    if at.place and any(token.text == "=" for token in tokens):
        return "".join(token.text for token in at.unit.tokens[: at.place])[:_LONGEST_NAME]
    # What a value is compared with or belongs to stands before it.
    own = at.unit.tokens[: at.place]
    return next((token.text for token in reversed(own[-6:]) if token.kind == "name"), "")


def _named(what: str, before: Sequence[Token], after: Sequence[Token], at: At) -> str:
    if what == "keyword":
        key = next((t for t in (*before, *after) if t.is_attribute and t.role == "keyword"), None)
        if key is not None:
            return key.text
    return _called(before, after, at) if what == "call" else _name(before or after, at)


def _called(before: Sequence[Token], after: Sequence[Token], at: At) -> str:
    name = next((token.text for token in (*before, *after) if token.is_called), "")
    return name or _name(before or after, at)


def _statement_kind(units: Sequence[Unit]) -> str:
    root = units[0]
    first = root.tokens[0].text.lower()
    words = {token.text.lower() for token in root.tokens}
    ends = any(unit.tokens[0].text.lower() in _ENDING for unit in units[1:])
    raises = {token.text.lower() for unit in units[1:] for token in unit.tokens if token.is_called}
    if first in _GUARDING or "if" in words or "unless" in words:
        is_check = first == "assert" or ends or not raises.isdisjoint(_ENDING)
        is_check = is_check or not words.isdisjoint(_ENDING)
        return "check" if is_check else "condition"
    if first in ("else", "elif", "elsif", "case", "default"):
        return "condition"
    if first in _RAISING or root.tokens[0].role == "raise":
        return "exception"
    if first == "return":
        return "return"
    if first in _LOOPING:
        return "loop"
    if root.tokens[0].role == "decorator":
        return "decorator"
    if _DEFINES.search(root.kind):
        return "function"
    if any(token.is_called for token in root.tokens) and not any(
        token.text == "=" or token.is_bound for token in root.tokens
    ):
        called = {token.text.lower() for token in root.tokens if token.is_called}
        return "message" if called <= _TELLS else "call"
    if "class" in root.kind or "struct" in root.kind or "interface" in root.kind:
        return "declaration"
    return "statement"
