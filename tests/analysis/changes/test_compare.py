"""One edit of a function at a time: what it is called, and whether it bears behaviour."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.analysis.changes.change import Change, Effect
from c2llm.analysis.changes.compare import changes_between
from c2llm.analysis.trees.code_tree import Function

PYTHON = '''def f(a, b: int = 3, *c, k: str="x", **d) -> int:
    """doc"""
    x: int = (a + 1_000)
    # hi
    if not a:
        raise ValueError("bad")
    for i, j in g(a, k=4, t=5):
        self.y[i] = x
    if (x and
        b):
        return (1, 2)
    p = 1
    q = 2
    with open(a) as h, k:
        h.write(p)
        h.read(q)
    return [z for z in x if z > 3]
'''
GO = """func F(a int, b string) (int, error) {
	// hi
	if a > maxSize {
		return 0, errors.New("too large")
	}
	x := a + 10
	for i := 0; i < x; i++ {
		g(i, b)
	}
	return x, nil
}
"""
TYPESCRIPT = """function f(a: number, b = 'x'): string {
  const y = a === 3 ? g(a, b) : h(b);
  if (a > 2) return y;
  try { run(y); } catch (e) { throw new Error("no", { cause: e }); }
  return `${y}!`;
}
"""


def function(text: str, language: str = "python", name: str = "f", scope: str = "") -> Function:
    return Function("a", name, scope, language, 1, text.count("\n") + 1, text)


def between(before: str, after: str, language: str = "python", scope: str = "") -> list[Change]:
    one, other = (function(text, language, scope=scope) for text in (before, after))
    return list(changes_between(one, other))


def edited(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1_000", "1000"),
        ("1_000", "0x3e8"),
        ('"bad"', "'bad'"),
        ("# hi", "# something else"),
        ("    # hi\n", ""),
        ('"""doc"""', '"""Another docstring."""'),
        ("(1, 2)", "1, 2"),
        ("(a + 1_000)", "a + 1_000"),
        ("k=4, t=5)", "k=4, t=5,\n    )"),
        ("if (x and\n        b):", "if x and b:"),
        ("    p = 1\n", "\n\n    p   =   1\n"),
        ('"bad"', '"b" "ad"'),
    ],
)
def test_what_is_cosmetic(old: str, new: str):
    changes = between(PYTHON, edited(PYTHON, old, new))
    assert changes
    assert {one.effect for one in changes} == {Effect.COSMETIC}


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("b: int = 3", "b = 3", "annotation"),
        ("k=4, t=5", "t=5, k=4", "order"),
        ("    p = 1\n    q = 2\n", "    q = 2\n    p = 1\n", "order"),
    ],
)
def test_what_is_structural(old: str, new: str, what: str):
    changes = between(PYTHON, edited(PYTHON, old, new))
    assert [(one.effect, one.what) for one in changes] == [(Effect.STRUCTURAL, what)]


@pytest.mark.parametrize(
    ("old", "new", "what", "name"),
    [
        ("1_000", "100", "constant", "x"),
        ("b: int = 3", "b: int = 4", "default", "b"),
        ("x and", "x or", "operator", "x"),
        ("if not a:", "if a:", "condition", ""),
        ('    if not a:\n        raise ValueError("bad")\n', "", "check", ""),
        ("k=4, t=5", "k=4", "keyword", "t"),
        ("t=5", "t=50", "constant", "t"),
        ("z > 3", "z >= 3", "operator", "z"),
        ("(1, 2)", "2, 1", "order", ""),
        ("raise ValueError", "return ValueError", "exception", ""),
        ('"bad"', '"worse"', "message", "ValueError"),
        ("        h.write(p)\n", "", "call", "write"),
        (
            "        h.write(p)\n        h.read(q)",
            "        h.read(q)\n        h.write(p)",
            "order",
            "",
        ),
        ("g(a, k", "g(b, k", "argument", "g"),
        ("open(a)", "close(a)", "call", "open"),
        ("        h.read(q)\n", "    h.read(q)\n", "nesting", "h"),
        ("self.y[i] = x", "self.y[i] += x", "operator", "self.y[i]"),
    ],
)
def test_what_bears_behaviour(old: str, new: str, what: str, name: str):
    changes = between(PYTHON, edited(PYTHON, old, new))
    assert changes[0].effect == Effect.BEHAVIOUR
    assert changes[0].what == what
    if name:
        assert changes[0].name == name


@pytest.mark.parametrize(
    ("language", "text", "old", "new", "effect"),
    [
        ("go", GO, "// hi", "// ho", Effect.COSMETIC),
        ("go", GO, "a > maxSize", "a >= maxSize", Effect.BEHAVIOUR),
        ("go", GO, "a + 10", "a + 0xA", Effect.COSMETIC),
        ("go", GO, "g(i, b)", "g(b, i)", Effect.BEHAVIOUR),
        ("go", GO, "i++", "i--", Effect.BEHAVIOUR),
        ("typescript", TYPESCRIPT, "b = 'x'", 'b = "x"', Effect.COSMETIC),
        ("typescript", TYPESCRIPT, "a: number", "a: any", Effect.STRUCTURAL),
        ("typescript", TYPESCRIPT, "if (a > 2) return y;", "if (a > 2) {\n return y\n }", 0),
        ("typescript", TYPESCRIPT, "const y", "let y", Effect.STRUCTURAL),
        ("typescript", TYPESCRIPT, "a === 3", "a == 3", Effect.BEHAVIOUR),
        ("typescript", TYPESCRIPT, "{ cause: e }", "{}", Effect.BEHAVIOUR),
        ("typescript", TYPESCRIPT, "run(y); ", "", Effect.BEHAVIOUR),
    ],
)
def test_other_languages(language: str, text: str, old: str, new: str, effect: Effect):
    assert max(one.effect for one in between(text, edited(text, old, new), language)) == effect


def test_a_renaming_throughout_is_cosmetic_and_one_that_misses_a_place_is_not():
    renamed = re.sub(r"\bx\b(?!\")", "total", PYTHON)
    changes = between(PYTHON, renamed)
    assert [(one.effect, one.what, one.before, one.after) for one in changes] == [
        (Effect.COSMETIC, "rename", "x", "total")
    ]
    missed = renamed.replace("for z in total", "for z in x")
    assert between(PYTHON, missed)[0].effect == Effect.BEHAVIOUR
    # Another variable of the function in its place is no renaming.
    other = PYTHON.replace("self.y[i] = x", "self.y[i] = p")
    assert between(PYTHON, other)[0].what == "name"


def test_a_name_from_elsewhere_is_renamed_only_where_that_is_known():
    after = PYTHON.replace("g(a", "h2(a")
    assert between(PYTHON, after)[0].what == "call"
    known = changes_between(function(PYTHON), function(after), {"g": "h2"})
    assert [one.what for one in known] == ["rename"]


def test_a_method_is_read_as_in_its_class():
    java = "  @Override\n  public int size(int a) {\n    return a + 1;\n  }\n"
    changes = between(java, java.replace("+ 1", "+ 2"), "java", scope="List")
    assert [(one.what, one.before, one.after, one.line_before) for one in changes] == [
        ("constant", "1", "2", 3)
    ]


def test_statements_that_go_into_a_new_block_are_not_told_with_it():
    after = PYTHON.replace("    p = 1\n    q = 2\n", "    if a:\n        p = 1\n        q = 2\n")
    assert [one.what for one in between(PYTHON, after)] == ["condition"]


@pytest.mark.parametrize("language", ["python", "fortran", "nonesuch"])
@settings(max_examples=30)
@given(before=st.text(max_size=200), after=st.text(max_size=200))
def test_any_text_is_compared(language: str, before: str, after: str):
    one, other = function(before, language), function(after, language)
    assert changes_between(one, one) == ()
    changes = changes_between(one, other)
    assert all(0 <= change.weight <= 1 for change in changes)
    assert bool(changes) == (before != after)


def test_a_language_without_a_grammar_is_read_by_its_lines():
    before = "limit = 3 * x\nrun(limit)\n"
    assert between(before, before.replace("3", "4"), "nonesuch")[0].what == "constant"
    assert between(before, before.replace(" = ", "="), "nonesuch")[0].effect == Effect.COSMETIC


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("python", "def f(x):\n    return f'{x:.2f}'\n", "def f(x):\n    return f'{x:.3f}'\n"),
        ("dockerfile", "FROM base:1.2\nRUN make\n", "FROM base:1.3\nRUN make\n"),
    ],
)
def test_code_that_the_grammar_has_no_node_for_is_compared(language: str, before: str, after: str):
    assert {one.effect for one in between(before, after, language)} == {Effect.BEHAVIOUR}


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("go", "//go:build linux\n\npackage a\n", "//go:build windows\n\npackage a\n"),
        ("go", "//go:embed a.txt\nvar x string\n", "//go:embed b.txt\nvar x string\n"),
        ("ruby", "# frozen_string_literal: true\nX = 'a'\n", "X = 'a'\n"),
        ("bash", "#!/bin/bash\nset -e\n", "#!/bin/sh\nset -e\n"),
        ("sql", "SELECT /*+ NO_MERGE */ a FROM b;\n", "SELECT a FROM b;\n"),
        ("python", "# cython: boundscheck=True\nx = 1\n", "# cython: boundscheck=False\nx = 1\n"),
    ],
)
def test_a_comment_that_the_compiler_reads_bears_behaviour(language: str, before: str, after: str):
    (change,) = between(before, after, language)
    assert (change.effect, change.what) == (Effect.BEHAVIOUR, "directive")


@pytest.mark.parametrize(
    ("language", "comment"),
    [
        ("go", "// go is fast"),
        ("go", "//nolint:errcheck"),
        ("ruby", "# coding is fun"),
        ("python", "# type: ignore"),
        ("javascript", "/** jsx is used here */"),
    ],
)
def test_other_comments_are_cosmetic(language: str, comment: str):
    (change,) = between("x = 1\n", f"{comment}\nx = 1\n", language)
    assert (change.effect, change.what) == (Effect.COSMETIC, "comment")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("function f(a) { return { a }; }\n", "function f(b) { return { b }; }\n"),
        (
            "function f(o) { const { a } = o; g(a); }\n",
            "function f(o) { const { b } = o; g(b); }\n",
        ),
        ("function f(a) { return { a: a }; }\n", "function f(b) { return { b: b }; }\n"),
    ],
)
def test_a_key_of_an_object_is_no_name_to_be_renamed(before: str, after: str):
    assert Effect.BEHAVIOUR in {one.effect for one in between(before, after, "javascript")}


def test_a_variable_beside_a_key_of_its_name_is_renamed():
    changes = between(
        "function f(a) { return { a: a + 1 }; }\n",
        "function f(b) { return { a: b + 1 }; }\n",
        "javascript",
    )
    assert [(one.effect, one.what) for one in changes] == [(Effect.COSMETIC, "rename")]
    ruby = between("def f(a)\n  g(a: a)\nend\n", "def f(b)\n  g(a: b)\nend\n", "ruby")
    assert [(one.effect, one.what) for one in ruby] == [(Effect.COSMETIC, "rename")]


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        (
            "python",
            "class A(Enum):\n    X = auto()\n    Y = auto()\n",
            "class A(Enum):\n    Y = auto()\n    X = auto()\n",
        ),
        ("go", "const (\n\tA = iota\n\tB\n)\n", "const (\n\tB = iota\n\tA\n)\n"),
        ("typescript", "enum A { X, Y }\n", "enum A { Y, X }\n"),
        ("c", "struct a { char x; int y; };\n", "struct a { int y; char x; };\n"),
        ("c", "enum a { X, Y };\n", "enum a { Y, X };\n"),
    ],
)
def test_members_that_are_told_by_their_place(language: str, before: str, after: str):
    one, other = (function(text, language, name="") for text in (before, after))
    assert Effect.BEHAVIOUR in {change.effect for change in changes_between(one, other)}


def test_a_parameter_whose_name_a_field_keeps_is_renamed():
    changes = between(
        "def f(self, x):\n    self.x = x\n    return x + 1\n",
        "def f(self, value):\n    self.x = value\n    return value + 1\n",
    )
    assert [(one.effect, one.what) for one in changes] == [(Effect.COSMETIC, "rename")]
