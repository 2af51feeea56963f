"""What a tokenizer.json of unknown origin may do to a text, read without using it.

Its normaliser rewrites the text before anything bounds it: thirty replacements of a letter by two
make a gigabyte of one letter, as thirty steps that write bytes as letters do. Its patterns are
searched with backtracking: `(a|a)*b` never ends. So the growth that the steps allow is multiplied,
and patterns that repeat a choice or a repetition are refused; those of the published tokenizers do
neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from c2llm.errors import ModelError
from c2llm.modeling.model_json import LARGEST_TOKENIZER, read_json

LARGEST_GROWTH = 64
"""How many characters the steps before the vocabulary may make of one."""
LARGEST_REPETITIONS = 8
"""Unbounded repetitions in one branch of a pattern; published ones have at most four."""
LONGEST_PATTERN = 4096
_LONGEST_ADDITION = 256
_BYTES_OF_A_LETTER = 2
"""A step that writes bytes as letters of two bytes doubles the text each time it is repeated."""
_UNBOUNDED = re.compile(r"\*|\+|\{(\d+),\}|\{(\d*),?(\d+)\}")


def check_tokenizer(path: Path, vocabulary: int) -> None:
    """Look through a tokenizer.json.

    Args:
        path: the file.
        vocabulary: rows of the model's token embedding; every id has to be below.

    Raises:
        ModelError: if it is no JSON object, may grow a text without bound or search without end,
            or has a token that the model has not.
    """
    fields = read_json(path, LARGEST_TOKENIZER)
    if not isinstance(fields, dict) or not isinstance(fields.get("model"), dict):
        raise ModelError(f"{path} is not a tokenizer; copy the model again.")
    _check_ids(fields, path, vocabulary)
    growth = 1.0
    for part in ("normalizer", "pre_tokenizer", "post_processor"):
        for settings in _objects(fields.get(part)):
            growth *= _growth(settings)
            if growth > LARGEST_GROWTH:
                raise ModelError(
                    f"{path} makes texts more than {LARGEST_GROWTH} times as long before it cuts "
                    "them into tokens; take the tokenizer of the model's authors."
                )
            pattern = settings.get("pattern")
            if isinstance(pattern, dict) and isinstance(regex := pattern.get("Regex"), str):
                _check_pattern(regex, path)
    for text in _texts(fields.get("normalizer"), fields.get("pre_tokenizer")):
        if len(text) > LARGEST_TOKENIZER >> 8:
            raise ModelError(f"{path} adds a text of {len(text):,} characters; copy it again.")


def _check_ids(fields: dict[str, Any], path: Path, vocabulary: int) -> None:
    vocab = fields["model"].get("vocab")
    ids = list(vocab.values()) if isinstance(vocab, dict) else []
    size = len(vocab) if isinstance(vocab, list) else 0
    added = fields.get("added_tokens")
    ids += [t.get("id") for t in added if isinstance(t, dict)] if isinstance(added, list) else []
    if any(type(i) is not int for i in ids):
        raise ModelError(f"{path} has a token whose id is no whole number; copy the model again.")
    highest = max([*ids, size - 1], default=-1)
    if highest >= vocabulary or min(ids, default=0) < 0:
        raise ModelError(
            f"{path} knows token {highest}, but the model is one of {vocabulary} tokens; copy "
            "tokenizer.json and weights from the same model."
        )


def _objects(part: Any) -> Iterator[dict[str, Any]]:
    """All JSON objects in a part, the outer ones first."""
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    for inner in part if isinstance(part, list) else ():
        yield from _objects(inner)


def _texts(*parts: Any) -> Iterator[str]:
    for part in parts:
        for settings in _objects(part):
            yield from (value for value in settings.values() if isinstance(value, str))


def _growth(settings: dict[str, Any]) -> float:
    """How many characters a step may make of one."""
    content = settings.get("content")
    if settings.get("type") == "ByteLevel":
        return _BYTES_OF_A_LETTER
    if settings.get("type") == "Prepend":
        return 1 + len(str(settings.get("prepend", ""))) / _LONGEST_ADDITION
    if settings.get("type") != "Replace" or not isinstance(content, str):
        return 1.0
    pattern = settings.get("pattern")
    literal = pattern.get("String") if isinstance(pattern, dict) else None
    if isinstance(literal, str) and literal:
        return max(1.0, len(content) / len(literal))
    return 1.0 + len(content)  # a pattern may match between any two characters


def _check_pattern(regex: str, path: Path) -> None:
    if len(regex) > LONGEST_PATTERN or not _is_tame(regex):
        raise ModelError(
            f"{path} cuts texts by the pattern {regex[:60]!r}, whose search may never end; take "
            "the tokenizer of the model's authors."
        )


def _is_tame(regex: str) -> bool:
    """Whether no choice or repetition is repeated without bound, and few repetitions meet.

    Read by brackets alone: escapes and character classes are passed over, whatever they hold.
    """
    if re.search(r"\\(?:[1-9]|k<|g<|g')|\(\?(?:R\)|&|P>|\d)", regex):
        return False  # references back and calls of groups
    # Of each open group: whether it holds a choice or a repetition, and the repetitions so far.
    holds, counts = [False], [0]
    closed: bool | None = None  # of the group that has just been closed
    position = 0
    while position < len(regex):
        character = regex[position]
        if repeated := _UNBOUNDED.match(regex, position):
            if _bound(repeated) > 1:
                if closed:
                    return False
                holds[-1] = True
                counts[-1] += 1
                if counts[-1] > LARGEST_REPETITIONS:
                    return False
            closed, position = None, repeated.end()
            continue
        if character == "\\":
            position += 2
            braces = re.compile(r"\{[^}]*\}").match(regex, position)
            if braces and regex[position - 1] in "pPx":
                position = braces.end()
        elif character == "[":
            position = _class_end(regex, position)
        elif character == "(":
            holds.append(False)
            counts.append(0)
            position += 1
        elif character == ")":
            if len(holds) == 1:
                return False
            closed = holds.pop()
            counts[-1] += counts.pop()
            holds[-1] |= closed
            position += 1
            continue
        elif character == "|":
            holds[-1] = len(holds) > 1 or holds[-1]
            counts[-1] = 0
            position += 1
        else:
            holds[-1] |= character == "?" and regex[position - 1 : position] != "("
            position += 1
        closed = None
    return len(holds) == 1


def _bound(repeated: re.Match[str]) -> float:
    """The most times that a repetition allows; those of a few times count as one."""
    if repeated[0] in "*+" or repeated[1] is not None:
        return float("inf")
    return 1 if int(repeated[3][:6]) <= 4 else float("inf")


def _class_end(regex: str, position: int) -> int:
    """Behind the `]` that closes a character class, which may hold others."""
    depth = 0
    while position < len(regex):
        if regex[position] == "\\":
            position += 1
        elif regex[position] == "[":
            depth += 1
            if regex[position + 1 : position + 2] == "^":
                position += 1
            if regex[position + 1 : position + 2] == "]":
                position += 1
        elif regex[position] == "]":
            depth -= 1
            if not depth:
                return position + 1
        position += 1
    return position
