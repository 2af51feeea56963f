"""Counterfactual edits: the file that answers a question, changed in one respect.

Each edit is compared with another that shares all but the respect in question: a file among tests
with the same file in a folder that says nothing, code at the end of a longer file with the same
code at its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from posixpath import join, split

from c2llm.evaluation.fairness.comments import translated_comments, without_comments
from c2llm.evaluation.repositories.repo_questions import Target

AS_IT_IS = "as it is"
ELSEWHERE, AMONG_TESTS = "in another folder", "among tests"
LONGER, AT_THE_END = "longer", "at the end"
NO_COMMENTS, UNIMPORTED = "without comments", "imported by nobody"
TRANSLATED = {"zh": "Chinese comments", "de": "German comments", "ru": "Russian comments"}

COMPARED: Mapping[str, str] = {
    ELSEWHERE: AS_IT_IS,
    AMONG_TESTS: ELSEWHERE,
    LONGER: AS_IT_IS,
    AT_THE_END: LONGER,
    NO_COMMENTS: AS_IT_IS,
    **dict.fromkeys(TRANSLATED.values(), AS_IT_IS),
    UNIMPORTED: AS_IT_IS,
}
"""For each edit what it is compared with."""

_PLAIN_FOLDER, _TEST_FOLDER = "part", "tests"


@dataclass(frozen=True, slots=True)
class Subject:
    """A file that answers a question, as it is."""

    path: str
    """Relative to the searched root."""
    source: bytes
    language: str
    donor: bytes
    """A file of the same language that answers nothing, of which longer files are made."""
    target: Target
    """What answers, relative to the searched root."""
    imported: bool
    """Some other file imports it."""


@dataclass(frozen=True, slots=True)
class Edited:
    """The file after an edit."""

    path: str
    source: bytes
    target: Target
    unimported: bool = False
    """It counts as a file that nobody imports; its text stays."""


def edits_of(subject: Subject) -> dict[str, Edited]:
    """All edits that change something, by name; `AS_IT_IS` is the first.

    Left out is an edit without what it is compared with, one of comments where there are none, and
    of imports where nobody imports the file.
    """
    made: dict[str, Edited] = {}
    for name, edit in _EDITS.items():
        edited = edit(subject)
        unlike = edited != made.get(AS_IT_IS)
        if unlike and (name == AS_IT_IS or COMPARED[name] in made):
            made[name] = edited
    return made


def _as_it_is(subject: Subject) -> Edited:
    return Edited(subject.path, subject.source, subject.target)


def _moved(subject: Subject, folder: str) -> Edited:
    above, name = split(subject.path)
    path = join(above, folder, name)
    target = Target(path, subject.target.start_line, subject.target.end_line)
    return Edited(path, subject.source, target)


def _lines(source: bytes) -> int:
    return source.count(b"\n") + (not source.endswith(b"\n"))


def _longer(subject: Subject, *, before: bool) -> Edited:
    """As much code again of another file, after the file's own or before it."""
    if not subject.donor:
        return _as_it_is(subject)
    own, other = (_ended(source) for source in (subject.source, subject.donor))
    first, last = subject.target.start_line or 1, subject.target.end_line or _lines(own)
    moved = _lines(other) if before else 0
    target = Target(subject.path, first + moved, last + moved)
    return Edited(subject.path, other + own if before else own + other, target)


def _ended(source: bytes) -> bytes:
    return source if source.endswith(b"\n") else source + b"\n"


def _rewritten(subject: Subject, source: bytes) -> Edited:
    return Edited(subject.path, source, subject.target)


def _into(language: str) -> Callable[[Subject], Edited]:
    return lambda one: _rewritten(one, translated_comments(one.source, one.language, language))


_EDITS: dict[str, Callable[[Subject], Edited]] = {
    AS_IT_IS: _as_it_is,
    ELSEWHERE: lambda one: _moved(one, _PLAIN_FOLDER),
    AMONG_TESTS: lambda one: _moved(one, _TEST_FOLDER),
    LONGER: lambda one: _longer(one, before=False),
    AT_THE_END: lambda one: _longer(one, before=True),
    NO_COMMENTS: lambda one: _rewritten(one, without_comments(one.source, one.language)),
    **{name: _into(language) for language, name in TRANSLATED.items()},
    UNIMPORTED: lambda one: Edited(one.path, one.source, one.target, unimported=one.imported),
}
