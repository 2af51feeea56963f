"""What an edit does to code, by its tokens alone: no parser, any language, any state of a file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache

from c2llm.analysis.clones.forms.keywords import KEYWORDS
from c2llm.analysis.clones.forms.lexing import words_of
from c2llm.analysis.history.patches import Hunk

KINDS = (
    "operator_swapped",
    "operators_only",
    "number_changed",
    "condition_removed",
    "comparison_removed",
    "exit_removed",
    "handling_removed",
    "limit_removed",
    "call_removed",
    "guard_deleted",
    "call_deleted",
    "calls_only_removed",
    "code_only_removed",
)
"""What an edit may do that makes people look twice."""
_MOST_ALIGNED = 40_000
"""Tokens of one side times tokens of the other, beyond which no pairs are looked for."""
_MOST_DELETED = 80
"""Tokens of one place that is looked at as a guard or a call that was deleted."""
_MOST_NAMED = 3
"""Examples of a kind that are kept for an explanation."""
_COMPARISONS = frozenset("< > <= >= == != === !== ~= /= =~ <=> <>".split())
_OPERATORS = _COMPARISONS | frozenset(
    "and or not xor && || ! & | ^ ~ + - * / % ** << >> += -= *= /= %= &= |= ^= ++ --".split()
)
_CONDITIONS = frozenset("if elif elsif elseif unless guard while until assert when".split())
_EXITS = frozenset("return raise throw panic abort exit break continue fail die bail".split())
_HANDLING = frozenset("try except catch rescue finally ensure recover defer".split())
_FAILURES = frozenset("error fatal err errors reject failure".split())
_DEFINING = frozenset("def fn func function fun class struct interface module".split())
_BEGINNINGS = frozenset("import from return raise throw".split())
"""Of what is brought in, or more than a call."""
_FLAGS = frozenset("true false yes no on off".split())
_LIMITS = frozenset(
    "min max limit limits timeout threshold bound bounds cap clamp deadline quota retries attempts"
    " ceiling floor minimum maximum validate verify check sanitize escape".split()
)
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_INNER_COMMENT = re.compile(r"\s*\*(?:\s|/|$)")
_NAME = re.compile(r"[@$]*[^\W\d][\w$]*")


@dataclass(slots=True)
class Kinds:
    """What was found in all hunks of an edit."""

    found: dict[str, list[str]] = field(default_factory=dict)
    """For each of `KINDS` that is there, what it concerns: names, operators, numbers."""
    removed_tokens: int = 0
    """That are gone from a hunk, those that only moved in it not counted."""
    added_tokens: int = 0
    code_hunks: int = 0
    """Hunks that change more than comments and layout."""
    names: set[str] = field(default_factory=set)
    """Names in the lines that were put in, whole."""

    def add(self, kind: str, example: str) -> None:
        """Take one more example of a kind."""
        examples = self.found.setdefault(kind, [])
        if example not in examples and len(examples) < _MOST_NAMED:
            examples.append(example[:60])


@lru_cache(maxsize=1 << 16)
def is_name(word: str) -> bool:
    """Whether a token may be chosen by who writes the code."""
    return _NAME.fullmatch(word) is not None and word.lower() not in KEYWORDS


def kinds_of(hunks: Sequence[Hunk], language: str) -> Kinds:
    """What an edit does; what only moves within it does nothing."""
    kinds = Kinds()
    gone: Counter[str] = Counter()
    came: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    deleted: list[list[str]] = []
    swapped = 0
    for hunk in hunks:
        removed = _words(hunk.removed, language)
        added = _words(hunk.added, language)
        kinds.names.update(word for word in added if is_name(word))
        if removed == added:
            continue
        kinds.code_hunks += 1
        swapped += _aligned(removed, added, kinds)
        if not added and len(removed) <= _MOST_DELETED:
            deleted.append(removed)
        gone.update(removed)
        came.update(added)
        calls.update(_calls(added))
        calls.subtract(_calls(removed))
    kinds.removed_tokens = (gone - came).total()
    kinds.added_tokens = (came - gone).total()
    if swapped and kinds.removed_tokens + kinds.added_tokens <= 2 * swapped:
        for example in kinds.found["operator_swapped"]:
            kinds.add("operators_only", example)
    _missing(gone, came, calls, kinds)
    for words in deleted:
        _deleted(words, came, kinds)
    return kinds


def _words(lines: Sequence[str], language: str) -> list[str]:
    """Tokens of lines; those that begin as the inner lines of a comment in C do are none."""
    kept = [line for line in lines if not _INNER_COMMENT.match(line)]
    return words_of("\n".join(kept), language)


def _aligned(removed: Sequence[str], added: Sequence[str], kinds: Kinds) -> int:
    """Operators and numbers that took each other's place; how many operators."""
    if not removed or not added or len(removed) * len(added) > _MOST_ALIGNED:
        return 0
    swapped = 0
    for kind, start, end, to, until in SequenceMatcher(
        None, removed, added, autojunk=False
    ).get_opcodes():
        old, new = removed[start:end], added[to:until]
        if kind == "equal" or len(old) > 3 or len(new) > 3:
            continue
        if all(word in _OPERATORS for word in (*old, *new)):
            kinds.add(
                "operator_swapped", f"{' '.join(old) or 'nothing'} to {' '.join(new) or 'nothing'}"
            )
            swapped += 1
        elif len(old) == len(new) and all(map(_is_value, (*old, *new))):
            kinds.add("number_changed", f"{' '.join(old)} to {' '.join(new)}")
    return swapped


def _deleted(words: Sequence[str], came: Counter[str], kinds: Kinds) -> None:
    """A place where code was only taken out, and was not put in elsewhere."""
    called = _calls(words)
    if any(word in _DEFINING for word in words):
        return
    if any(word in _CONDITIONS for word in words):
        if any(word in _EXITS or word.lower() in _FAILURES for word in words):
            condition = [word for word in words if is_name(word)]
            if not condition or any(came[word] == 0 for word in condition):
                kinds.add("guard_deleted", " ".join(words[:12]))
    elif (
        words[-1] in (")", ";")
        and not any(word in _BEGINNINGS for word in words)
        and any(came[name] == 0 for name in called)
    ):
        kinds.add("call_deleted", next(iter(called)))


def _missing(gone: Counter[str], came: Counter[str], calls: Counter[str], kinds: Kinds) -> None:
    """What the edit leaves the file with less of."""
    less = gone - came
    for kind, words in (
        ("condition_removed", _CONDITIONS),
        ("comparison_removed", _COMPARISONS),
        ("exit_removed", _EXITS),
        ("handling_removed", _HANDLING),
    ):
        net = sum(gone[word] - came[word] for word in words)
        if net > 0:
            for word in sorted(words & less.keys()):
                kinds.add(kind, word)
    limits = {word for word in less if is_name(word) and _LIMITS & _parts(word)}
    if limits and sum(less[word] for word in limits) > sum(
        count for word, count in (came - gone).items() if is_name(word) and _LIMITS & _parts(word)
    ):
        for word in sorted(limits):
            kinds.add("limit_removed", word)
    lost = sorted(name for name, count in calls.items() if count < 0)
    if lost and calls.total() < 0:
        for name in lost:
            kinds.add("call_removed", name)
    if kinds.removed_tokens and not kinds.added_tokens:
        kinds.add("code_only_removed", str(kinds.removed_tokens))
        conditions = less.keys() & (_CONDITIONS | _EXITS | _HANDLING)
        if lost and not conditions:
            for name in lost:
                kinds.add("calls_only_removed", name)


def _calls(words: Sequence[str]) -> Counter[str]:
    """Names that a bracket follows, how often each."""
    return Counter(
        word
        for place, word in enumerate(words[:-1])
        if words[place + 1] == "("
        and is_name(word)
        and (place == 0 or words[place - 1] not in ("def", "fn", "func", "function", "fun"))
    )


def _is_value(word: str) -> bool:
    return word[0].isdigit() or word.lower() in _FLAGS


def _parts(word: str) -> set[str]:
    """The words that a name consists of."""
    return {part.lower() for part in _PART.findall(word)}
