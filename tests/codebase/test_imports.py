"""What is an import, in each language, and what only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.codebase.chunks import cut_text
from c2llm.codebase.grammars import GRAMMARS
from c2llm.codebase.imports import _RULES

CASES: dict[str, tuple[str, str, list[str]]] = {
    "python": (
        "a.py",
        "import a.b as c, d\nfrom .x import (\n    y as z,  # why\n    Name,\n)\nfrom . import q\n"
        "from ..up import *\ndef f():\n    import late\n'''\nimport never\n'''\n# import none\n",
        ["a/b", "d", "./x", "./x/y", "./q", "./__init__", "../up", "late"],
    ),
    "java": (
        "A.java",
        "package p;\nimport static a.b.C.method;\nimport a.b.*;\n/*\nimport no.No;\n*/\n"
        "import a.b.C;\nclass A {}\n",
        ["a/b/C/method", "a/b/", "a/b/C"],
    ),
    "kotlin": (
        "a.kt",
        "package p\nimport a.b.C\nimport a.b.*\nimport a.b.d as e\n",
        ["a/b/C", "a/b/", "a/b/d"],
    ),
    "scala": (
        "a.scala",
        "import a.b.C\nimport a.{B, c => D}\nimport a.b._\n",
        ["a/b/C", "a/B", "a/c", "a/b/"],
    ),
    "javascript": (
        "a.js",
        "import x, {y} from './a/b.js';\nexport * from '../c';\nconst z = require('./d');\n"
        "const l = import('./e');\nimport './f';\nimport react from 'react';\n"
        "// import n from './n'\nconst s = \"import q from './q'\";\n",
        ["./a/b.js", "../c", "./d", "./e", "./f"],
    ),
    "typescript": (
        "a.ts",
        "import type {y} from './a';\nimport z = require('./d');\nimport w from '@/lib/w';\n",
        ["./a", "./d", "lib/w"],
    ),
    "go": (
        "a.go",
        'package x\nimport "fmt"\nimport (\n\ta "github.com/x/y/z"\n\t"net/http"\n)\n',
        ["github.com/x/y/z/"],
    ),
    "rust": (
        "net/tcp.rs",
        "mod inner;\nmod here { fn f() {} }\nuse crate::a::{B, c::{self, D as E}};\n"
        "use super::x::*;\npub(crate) use self::y;\nuse std::fmt;\n// use crate::no;\n",
        ["./tcp/inner", "a/B", "a/c", "a/c/D", "./x", "./tcp/y"],
    ),
    "c": ("a.c", '#include "a/b.h"\n#  include <x.h>\n// #include "no.h"\n', ["a/b.h", "x.h"]),
    "csharp": (
        "A.cs",
        "using A.B;\nusing static A.C;\nusing X = A.D;\nclass P { void M() { using (x) { } } }\n",
        ["A/B/", "A/C/", "A/D/"],
    ),
    "ruby": (
        "a.rb",
        "require 'a/b'\nrequire_relative 'x'\nautoload :Foo, 'a/foo'\n# require 'no'\n",
        ["a/b", "./x", "a/foo"],
    ),
    "php": (
        "a.php",
        "<?php\nuse A\\B\\C;\nuse A\\{D, E\\F as G};\nrequire_once __DIR__ . '/y.php';\n"
        "class K { use SomeTrait; }\n",
        ["A/B/C", "A/D", "A/E/F", "./y.php"],
    ),
    "lua": ("a.lua", "local x = require('a.b')\nlocal y = require 'c'\n", ["a/b", "c"]),
    "haskell": (
        "A.hs",
        "module M where\nimport A.B (x)\nimport qualified C.D as F\n{- \nimport No\n-}\n",
        ["A/B", "C/D"],
    ),
    "elixir": (
        "a.ex",
        "defmodule M do\n  alias My.HTTPClient\n"
        "  alias My.{One, TwoParts}\n  import X.Y, only: [a: 1]\n"
        "  use Plug\nend\n",
        ["my/http_client", "my/one", "my/two_parts", "x/y", "plug"],
    ),
    "zig": ("a.zig", 'const x = @import("a/b.zig");\nconst s = @import("std");\n', ["./a/b.zig"]),
    "bash": (
        "a.sh",
        'source "$DIR/lib/x.sh"\n. ./y.sh\necho source z\n# source no.sh\n',
        ["lib/x.sh", "./y.sh"],
    ),
}


@pytest.mark.parametrize("language", CASES)
def test_imports_of(language: str) -> None:
    path, text, expected = CASES[language]
    assert list(cut_text(path, text, language).imports) == expected


def test_no_rule_is_left_untested() -> None:
    assert set(CASES) | {"tsx", "cpp"} == set(_RULES)
    assert set(_RULES) <= set(GRAMMARS)


def test_a_module_of_rust_begins_at_its_own_folder() -> None:
    text = "mod inner;\nuse super::x;\nuse super::super::y;\n"
    assert cut_text("net/mod.rs", text, "rust").imports == ("./inner", "../x", "../../y")
    assert cut_text("net/tcp.rs", text, "rust").imports == ("./tcp/inner", "./x", "../y")


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(_RULES)),
    st.lists(
        st.sampled_from(
            "import |from |use |{|}|(|)|::|.|,|\n| as |'a'|require|#include |\"b\"|x|*|mod |;|=>|é"
            "|alias A".split("|")
        ),
        max_size=40,
    ),
)
def test_broken_imports_are_read_without_failing(language: str, parts: list[str]) -> None:
    for module in cut_text("a/b.x", "".join(parts), language).imports:
        assert module and "\n" not in module


def test_a_file_of_imports_alone_is_bounded() -> None:
    text = "".join(f"import module_{i}\n" for i in range(5_000))
    assert len(cut_text("a.py", text, "python").imports) == 300
