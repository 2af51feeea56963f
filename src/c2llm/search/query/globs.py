"""Paths that a glob means: `*.{ts,tsx}`, `src/**`, a directory, or a path with brackets in it.

What is written may be the very path of a file, `app/[id]/page.tsx` or `routes/(auth)/$user.ts`, so
a glob is understood in the first of three ways in which any file matches: as it stands; with `*`,
`?` and braces alone; with `[...]` as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import translate
from itertools import pairwise

from c2llm.errors import UsageError

_MOST = 200
"""Globs that the braces of one may stand for."""


def matching(paths: Sequence[str], glob: str) -> set[str]:
    """Those of the paths that a glob means; none where it is like none of them."""
    plain = glob.removeprefix("./").rstrip("/")
    if plain in ("", "."):  # `./` and `.` are all below the root
        return set(paths)
    for spelled in dict.fromkeys((plain, re.sub(r"\\(.)", r"\1", plain), plain.replace("\\", "/"))):
        if found := {path for path in paths if _is_below(path, spelled)}:
            return found
    for pattern in (re.sub(r"\[", "[[]", plain), plain):
        matches = [re.compile(translate(form)).match for form in _forms(pattern)]
        named = [re.compile(translate(one)).match for one in expanded(pattern) if "/" not in one]
        found = {
            path
            for path in paths
            if any(match(path) for match in matches)
            or any(match(path.rpartition("/")[2]) for match in named)
        }
        if found:
            return found
    return set()


def expanded(glob: str) -> list[str]:
    """A glob without braces for each that its braces stand for; `{x}` is no choice and stays.

    Raises:
        UsageError: they are too many.
    """
    found = [glob]
    done: list[str] = []
    while found:
        one = found.pop()
        choice = _choice(one)
        if choice is None:
            done.append(one)
        else:
            start, end, parts = choice
            found += [one[:start] + part + one[end:] for part in reversed(parts)]
        if len(found) + len(done) > _MOST:
            raise UsageError(
                f"The braces of {glob!r:.60} stand for more than {_MOST} globs; give some of them."
            )
    return done


def _choice(glob: str) -> tuple[int, int, list[str]] | None:
    """Where the first braces with a comma of their own begin and end, and what they choose from."""
    opened: list[tuple[int, list[int]]] = []
    first: tuple[int, int, list[str]] | None = None
    for at, char in enumerate(glob):
        if char == "{":
            opened.append((at, []))
        elif char == "," and opened:
            opened[-1][1].append(at)
        elif char == "}" and opened:
            start, commas = opened.pop()
            if commas and (first is None or start < first[0]):
                ends = [start, *commas, at]
                parts = [glob[a + 1 : b] for a, b in pairwise(ends)]
                first = (start, at + 1, parts)
    return first


def _forms(glob: str) -> Iterator[str]:
    """What whole paths are compared with."""
    for one in expanded(glob):
        yield one
        yield f"{one}/*"
        if "**/" in one:
            yield one.replace("**/", "")
        if "/" not in one:
            yield f"*/{one}/*"


def _is_below(path: str, plain: str) -> bool:
    """Whether a path is this one, or below this directory; a bare name may stand anywhere."""
    if path == plain or path.startswith(f"{plain}/"):
        return True
    return "/" not in plain and f"/{plain}/" in f"/{path}/"
