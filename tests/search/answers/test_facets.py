"""Facets count every candidate once in each list."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from c2llm.search.answers.facets import facets_of


def candidate(path: str, language: str = "python", kind: str = "function", source: int = 0) -> Any:
    facts = SimpleNamespace(
        path=path, language=language, kind=kind, start_line=1, end_line=2, repository=""
    )
    return SimpleNamespace(source=source, facts=facts)


def target(label: str = "", left_out: str = "") -> Any:
    return SimpleNamespace(
        reader=SimpleNamespace(called=lambda facts: label),
        leaves_out=lambda path, start, end, repository: path == left_out,
    )


def test_each_list_adds_up() -> None:
    found = facets_of(
        [target("one"), target("two")],
        [
            candidate("src/app/a.py"),
            candidate("src/app/deep/b.py", kind="class"),
            candidate("src/lib/c.go", "go"),
            candidate("src/d.py"),
            candidate("src/app/e.py", source=1),
        ],
    )
    assert found.of == 5
    assert found.languages == {"python": 4, "go": 1}
    assert found.kinds == {"function": 4, "class": 1}
    assert found.folders == {"src/app": 3, "src": 1, "src/lib": 1}
    assert found.repositories == {"one": 4, "two": 1}


def test_folders_part_below_what_all_have_in_common() -> None:
    one = facets_of([target()], [candidate("a/b/x.py"), candidate("a/b/y.py")])
    assert one.folders == {"a/b": 2} and one.repositories == {}
    top = facets_of([target()], [candidate("x.py"), candidate("a/y.py")])
    assert top.folders == {".": 1, "a": 1}


def test_nothing_is_counted_that_is_no_answer() -> None:
    found = facets_of([target(left_out="a.py")], [candidate("a.py"), candidate("b.py")])
    assert found.of == 1 and sum(found.folders.values()) == 1
    assert facets_of([target()], []).of == 0
