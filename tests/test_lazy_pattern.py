"""Patterns that are compiled at their first use: what `re.compile` gives, and none is wrong."""

from __future__ import annotations

import gc
import re
from importlib import import_module
from pathlib import Path

import pytest

from c2llm.lazy_pattern import _LazyPattern, lazy_pattern

SOURCE = Path(__file__).parents[1] / "src" / "c2llm"


@pytest.mark.parametrize(("source", "text"), [(r"(\d)x", "a1x"), (rb"(\d)x", b"a1x")])
def test_it_does_what_the_compiled_one_does(source, text):
    lazy, compiled = lazy_pattern(source, re.IGNORECASE), re.compile(source, re.IGNORECASE)
    assert lazy.findall(text) == compiled.findall(text)
    assert lazy.search(text).span(1) == compiled.search(text).span(1)
    assert (lazy.pattern, lazy.flags, lazy.groups) == (source, compiled.flags, 1)
    assert lazy.sub(source[:0], text) == text[:1]


def test_it_compiles_at_the_first_use_and_once(monkeypatch):
    asked: list[object] = []
    compiled = re.compile("later")
    monkeypatch.setattr(re, "compile", lambda *given: asked.append(given) or compiled)
    lazy = lazy_pattern("later")
    assert asked == []
    assert lazy.search("now and later") and lazy.search("later on") and not lazy.search("never")
    assert asked == [("later", 0)]


def test_an_attribute_that_patterns_lack_is_missing_here_too():
    with pytest.raises(AttributeError, match="absent"):
        lazy_pattern("x").absent  # noqa: B018


def test_all_of_ours_are_expressions():
    for path in SOURCE.rglob("*.py"):
        if "lazy_pattern(" in path.read_text(encoding="utf-8"):
            import_module(".".join(("c2llm", *path.relative_to(SOURCE).with_suffix("").parts)))
    gc.unfreeze()  # a server that was tried in this process may have frozen what was there
    ours = [one for one in gc.get_objects() if isinstance(one, _LazyPattern)]
    assert len(ours) > 50
    for one in ours:
        assert one.pattern
