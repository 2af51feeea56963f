"""Settings that differ, by the path of their keys."""

from __future__ import annotations

import pytest

from c2llm.analysis.changes.change import Effect
from c2llm.analysis.changes.compare import changes_between
from c2llm.analysis.trees.code_tree import Function

CASES = {
    "yaml": ("a:\n  b: 1 # x\n  c: [x, y]\n", "a:\n  b: 2\n  c: [x, z]\n"),
    "json": ('{"a": {"b": 1, "c": ["x", "y"]}}', '{"a": {"c": ["x", "z"],\n "b": 2}}'),
    "toml": ('[a]\nb = 1\nc = ["x", "y"]\n', '[a]\nb = 2\nc = ["x", "z"]\n'),
}


def settings(text: str, language: str) -> Function:
    return Function("a", "", "", language, 1, text.count("\n") + 1, text)


@pytest.mark.parametrize("language", CASES)
def test_values_are_told_by_their_path(language: str):
    one, other = (settings(text, language) for text in CASES[language])
    changes = changes_between(one, other)
    assert {(c.name, c.before, c.after) for c in changes} == {
        ("a.b", "1", "2"),
        ("a.c[y]", '"y"', ""),
        ("a.c[z]", "", '"z"'),
    }
    assert all(change.effect == Effect.BEHAVIOUR for change in changes)


def test_pairs_and_sections():
    one, other = settings("# x\nA=1\nexport B='2'\n", "ini"), settings("A=1\nB=3\n", "ini")
    assert [(c.name, c.before, c.after) for c in changes_between(one, other)] == [
        ("B", '"2"', '"3"')
    ]
    one, other = settings("[s]\na = 1\n", "ini"), settings("[s]\na = 10\n", "ini")
    assert [(c.name, c.line_before) for c in changes_between(one, other)] == [("s.a", 2)]


def test_comments_and_order_are_no_change_of_a_setting():
    one, other = settings("a: 1\nb: 2\n", "yaml"), settings("# x\na: 1\n\nb:   2\n", "yaml")
    assert [c.effect for c in changes_between(one, other)] == [Effect.COSMETIC]
    other = settings("b: 2\na: 1\n", "yaml")
    assert [c.effect for c in changes_between(one, other)] == [Effect.STRUCTURAL]


def test_what_grows_without_end_or_runs_something_is_compared_as_text():
    lines = ['a0: &a0 ["x", "x"]']
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    bomb = "\n".join(lines)
    changes = changes_between(settings(bomb, "yaml"), settings(bomb + "\nz: 1", "yaml"))
    assert changes
    run = "!!python/object/apply:os.system ['true']"
    assert changes_between(settings(run, "yaml"), settings("a: 1", "yaml"))
