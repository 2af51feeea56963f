"""Who calls a definition: calls told from mentions, in several languages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from c2llm.search.answers.callers import Callers
from c2llm.search.code_index import CodeIndex
from tests.trees import write_tree

LANGUAGES: dict[str, tuple[str, str, str, list[tuple[int, str, str]]]] = {
    "python": (
        "def target(a):\n    return target(a - 1)\n",
        "b.py",
        "from a import target\n# target()\ns = 'target'\n\n\n"
        "def g():\n    x.target(1)\n    h(target)\n",
        [(7, "calls", "g"), (8, "uses", "g")],
    ),
    "javascript": (
        "export function target() {}\n",
        "b.js",
        "import {target} from './a';\n// target\nconst g = () => target(1);\nlet f = target;\n",
        [(3, "calls", "g"), (4, "uses", "")],
    ),
    "java": (
        "class A { int target(int a) { return 1; } }\n",
        "B.java",
        "class B {\n  /* target() */ int x;\n  int g(A a) { return a.target(2); }\n"
        "  Object f = A::target;\n}\n",
        [(3, "calls", "B.g"), (4, "uses", "B")],
    ),
    "go": (
        "package a\n\nfunc target() {}\n",
        "b.go",
        "package a\n\nfunc g() {\n\ttarget()\n\tf := target\n}\n",
        [(4, "calls", "g"), (5, "uses", "g")],
    ),
    "rust": (
        "pub fn target(a: i32) {}\n",
        "b.rs",
        "use crate::a::target;\n\nfn g() {\n    crate::a::target(1);\n    run(target);\n}\n",
        [(4, "calls", "g"), (5, "uses", "g")],
    ),
    "c": (
        "int target(int a) { return a; }\n",
        "b.c",
        '#include "a.h"\nint target(int a);\n\nint g(void) { return target(1); }\n'
        "int (*p)(int) = target;\n",
        [(4, "calls", "g"), (5, "uses", "")],
    ),
    "ruby": (
        "def target(a)\nend\n",
        "b.rb",
        "# target 1\ndef g\n  self.target 2\n  target(1)\nend\n",
        [(3, "calls", "g"), (4, "calls", "g")],
    ),
    "haskell": (
        "module A where\n\ntarget :: Int -> Int\ntarget x = x\n",
        "B.hs",
        "module B where\n\nimport A (target)\n\ng = target 1\nh = map target xs\n",
        [(5, "calls", "g"), (6, "uses", "h")],
    ),
    "zig": (
        "pub fn target() void {}\n",
        "b.zig",
        'const a = @import("a.zig");\nfn g() void {\n    a.target();\n    const f = a.target;\n}\n',
        [(3, "calls", "g"), (4, "uses", "g")],
    ),
    "bash": (
        "target() {\n  :\n}\n",
        "b.sh",
        "# target\ng() {\n  target 1\n  trap target EXIT\n}\n",
        [(3, "calls", "g"), (4, "uses", "g")],
    ),
}


def neighbours(root: Path, path: str, symbol: str, lines: tuple[int, int]) -> Callers:
    with CodeIndex.open(root, embed="none") as index:
        return index.caller_finder().of(path, symbol, *lines)


@pytest.mark.parametrize("language", LANGUAGES)
def test_callers_in(tmp_path: Path, language: str) -> None:
    definition, path, text, expected = LANGUAGES[language]
    own = "a" + path[1:] if path[0] == "b" else "A" + path[1:]
    root = write_tree(tmp_path / "one", {own: definition, path: text})
    found = neighbours(root, own, "target", (1, definition.count("\n")))
    assert [(use.line, use.kind, use.symbol) for use in found.callers] == expected
    assert {use.path for use in found.callers} == {path}


def test_of_a_shared_name_those_count_that_import_it(tmp_path: Path) -> None:
    root = write_tree(
        tmp_path / "one",
        {
            "db/store.py": "def save(row):\n    pass\n",
            "web/store.py": "def save(page):\n    pass\n",
            "app/a.py": "from db.store import save\n\n\ndef keep():\n    save(1)\n",
            "app/b.py": "from web import store\n\n\ndef show():\n    store.save(2)\n",
            "app/c.py": "def neither(x):\n    x.save(3)\n",
        },
    )
    of_db = neighbours(root, "db/store.py", "save", (1, 2))
    of_web = neighbours(root, "web/store.py", "save", (1, 2))
    assert [(use.path, use.line, use.symbol) for use in of_db.callers] == [("app/a.py", 5, "keep")]
    assert [(use.path, use.line, use.symbol) for use in of_web.callers] == [("app/b.py", 5, "show")]
    assert of_db.imported_by == ("app/a.py",)
    assert of_web.imported_by == ("app/b.py",)


def test_calls_come_before_uses_and_tests_come_last(tmp_path: Path) -> None:
    root = write_tree(
        tmp_path / "one",
        {
            "src/core.py": "def parse_rows(text):\n    return parse_rows(text[1:])\n",
            "src/a_table.py": "from src.core import parse_rows\n\nHANDLERS = [parse_rows]\n",
            "src/z_main.py": "from src.core import parse_rows\n\nparse_rows('')\n",
            "tests/test_core.py": "from src.core import parse_rows\n\n\ndef test_rows():\n"
            "    assert parse_rows('') == 1\n",
        },
    )
    found = neighbours(root, "src/core.py", "parse_rows", (1, 2))
    assert [(use.path, use.kind) for use in found.callers] == [
        ("src/z_main.py", "calls"),
        ("tests/test_core.py", "calls"),
        ("src/a_table.py", "uses"),
    ]
    assert found.imported_by == ("src/a_table.py", "src/z_main.py", "tests/test_core.py")


def test_a_caller_may_have_a_path_that_is_no_utf_8(tmp_path: Path) -> None:
    caller = os.fsdecode(b"caf\xe9/b.py")
    files = {"a.py": "def target():\n    pass\n", caller: "def g():\n    target()\n"}
    root = write_tree(tmp_path / "one", dict(files))
    found = neighbours(root, "a.py", "target", (1, 2))
    assert [(use.path, use.line, use.symbol) for use in found.callers] == [(caller, 2, "g")]


def test_what_defines_nothing_has_no_callers(project: Path) -> None:
    found = neighbours(project, "README.md", "", (1, 7))
    assert found == Callers((), (), ())
