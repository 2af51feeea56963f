"""A glob means the path that it spells, else what its wildcards match."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.errors import UsageError
from c2llm.search.query.globs import expanded, matching
from c2llm.search.request import SearchRequest

PATHS = [
    "app/[id]/page.tsx",
    "app/[...slug]/page.tsx",
    "app/[[...all]]/route.ts",
    "app/i/page.tsx",
    "app/(group)/layout.tsx",
    "app/$user/index.ts",
    "lib/a.ts",
    "lib/b.tsx",
    "lib/c.js",
    "lib/deep/d.mts",
    "lib/{braces}.py",
    "lib/a,b.py",
    "src/net/retry.py",
    "src/net/[0-9].txt",
    "src/net/7.txt",
    "src/net/x*y.c",
    "src/net/xzy.c",
    "tests/net/retry.py",
    "Makefile",
    "what?.md",
    "whats.md",
]


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("*.{ts,tsx}", {p for p in PATHS if p.endswith((".ts", ".tsx"))}),
        ("**/*.{js,mts}", {"lib/c.js", "lib/deep/d.mts"}),
        ("lib/{a,b}.{ts,tsx}", {"lib/a.ts", "lib/b.tsx"}),
        (
            "{lib,src/net}/*.{js,{p,r}y}",
            {"lib/c.js", "lib/{braces}.py", "lib/a,b.py", "src/net/retry.py"},
        ),
        ("lib/{c,}.js", {"lib/c.js"}),
        ("lib/{braces}.py", {"lib/{braces}.py"}),
        ("{lib,tests}", {p for p in PATHS if p.startswith(("lib/", "tests/"))}),
        ("app/[id]/page.tsx", {"app/[id]/page.tsx"}),
        ("app/[id]", {"app/[id]/page.tsx"}),
        ("[id]", {"app/[id]/page.tsx"}),
        ("app/[id]/*", {"app/[id]/page.tsx"}),
        ("app/[id]/*.{ts,tsx}", {"app/[id]/page.tsx"}),
        (r"app/\[id\]/page.tsx", {"app/[id]/page.tsx"}),
        ("app/[...slug]/*.tsx", {"app/[...slug]/page.tsx"}),
        ("app/[[...all]]/*", {"app/[[...all]]/route.ts"}),
        ("app/[hij]/page.tsx", {"app/i/page.tsx"}),
        ("app/(group)/*", {"app/(group)/layout.tsx"}),
        ("(group)", {"app/(group)/layout.tsx"}),
        ("app/$user/index.ts", {"app/$user/index.ts"}),
        ("$user", {"app/$user/index.ts"}),
        ("src/net/[0-9].txt", {"src/net/[0-9].txt"}),
        ("*/[6-8].txt", {"src/net/7.txt"}),
        ("x*y.c", {"src/net/x*y.c"}),
        ("src/net/x*y.*", {"src/net/x*y.c", "src/net/xzy.c"}),
        ("what?.md", {"what?.md"}),
        ("wha*.md", {"what?.md", "whats.md"}),
        ("net", {p for p in PATHS if "/net/" in p}),
        ("./src/net/", {p for p in PATHS if p.startswith("src/net/")}),
        (r"src\net", {p for p in PATHS if p.startswith("src/net/")}),
        ("retry.py", {"src/net/retry.py", "tests/net/retry.py"}),
        ("src/**/retry.py", {"src/net/retry.py"}),
        ("**/Makefile", {"Makefile"}),
        (".", set(PATHS)),
        ("*.rs", set()),
        ("nowhere/{a,b}", set()),
        ("[", set()),
        ("{", set()),
        ("{,}", set()),
    ],
)
def test_what_a_glob_means(glob: str, expected: set[str]) -> None:
    assert matching(PATHS, glob) == expected


@pytest.mark.parametrize(
    ("glob", "forms"),
    [
        ("a", ["a"]),
        ("{a}", ["{a}"]),
        ("{a,b}c", ["ac", "bc"]),
        ("x{a,{b,c}d}", ["xa", "xbd", "xcd"]),
        ("{a,b}{1,2}", ["a1", "a2", "b1", "b2"]),
        ("{{x}}", ["{{x}}"]),
        ("a,b}", ["a,b}"]),
        ("{a,b", ["{a,b"]),
    ],
)
def test_braces_are_choices(glob: str, forms: list[str]) -> None:
    assert sorted(expanded(glob)) == sorted(forms)


def test_braces_that_stand_for_very_many_are_refused_at_the_door() -> None:
    for field in ("include", "exclude"):
        with pytest.raises(UsageError, match="stand for more than"):
            SearchRequest("x", **{field: "{a,b}" * 100})  # type: ignore[arg-type]


@settings(max_examples=100, deadline=None)
@given(
    st.text("ab*?[]{},!/\\-.", max_size=20), st.lists(st.text("ab/[]{},.", min_size=1, max_size=9))
)
def test_any_text_is_a_glob(glob: str, paths: list[str]) -> None:
    found = matching(paths, glob) if len(expanded(glob)) else set()
    assert found <= set(paths)
    if glob in paths and glob == glob.removeprefix("./").rstrip("/") != ".":
        assert glob in found


def test_many_wildcards_do_not_explode() -> None:
    assert matching(["a" * 5_000 + "c"], "*a" * 400 + "b") == set()
    assert matching(["a/" * 900 + "c"], "**/" * 300 + "b") == set()
