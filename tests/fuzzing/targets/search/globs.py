"""A glob against paths: what it means is below the tree, and what it leaves is left out."""

from __future__ import annotations

from c2llm.search.query.globs import expanded, matching
from tests.fuzzing.reading import text_of, tokens
from tests.fuzzing.target import Target

_MOST = 1_000
"""Characters of a glob, as a request has it."""


def check(data: bytes) -> None:
    """The first line is the glob, the others are paths."""
    glob, *paths = text_of(data).split("\n")
    glob, paths = glob[:_MOST], [path for path in paths if path][:50]
    if not glob:
        return
    found = matching(paths, glob)
    assert found <= set(paths)
    assert matching(paths, glob) == found
    if not any(sign in glob for sign in "*?[]{}\\") and glob not in (".", "./"):
        plain = glob.removeprefix("./").rstrip("/")
        for path in found if plain not in ("", ".") else ():
            parts = f"/{path}/"
            assert f"/{plain}/" in parts, (path, plain)
    for path in paths:
        if not any(sign in path for sign in "*?[]{}\\") and path.strip("./") and "//" not in path:
            assert path in matching(paths, path) or path.startswith("./") or path.endswith("/")
    one = expanded(glob)
    assert 1 <= len(one) <= 200


_SEEDS = [
    *(
        b"*.{ts,tsx}\na.ts\nb/c.tsx\nd.js",
        b"src/**\nsrc/a/b.py\nsrc.py",
        b"app/[id]/p.ts\napp/[id]/p.ts",
    ),
    *(
        b"**/test_*.py\na/test_b.py\ntest_c.py",
        b"{a,b{c,d}}/*\na/x\nbc/y",
        b"./\na\nb/c",
        b"a\\b\na/b",
    ),
]
_TOKENS = tokens(
    r"""
    {a,b} { } , **/ /** [!a] [z-a] [[:x:]] \\ *
    """
)

TARGET = Target(check, _SEEDS, _TOKENS)
