"""What is worth training on: which comments say something, which code is worth finding."""

from __future__ import annotations

import re
from dataclasses import dataclass

from c2llm.codebase.identifiers import words


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on pairs and on how many of them one place may give."""

    per_repository: int = 2000
    per_file: int = 25
    words: tuple[int, int] = (3, 60)
    """Length of a query."""
    lines: tuple[int, int] = (3, 200)
    """Length of a document, blank lines not counted."""
    characters: int = 6000
    """Longest document."""


_TEST_PATH = re.compile(
    r"(^|/)(tests?|specs?|testing|__tests__|testdata|fixtures?|mocks?|e2e|\w+Tests?|\w+[.-]tests?)/"
    r"|(^|/)(test_[^/]*|conftest\.py|[^/]*[_.-](test|spec|tests)\.\w+|[^/]*(Tests?|Spec|Suite)\.\w+)$"
)
_FOREIGN_PATH = re.compile(
    r"(^|/)(vendor|third[_-]?party|node_modules|deps|external|extern|dist|generated)/"
    r"|(^|/)(changes|changelog|history|releas|[^/]*migrat|[^/]*upgrad)[^/]*(/|\.(md|mdx|markdown)$)"
    r"|\.min\.\w+$",
    re.IGNORECASE,
)
_BOILERPLATE = re.compile(
    r"copyright|licen[cs]ed?\b|\bspdx\b|all rights reserved|auto-?generated"
    r"|generated (by|from|code)|do not (edit|modify)|\b(todo|fixme|xxx|hack)\b|inheritdoc"
    r"|eslint|tslint|pylint|noqa|nolint|istanbul|prettier-ignore|type: ignore|@ts-|clang-format"
    r"|rubocop:|frozen_string_literal"
    r"|^(see|same as|like|alias (of|for|to)|override[sn]?|implements|wrapper (for|of)|deprecated"
    r"|non-javadoc|internal|private|public|protected|undocumented|no doc|n/a|helper|stub)\b\W*"
    r"(\S+\W*){0,3}$"
    r"|^(getter|setter|constructor|destructor|default constructor|accessor)\b"
    r"|^(creates?|constructs?|initiali[sz]es) (a |an |the )?(new )?(instances?|objects?)\b"
    r"(\W*(of|for)\W*(the )?\S+( class)?)?\W*$|^initializes a new instance",
    re.IGNORECASE,
)
# Commented-out code, and prose that is mostly an example.
_CODE_LIKE = re.compile(
    r"[{};]\s*$|=>|&&|\|\||::\w+\(|\w\(\w*\)\.\w"
    r"|^\W*(?:if|for|while|return|var|let|const|int|def|end|begin)\b.*(?:[=(;]|\bend\b).*$"
)
# Headings that head anything.
_EMPTY_HEADING = re.compile(
    r"^(install(ation|ing)?|set ?up|usage|basic usage|examples?|getting started|quick ?start"
    r"|overview|synopsis|introduction|configuration|notes?|before|after|output|input|result|build(ing)?|tests?"
    r"|testing|api|options?|parameters|arguments|returns?|contributing|requirements|v?\d[\d.]*)\W*$",
    re.IGNORECASE,
)
_ANCHOR = re.compile(r"\s*\{[#:][^{}]*\}")
_LEAD_IN = re.compile(
    r"(?:^|(?<=[.!?])\s+)(?:(?:here is |here's )?(?:an |for |some )?examples?(?: usage)?"
    r"|for instance|like (?:this|so)|as follows|see below)\W*$",
    re.IGNORECASE,
)
_NUMBERING = re.compile(r"^(?:step\s+)?\d+(?:\.\d+)*[.):]?\s+", re.IGNORECASE)
_LETTERS = re.compile(r"[A-Za-z]")
_STOP_WORDS = frozenset(
    "a an and are as at be by for from get gets given has if in into is it its new of on or return"
    " returns set sets that the this to was when which will with".split()
)
_ENGLISH_WORDS = frozenset(
    "a all an and any are as at be but by can do does for from has have if in into is it its may"
    " new no not of on only or our should so such than that the their then there these they this"
    " to use used using was we when where which will with without would you your".split()
)
# Of German, French, Spanish, Portuguese, Italian, Dutch, Polish; none an English or a coding word.
_FOREIGN_WORDS = frozenset(
    "der das und nicht ist ein eine einen einem einer wird werden wenn mit auf für aus dem den"
    " sich oder auch nach bei zum zur le la les des un une est pas pour avec dans sur qui que ce"
    " cette sont du aux el los las una por este esta como más pero su da dos não uma um em ao il"
    " lo gli di della del che sono nel alla het een van niet voor zijn wordt deze naar jest nie"
    " dla oraz przez tego".split()
)
_IS_A = re.compile(r"^(?:is|are|represents|was)\s+(?=(?:an?|the)\b)", re.IGNORECASE)


def is_foreign(path: str) -> bool:
    """Tests, vendored code, change logs: written for something else than to be found."""
    return bool(_TEST_PATH.search(path) or _FOREIGN_PATH.search(path))


def is_vendored(path: str) -> bool:
    """Other people's code, generated code, change logs."""
    return bool(_FOREIGN_PATH.search(path))


def is_english(text: str) -> bool:
    """Whether prose is not evidently in another language.

    Told by the small words that every sentence has. A text without any passes: "Parse date" is no
    sentence.
    """
    found = re.findall(r"[^\W\d_]+", text.lower())
    foreign = sum(word in _FOREIGN_WORDS for word in found)
    return foreign < 2 or foreign <= sum(word in _ENGLISH_WORDS for word in found)


def is_query(query: str, limits: Limits) -> bool:
    """English prose of a useful length that says something about the code."""
    shortest, longest = limits.words
    if not shortest <= len(query.split()) <= longest:
        return False
    if _BOILERPLATE.search(query) or _CODE_LIKE.search(query) or not is_english(query):
        return False
    letters = len(_LETTERS.findall(query))
    return letters >= 0.75 * len(query.replace(" ", "")) and query.isprintable()


def is_document(text: str, limits: Limits) -> bool:
    """Code of a useful length."""
    lines = sum(1 for line in text.split("\n") if line.strip())
    return limits.lines[0] <= lines <= limits.lines[1] and len(text) <= limits.characters


def says_only_the_name(query: str, name: str, scope: str, document: str) -> bool:
    """Nothing to learn from "Selective size sum", nor from "Returns the name" over three lines."""
    told = {word.rstrip("s") for word in words(query) if word not in _STOP_WORDS}
    named = {word.rstrip("s") for word in words(name)}
    if document.count("\n") < 6:
        named |= {word.rstrip("s") for word in words(scope)}
    return told <= named


def without_name(query: str, name: str) -> str:
    """Drop the name that Go and C put first ("Open opens a file."): a search does not know it."""
    match = re.match(
        rf"(?:\w+(?:::|\.))?{re.escape(name)}(?:\(\))?(\s*[:\-–—]+\s*|\s+)(?=\S)", query
    )
    if match is None:
        return query
    rest = _IS_A.sub("", query[match.end() :])
    verb = rest.partition(" ")[0]
    if not match[1].strip() and rest == query[match.end() :] and not verb.endswith("s"):
        return query  # not "name does", so the name is part of the sentence
    return rest[:1].upper() + rest[1:]


def section_query(heading: str, prose: str) -> str:
    """What a section says about the code in it; "" when that is nothing."""
    heading = _ANCHOR.sub("", _NUMBERING.sub("", heading)).rstrip(": ")
    prose = _LEAD_IN.sub("", _NUMBERING.sub("", prose)).rstrip(": ")
    if _EMPTY_HEADING.match(heading):
        heading = ""
    if len(prose.split()) < 6:  # "And then use it"
        return heading if len(heading.split()) >= 5 else ""
    return f"{heading}. {prose}" if heading else prose
