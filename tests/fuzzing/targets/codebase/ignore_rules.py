"""Ignore rules against paths, held against a slow reading of what git's manual says."""

from __future__ import annotations

from functools import cache

from c2llm.codebase.files.ignore import parse_rules
from tests.fuzzing.reading import text_of, tokens
from tests.fuzzing.target import Target

_MOST = 400
"""Characters of a pattern and of a path that the slow reading is asked about."""


def check(data: bytes) -> None:
    """All lines but the last are rules, and the last is a path."""
    *lines, path = text_of(data).split("\n")
    path = "/".join(part for part in path.replace("\0", "").split("/") if part)
    if not path:
        return
    rules = parse_rules("\n".join(lines))
    folded = parse_rules("\n".join(lines), fold=True)
    name = path.rpartition("/")[2]
    for is_directory in (False, True):
        said = None if rules is None else rules.verdict(path, name, is_directory)
        if len(path) <= _MOST and max(map(len, lines), default=0) <= _MOST and len(lines) < 20:
            assert said == _plainly(lines, path, name, is_directory), is_directory
        if folded is not None:
            folded.verdict(path, name, is_directory)
    if rules is not None:
        rules.excludes(path)


def _plainly(lines: list[str], path: str, name: str, is_directory: bool) -> bool | None:
    """The last line that matches decides."""
    said = None
    for number, line in enumerate(lines):
        line = line.removeprefix("\ufeff") if number == 0 else line
        line = line.removesuffix("\r")
        while line.endswith(" ") and (len(line[:-1]) - len(line[:-1].rstrip("\\"))) % 2 == 0:
            line = line[:-1]
        if not line or line.startswith("#"):
            continue
        ignored = not line.startswith("!")
        pattern = line.removeprefix("!")
        for_directories = pattern.endswith("/")
        pattern = pattern.removesuffix("/")
        if not pattern or (for_directories and not is_directory):
            continue
        text = path if "/" in pattern else name
        if _matches(pattern.removeprefix("/") if "/" in pattern else pattern, text):
            said = ignored
    return said


def _matches(pattern: str, text: str) -> bool:
    """Git's wildmatch with WM_PATHNAME, every star tried everywhere.

    What precedes the first wildcard is compared apart, so that two stars right behind it count as
    the beginning of a component.
    """
    literal = next((at for at, char in enumerate(pattern) if char in "*?[\\"), len(pattern))

    @cache
    def match(at: int, to: int) -> bool:
        if at == len(pattern):
            return to == len(text)
        char = pattern[at]
        if char == "*":
            end = at
            while end < len(pattern) and pattern[end] == "*":
                end += 1
            bounded = at in (0, literal) or pattern[at - 1] == "/"
            deep = end - at > 1 and bounded and (end == len(pattern) or pattern[end] == "/")
            if deep and end < len(pattern):
                starts = [to, *(n + 1 for n in range(to, len(text)) if text[n] == "/")]
                return any(match(end + 1, start) for start in starts)
            for stop in range(to, len(text) + 1):
                if match(end, stop):
                    return True
                if not deep and stop < len(text) and text[stop] == "/":
                    return False
            return False
        if to == len(text):
            return False
        if char == "?":
            return text[to] != "/" and match(at + 1, to + 1)
        if char == "[":
            found, end = _bracket(pattern, at, text[to])
            return found and match(end, to + 1)
        if char == "\\":
            return at + 1 < len(pattern) and pattern[at + 1] == text[to] and match(at + 2, to + 1)
        return char == text[to] and match(at + 1, to + 1)

    return _is_closed(pattern) and match(0, 0)


_CLASSES = {
    "alnum": str.isalnum, "alpha": str.isalpha, "blank": " \t".__contains__,
    "cntrl": lambda c: ord(c) < 32 or ord(c) == 127, "digit": str.isdigit,
    "graph": lambda c: 32 < ord(c) < 127, "lower": str.islower,
    "print": lambda c: 31 < ord(c) < 127,
    "punct": lambda c: 32 < ord(c) < 127 and not c.isalnum(), "space": str.isspace,
    "upper": str.isupper, "xdigit": "0123456789abcdefABCDEF".__contains__,
}  # fmt: skip


def _is_closed(pattern: str) -> bool:
    """Whether no bracket and no backslash is left open; one that is matches nothing."""
    at = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 2
            if at > len(pattern):
                return False
        elif pattern[at] == "[":
            at = _bracket(pattern, at, "a")[1]
            if at < 0:
                return False
        else:
            at += 1
    return True


def _bracket(pattern: str, at: int, char: str) -> tuple[bool, int]:
    """Whether a set has a character, and where it ends; -1 for one that does not end."""
    at += 1
    negated = pattern[at : at + 1] in ("!", "^") and bool(pattern[at : at + 1])
    at += negated
    found, first, before = False, True, ""
    while True:
        if at >= len(pattern):
            return False, -1
        one = pattern[at]
        if one == "]" and not first:
            break
        first = False
        if one == "[" and pattern[at + 1 : at + 2] == ":":
            end = pattern.find("]", at + 2)
            if end < 0:
                return False, -1
            if pattern[end - 1] == ":" and end - 1 >= at + 2:
                kind = _CLASSES.get(pattern[at + 2 : end - 1])
                if kind is None:
                    return False, -1
                found |= char.isascii() and bool(kind(char))
                before, at = "", end + 1
                continue
        if one == "-" and before and at + 1 < len(pattern) and pattern[at + 1] != "]":
            at += 1
            if pattern[at] == "\\":
                at += 1
            if at >= len(pattern):
                return False, -1
            found |= before <= char <= pattern[at]
            before, at = "", at + 1
            continue
        if one == "\\":
            at += 1
            if at >= len(pattern):
                return False, -1
            one = pattern[at]
        found |= char == one
        before, at = one, at + 1
    return (found != negated) and char != "/", at + 1


_SEEDS = [
    *(b"*.py[co]\nbuild/\n/docs/**/a?\n!keep.py\n\nsrc/keep.py", b"**/lib/*.so\nlib/x.so"),
    *(
        b"a/**\n!a/b\na/b/c",
        b"[!a-c]x\\ \n\\#a\n# no\ndx",
        b"[[:alpha:]]*\\*\nab*",
        b"lib**/x\nliba/x",
    ),
    *(
        b"*a*b*c\n***/d\naXbXc",
        b"\xef\xbb\xbffoo \r\n*.LOG\nfoo",
        b"a/**/**/b\na/b",
        b"[]-a]\n[^/]\n-",
    ),
]
_TOKENS = tokens(
    r"""
    **/ /** * ? [a-z] [! [] [[:space:]] \\\x20 ! a/b \n!a\n
    """
)

TARGET = Target(check, _SEEDS, _TOKENS, answers=())
