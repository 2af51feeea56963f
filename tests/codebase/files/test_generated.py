"""A marker is a sentence of the head comment, not a string, an example or prose about markers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from c2llm.codebase.files.generated import says_generated

# Each a language and the beginning of a file.
HEADS = json.loads(Path(__file__).with_name("heads.json").read_text(encoding="utf-8"))
GENERATED, WRITTEN = HEADS["generated"], HEADS["written"]


@pytest.mark.parametrize(("language", "head"), GENERATED)
def test_it_says_so(language: str, head: str) -> None:
    assert says_generated(head.encode(), language)


@pytest.mark.parametrize(("language", "head"), WRITTEN)
def test_it_is_about_something_else(language: str, head: str) -> None:
    assert not says_generated(head.encode(), language)


@pytest.mark.parametrize(("language", "head"), GENERATED)
def test_below_the_first_code_it_is_no_head(language: str, head: str) -> None:
    code = {"lisp": "(setq a 1)", "xml": "<a>b</a> c", "haskell": "main = print 1"}
    first = code.get(language, "value = compute(1)")
    assert not says_generated(f"{first}\n{head}".encode(), language)
