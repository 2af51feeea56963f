"""What a query asks for: its kind, its words, the names and places it spells, the files it wants.

The kind decides how features are weighed: a name wants its definition, a stack trace the lines it
names, pasted code wants code like it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from c2llm.codebase.identifiers import names as names_in
from c2llm.codebase.identifiers import words
from c2llm.codebase.words import normalized, stems_of, whole_tokens
from c2llm.search.query.places import Place, is_trace, places
from c2llm.search.query.roles import Role, asked_roles
from c2llm.search.translation.translate import translated

# A name, perhaps qualified: `Foo.bar`, `std::move`, `self->next`, `Rails::Paths`, `fs/promises`.
_NAME = re.compile(r"[^\W\d]\w*[!?]?(?:(?:::|\.|->|#|/|-)[^\W\d]\w*[!?]?)*")
_SEPARATOR = re.compile(r"::|\.|->|#|/|-")
_CONTRACTED = re.compile(r"\b\w+n['’]t\b|(?<=\w)['’](?:s|re|ve|ll|d|m)\b", re.IGNORECASE)
"""What is no word of code: `don't`, and the end of `session's`."""
_INNER_CASE = re.compile(r"[a-z0-9][A-Z]|[A-Z]{2}[a-z]")

_HEAD, _TAIL = 12_000, 4_000
"""Characters of a longer query that are looked at: the message of an error stands at one of its
ends, and so does the innermost frame."""
_MOST_OF_LINE = 1_000
"""Characters that tell whether a line is code."""
_MOST_TERMS = 64
"""What a pasted page says beyond its first words and strongest names is not searched for."""

# Words of a question, and words that say nothing among code.
_STOP_WORDS = frozenset(
    """
    a about after all an and any are as at be been before being between but by can code
    could did do does done during each else etc every find for from function functions get
    gets give given gives had has have having help how i if implement implementation
    implemented implements in inside into is it its just let like made make makes many may
    me mechanism might more most much must my need needs no not of off on once one only onto
    or other our out over own per place please should show so some such support supports
    than that the their them then there these they this those through to too under until up
    upon us use used user uses using very via want was way we were what when where whether
    which while who why will with within without work works would you your
    """.split()
)


# What code is full of and questions are not.
_CODE_SIGNS = re.compile(
    r"[{};]\s*$|^\s*(?:def|fn|func|function|class|public|private|static|if|for|while|return|import"
    r"|from|const|let|var|#include|package|use|struct|impl)\b.*[({:;=]|=>|->|::|\w\([^)]*\)"
    r"|[\w)\]]\s*[-+*/|&]?=[^=]",
    re.MULTILINE,
)
_CALL = re.compile(r"[{;=]|\w\(.*\)")
_CODE_SHARE = 0.4
"""Of the lines of a text this share looks like code where it is code."""
CODE_FORM = "code:"
"""What a query begins with that is code whatever it looks like."""
_SYMBOL_FORM = re.compile(r"\s*(?:sym|symbol):\s*(\S.*)", re.DOTALL)


class QueryKind(StrEnum):
    """How a query is to be understood."""

    QUESTION = "question"
    """Words and sentences."""
    NAME = "name"
    """One name and nothing else, or `sym:NAME`."""
    PATH = "path"
    """A path, perhaps with a line, and nothing else."""
    CODE = "code"
    """Pasted code."""
    TRACE = "trace"
    """An error message or a stack trace."""


_TRANSLATED = (QueryKind.QUESTION, QueryKind.NAME)
_WITHOUT_ROLES = (QueryKind.CODE, QueryKind.TRACE)
"""What their words mean is not what is asked for."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name that the query spells."""

    text: str
    """As written, without its qualifier."""
    key: str
    """Without case and underscores; what definitions are looked up by."""
    strength: float
    """1 for what can only be a name, less for a word that may be one."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query, taken apart."""

    text: str
    terms: tuple[str, ...]
    """Stems of the words that carry meaning, each once, in order."""
    spelled: Mapping[str, str]
    """For each term the word as the query has it."""
    exact: tuple[str, ...]
    """Identifiers of several parts as the lexical index keeps them whole."""
    names: tuple[Name, ...]
    """Names that may be defined somewhere, the strongest first."""
    kind: QueryKind
    """What sort of query it is."""
    roles: frozenset[Role]
    """Kinds of files that are usually demoted and that this query asks for."""
    places: tuple[Place, ...] = ()
    """Files and lines that it names."""
    meaning: str = ""
    """The text in English words, for encoders: `text` itself where it has no foreign word."""
    understood: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For each foreign word the English ones that it was taken for."""
    foreign: frozenset[str] = frozenset()
    """Terms of foreign words as they are written; only code that has them can be found by them."""
    written: Mapping[str, str] = field(default_factory=dict)
    """As `spelled`, of the text as it is written, where `terms` are those of its translation."""
    left_out: int = 0
    """Characters of a very long one that are not looked at, nor in `text`."""

    @property
    def is_name(self) -> bool:
        """The query is one name and nothing else."""
        return self.kind is QueryKind.NAME


@lru_cache(maxsize=8)
def parse_query(text: str) -> Query:
    """Take a query apart; a query without any word has no terms.

    Time rises with the length of the text and no faster, whatever it holds, and what is beyond
    `_HEAD` and `_TAIL` characters is not looked at.
    """
    if len(text) > _HEAD + _TAIL:
        text = text.strip()
    left_out = max(0, len(text) - _HEAD - _TAIL)
    if left_out:
        text = f"{text[:_HEAD]}\n{text[-_TAIL:]}"
    symbol = _SYMBOL_FORM.fullmatch(text)
    if symbol:
        text = symbol[1].strip()
    is_code = text.startswith(CODE_FORM)
    text = text.removeprefix(CODE_FORM).strip("\n")
    spelled = _NAME.findall(text)
    found = () if is_code else places(text)
    kind = _kind(text, spelled, found)
    if symbol or is_code:
        kind = QueryKind.NAME if symbol else QueryKind.CODE
    is_name = kind is QueryKind.NAME
    translation = translated(text) if kind in _TRANSLATED and not symbol else None
    meaning = text if translation is None else translation.text
    kind = kind if translation is None else QueryKind.QUESTION
    spelling = _spelling(meaning, kind)
    foreign = _written(translation.foreign, spelling) if translation else {}
    spelling |= foreign
    names: dict[str, Name] = {}

    def add(name: str, strength: float) -> None:
        key = normalized(name)
        known = names.get(key)
        if strength and len(key) > 1 and (known is None or known.strength < strength):
            names[key] = Name(name, key, strength)

    for token in spelled:
        parts = [part for part in _SEPARATOR.split(token) if part]
        strength = 1.0 if is_name else _strength(token, parts)
        add(parts[-1], strength)
        for qualifier in parts[:-1]:
            add(qualifier, strength / 2)
        if len(parts) > 1:
            add("".join(parts), strength / 2)
    if kind is QueryKind.QUESTION:
        for phrase in _phrases(meaning):
            add(phrase, 0.5)
    exact = {token for name in names_in(text) for token in whole_tokens(name)}
    return Query(
        text=text,
        terms=tuple(spelling)[:_MOST_TERMS],
        spelled=spelling,
        exact=tuple(sorted(exact))[:_MOST_TERMS],
        names=tuple(sorted(names.values(), key=lambda name: (-name.strength, name.key)))[
            :_MOST_TERMS
        ],
        kind=kind,
        roles=frozenset()
        if kind in (QueryKind.CODE, QueryKind.TRACE)
        else asked_roles(words(meaning)),
        places=found,
        meaning=meaning,
        understood=translation.understood if translation else {},
        foreign=frozenset(foreign),
        written=_spelling(text, kind) if translation else {},
        left_out=left_out,
    )


def _spelling(text: str, kind: QueryKind) -> dict[str, str]:
    """For each stem that carries meaning the word that has it."""
    said = words(_CONTRACTED.sub(" ", text) if kind is QueryKind.QUESTION else text)
    content = [word for word in said if word not in _STOP_WORDS]
    spelling: dict[str, str] = {}
    # A query of stop words only still means its words.
    for word in content or words(text):
        for stem in stems_of(word):
            spelling.setdefault(stem, word)
    return spelling


def _written(foreign: Sequence[str], spelling: Mapping[str, str]) -> dict[str, str]:
    """Stems of foreign words as they are written, beside those that are there already."""
    found: dict[str, str] = {}
    for written in foreign:
        for word in words(written):
            for stem in stems_of(word):
                if stem not in spelling:
                    found.setdefault(stem, word)
    return found


def _kind(text: str, spelled: list[str], found: tuple[Place, ...]) -> QueryKind:
    if is_trace(text):
        return QueryKind.TRACE
    single = len(text.split()) == 1
    if single and found:
        return QueryKind.PATH
    if single and len(spelled) == 1:
        return QueryKind.NAME
    lines = [line for line in text.splitlines() if line.strip()]
    like_code = sum(1 for line in lines if _CODE_SIGNS.search(line[:_MOST_OF_LINE]))
    if len(lines) > 1 and like_code >= _CODE_SHARE * len(lines):
        return QueryKind.CODE
    if len(lines) == 1 and like_code and not text.rstrip().endswith("?"):
        return QueryKind.CODE if _CALL.search(text[:_MOST_OF_LINE]) else QueryKind.QUESTION
    return QueryKind.QUESTION


def _strength(token: str, parts: list[str]) -> float:
    """How sure it is that a token of a longer query is a name."""
    if len(parts) > 1 and "-" not in token and "/" not in token:
        return 1.0
    if any("_" in part.strip("_") or _INNER_CASE.search(part) for part in parts):
        return 1.0
    if token.lower() in _STOP_WORDS:
        return 0.0
    return 0.25 if token[0].isupper() else 0.0


def _phrases(text: str) -> list[str]:
    """Two to four neighbouring words written as one: "middleware stack" may be MiddlewareStack."""
    found: list[str] = []
    for clause in re.split(r"[^\w\s-]+", text):
        run = [word for word in clause.replace("-", " ").split() if word.isalnum()]
        for length in (4, 3, 2):
            for start in range(len(run) - length + 1):
                part = run[start : start + length]
                if part[0].lower() not in _STOP_WORDS and part[-1].lower() not in _STOP_WORDS:
                    found.append("".join(part))
    return found
