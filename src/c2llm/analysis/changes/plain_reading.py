"""Code to statements without a grammar: a statement a line, or what `;` and braces part."""

from __future__ import annotations

from c2llm.analysis.changes.literals import meant_number, meant_string
from c2llm.analysis.changes.tokens import CONSTANT_WORDS, Kind, Reading, Token, Unit
from c2llm.analysis.clones.forms.keywords import KEYWORDS
from c2llm.analysis.clones.forms.lexing import spelled_tokens

_OPERATOR_SIGNS = frozenset("+-*/%<>=!&|^~")
_NO_OPERATORS = frozenset("= => -> <- := ::".split())
_OPERATOR_WORDS = frozenset("and or not in is xor div mod".split())
_IMPORTS = frozenset("import from use using require include package".split())
_GUARDS = frozenset("if elif elsif elseif while until unless when guard case".split())
_ROLES = {
    **dict.fromkeys(_GUARDS, "condition"),
    **dict.fromkeys(("return", "yield"), "return"),
    **dict.fromkeys(("raise", "throw", "try", "catch", "except", "rescue", "finally"), "raise"),
    "for": "loop",
}


def read_plain(text: str, language: str, first_line: int) -> Reading:
    """The statements of code in any language, as its tokens and lines tell."""
    reading = Reading(language, text.encode(errors="replace"), first_line, [], [], [])
    unit = Unit("", -1, "")
    line, role, owner = 1, "", ""
    offset = 0
    for spelling, is_remark in spelled_tokens(text, language):
        size = len(spelling.encode(errors="replace"))
        start, offset = offset, offset + size
        bare = spelling.strip()
        first = line + spelling[: len(spelling) - len(spelling.lstrip())].count("\n")
        begins = (
            start
            + len(spelling.encode(errors="replace"))
            - len(spelling.lstrip().encode(errors="replace"))
        )
        line += spelling.count("\n")
        if not bare:
            ends = "\n" in spelling
        elif is_remark:
            said = " ".join(bare.split())
            reading.comments.append(Token(said, "word", first, begins, offset))
            ends = "\n" in spelling
        else:
            kind = _kind(bare)
            if bare in ";{}":
                ends = True
            else:
                ends = False
                if not unit.tokens:
                    role, owner = _ROLES.get(bare, ""), ""
                    unit.is_import = bare in _IMPORTS
                if bare == "=" and unit.tokens and not owner:
                    owner, role = unit.tokens[-1].text, role or "value"
                    unit.tokens[-1].is_bound = unit.tokens[-1].kind == "name"
                if bare == "(" and unit.tokens and unit.tokens[-1].kind == "name":
                    unit.tokens[-1].is_called = True
                said = {"number": meant_number(bare), "string": meant_string(bare, language)}.get(
                    kind, bare
                )
                follows = bool(unit.tokens) and unit.tokens[-1].text in (".", "->", "::")
                unit.tokens.append(
                    Token(said, kind, first, begins, offset, role, owner, is_attribute=follows)
                )
        if ends and unit.tokens and _is_complete(unit):
            reading.units.append(unit)
            unit = Unit("", -1, "")
    if unit.tokens:
        reading.units.append(unit)
    return reading


def _is_complete(unit: Unit) -> bool:
    """Whether no bracket is open and no sign waits for more."""
    depth = sum((token.text in "([") - (token.text in ")]") for token in unit.tokens)
    return depth <= 0 and unit.tokens[-1].text not in (",", "\\")


def _kind(text: str) -> Kind:
    first = text[0]
    if first.isdigit() or (first == "." and text[1:2].isdigit()):
        return "number"
    if first in "\"'`" and len(text) > 1:
        return "string"
    lowered = text.lower()
    if lowered in _OPERATOR_WORDS:
        return "operator"
    if first.isalpha() or first in "_@$":
        is_word = lowered in KEYWORDS or lowered in CONSTANT_WORDS
        return "word" if is_word else "name"
    if text not in _NO_OPERATORS and set(text) <= _OPERATOR_SIGNS:
        return "operator"
    return "sign"
