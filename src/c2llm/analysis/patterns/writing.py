"""A pattern made from code: its example, words to begin with, and a threshold that fits a tree."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from c2llm.analysis.patterns.library import read_pattern, shipped_patterns
from c2llm.analysis.patterns.pattern import (
    MOST_CODE,
    Pattern,
    Severity,
    filter_rows,
    pattern_of,
)
from c2llm.errors import C2LLMError, DataError, UsageError
from c2llm.search.answers.similar_code import Specimen

LOOSEST = 0.65
"""Cosine with the example below which nothing is like it."""
_TIGHTEST = 0.95
_FEW = 10
"""Functions that may be alike before a threshold is looked for that lets fewer pass."""
_NEAREST = 20
"""Functions whose scores that is read from."""


def drafted(
    name: str,
    positive: Sequence[tuple[Specimen, str]],
    negative: Sequence[tuple[Specimen, str]],
    severity: Severity,
    *,
    title: str | None = None,
    description: str | None = None,
    regex: str | None = None,
) -> Pattern:
    """A pattern from examples, each with its language.

    Args:
        name: What it is called.
        positive: What harms.
        negative: What only looks like it.
        severity: How much it harms.
        title: A line; None for one made of the name.
        description: Words; None for some that say where the example is from.
        regex: A filter; None where meaning alone decides.

    Raises:
        UsageError: A value is not what it has to be, or a pattern of that name ships already.
    """
    if any(name == one.name for one in shipped_patterns()):
        raise UsageError(f"A pattern {name!r} ships already; take another name.")
    first = positive[0][0]
    symbol = f"{first.symbol} in " if first.symbol else ""
    where = first.file.name if first.file is not None else "pasted code"
    fields: dict[str, Any] = {
        "name": name,
        "title": title or name.replace("-", " ").capitalize(),
        "description": description
        or f"Code like {symbol}{where}, line {first.start_line}. Say here what went wrong.",
        "severity": severity,
        "advice": "Say here what to do instead.",
        "languages": sorted({language for _, language in positive}),
        "positive": [_snippet(one, language) for one, language in positive],
        "negative": [_snippet(one, language) for one, language in negative],
    }
    if regex is not None:
        fields["find"] = {"regex": regex}
    try:
        return pattern_of(fields, f"{name}.yaml")
    except DataError as error:
        raise UsageError(str(error)) from error


def with_threshold(pattern: Pattern, scores: Sequence[float]) -> Pattern:
    """A pattern with a threshold that lets a tractable number of functions pass.

    Where more than a few are at all like the example it is put into the widest gap among the scores
    of the nearest ones, so that it falls between a group and the rest where there is one.

    Args:
        pattern: One that meaning alone finds.
        scores: Its scores in a tree, the example itself aside.
    """
    alike = sorted((one for one in scores if LOOSEST <= one < _TIGHTEST), reverse=True)
    if len(alike) <= _FEW:
        return replace(pattern, threshold=LOOSEST)
    nearest = [_TIGHTEST, *alike[:_NEAREST]]
    _, above, below = max((above - below, above, below) for above, below in pairwise(nearest))
    return replace(pattern, threshold=round((above + below) / 2, 3))


def require_new(name: str, folder: Path) -> None:
    """Make sure before any work that a pattern may be written into a folder.

    Raises:
        UsageError: One of that name is there.
    """
    path = folder / f"{name}.yaml"
    if os.path.lexists(path):
        raise UsageError(f"{path} is there already; take another name, or remove it.")


def write(pattern: Pattern, folder: Path) -> tuple[Path, Pattern]:
    """Write a pattern into a folder, which is made where it is not there.

    Returns:
        The file, and the pattern as it is read from it.

    Raises:
        UsageError: A file of that name is there.
        C2LLMError: It cannot be written.
    """
    require_new(pattern.name, folder)
    path = folder / f"{pattern.name}.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(as_yaml(pattern))
    except OSError as error:
        raise C2LLMError(
            f"{path} cannot be written ({error.strerror}); name another folder (--library)."
        ) from error
    return path, read_pattern(folder, path.name)


def as_yaml(pattern: Pattern) -> str:
    """A pattern as a file says it."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes code as it stands, line by line."""

        def represent_text(self, text: str) -> yaml.ScalarNode:
            style = "|" if "\n" in text else None
            return self.represent_scalar("tag:yaml.org,2002:str", text, style)

        def analyze_scalar(self, scalar: str) -> Any:
            """Tabs, and blanks at ends of lines, may stand in a block; PyYAML would quote it."""
            told = super().analyze_scalar(scalar)
            if told.multiline and _fits_a_block(scalar):
                told.allow_block = True
            return told

    Dumper.add_representer(str, Dumper.represent_text)
    fields: dict[str, Any] = {
        "name": pattern.name,
        "title": pattern.title,
        "description": pattern.description,
        "severity": pattern.severity,
        "languages": sorted(pattern.languages),
        "advice": pattern.advice,
        "positive": [{"language": one.language, "code": one.code} for one in pattern.positive],
        "negative": [{"language": one.language, "code": one.code} for one in pattern.negative],
    }
    if pattern.find is not None:
        find = filter_rows(pattern.find)
        find["unless"] = [_given(row) for row in find["unless"]]
        fields["find"] = _given(find)
    if pattern.threshold is not None:
        fields["threshold"] = pattern.threshold
    return yaml.dump(_given(fields), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)


def _fits_a_block(text: str) -> bool:
    """Whether a literal block holds a text as it stands."""
    first = text.partition("\n")[0]
    plain = all(one in "\n\t" or one.isprintable() for one in text)
    return plain and bool(first.strip()) and first[0] not in " \t" and "\ufeff" not in text


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say anything."""
    return {name: value for name, value in fields.items() if value not in ([], {}, "")}


def _snippet(specimen: Specimen, language: str) -> dict[str, str]:
    from textwrap import dedent

    code = dedent(specimen.text).strip("\n")
    if len(code) > MOST_CODE:
        code = code[:MOST_CODE].rpartition("\n")[0] or code[:MOST_CODE]
    return {"language": language, "code": code + "\n"[: len(code) < MOST_CODE]}
