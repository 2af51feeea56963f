"""Ignore rules as git reads them: patterns to matchers, the last one that matches decides.

Own translation rather than a library's: a walk asks for one verdict a directory entry and gets most
of them from two dictionaries, and git's corner cases are held against git itself in the tests.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass, field

_WILD = frozenset("*?[\\")
_STAR, _DEEP = "*", "**/"
"""Tokens that no regex of one character looks like."""
_ANY_DEPTH = "(?:[^/]*+/)*"
"""`**/` is also no directory at all."""
_LONGEST_WILD = 5_000
"""Characters of a pattern with wildcards; no path that a system opens is as long."""
_LOWER = {ord(char): char.lower() for char in string.ascii_uppercase}
_POSIX_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of an ignore file."""

    ignored: bool
    """False for a negated line (`!keep.py`)."""
    directories_only: bool
    """The line ended in `/`."""
    regex: str = ""
    """What a pattern with wildcards matches as a whole; "" for one that is looked up, or that can
    match nothing."""


@dataclass(slots=True)
class Wild:
    """Rules with wildcards, all held against the name or all against the path of an entry."""

    flags: int = re.DOTALL
    positions: dict[tuple[str, bool], int] = field(default_factory=dict)
    """For each regex, with whether it is for directories only, its last rule, in their order."""
    any_of: re.Pattern[str] | None = None
    """Matches where one of them does. Nearly every entry matches none, which one expression tells
    at once; the rules themselves are compiled only where it matches."""
    compiled: dict[str, re.Pattern[str]] = field(default_factory=dict)

    def add(self, rule: Rule, position: int) -> None:
        """Count a rule; an earlier one that says the same has no say any more."""
        key = rule.regex, rule.directories_only
        self.positions.pop(key, None)
        self.positions[key] = position

    def compile(self) -> None:
        """Make `any_of` when all rules are known."""
        if self.positions:
            sources = dict.fromkeys(regex for regex, _ in self.positions)
            self.any_of = re.compile("|".join(sources), self.flags)

    def last(self, text: str, is_directory: bool, best: int) -> int:
        """The position of the last rule that matches `text`, if it is above `best`; else `best`."""
        for (regex, directories_only), position in reversed(self.positions.items()):
            if position < best:
                break
            if directories_only and not is_directory:
                continue
            pattern = self.compiled.get(regex)
            if pattern is None:
                pattern = self.compiled[regex] = re.compile(regex, self.flags)
            if pattern.fullmatch(text):
                return position
        return best


@dataclass(slots=True)
class IgnoreRules:
    """The rules of one ignore file, ready to judge the entries below its directory."""

    base: str = ""
    """The file's directory below the walk's root, "" or ending in `/`."""
    prefix: str = ""
    """For an ignore file above the walk's root: the root's path below it, ending in `/`."""
    text: str = ""
    """What was parsed."""
    fold: bool = False
    """Whether `A` and `a` are one, as `core.ignorecase` has it: ASCII letters only."""
    rules: list[Rule] = field(default_factory=list)
    names: dict[str, list[int]] = field(default_factory=dict)
    """Positions of the rules without wildcard, by the name that they match."""
    suffixes: dict[str, list[int]] = field(default_factory=dict)
    """Positions of the rules like `*.pyc`, by what follows the dot."""
    paths: dict[str, list[int]] = field(default_factory=dict)
    """Positions of the rules like `docs/build`, by the path below the ignore file."""
    wild_names: Wild = field(default_factory=Wild)
    wild_paths: Wild = field(default_factory=Wild)
    wild_size: int = 0
    """Characters of the patterns with wildcards: what a verdict costs grows with them."""

    def verdict(self, path: str, name: str, is_directory: bool) -> bool | None:
        """True to ignore the entry, False to keep it, None when no rule speaks of it.

        Args:
            path: Path of the entry below the walk's root; it starts with `base`.
            name: Its last component.
            is_directory: Whether it is a directory, not a link to one.
        """
        rules = self.rules
        by_name, by_path = self.wild_names.any_of, self.wild_paths.any_of
        below = ""
        if self.paths or by_path:
            below = self.prefix + path[len(self.base) :]
        if self.fold:
            name, below = _lower(name), _lower(below)
        positions: Sequence[int] = self.names.get(name, ())
        if self.suffixes and "." in name:
            positions = (*positions, *self.suffixes.get(name.rpartition(".")[2], ()))
        if below:
            positions = (*positions, *self.paths.get(below, ()))
        best = -1
        for position in positions:
            if position > best and (is_directory or not rules[position].directories_only):
                best = position
        if by_name and by_name.fullmatch(name):
            best = self.wild_names.last(name, is_directory, best)
        if by_path and by_path.fullmatch(below):
            best = self.wild_paths.last(below, is_directory, best)
        return rules[best].ignored if best >= 0 else None

    def excludes(self, path: str) -> bool:
        """Whether a file is ignored, by itself or with a directory that it is in."""
        name, parent = "", ""
        for name in path.split("/")[:-1]:
            parent += name
            if self.verdict(parent, name, is_directory=True):
                return True
            parent += "/"
        return bool(self.verdict(path, path.rpartition("/")[2], is_directory=False))


def parse_rules(
    text: str, base: str = "", prefix: str = "", *, fold: bool = False
) -> IgnoreRules | None:
    """Compile the text of an ignore file, or return None when it holds no rule.

    Args:
        text: The file's text.
        base: See `IgnoreRules.base`.
        prefix: See `IgnoreRules.prefix`.
        fold: See `IgnoreRules.fold`.
    """
    parsed = IgnoreRules(base, prefix, text, fold)
    if fold:
        for wild in (parsed.wild_names, parsed.wild_paths):
            wild.flags |= re.IGNORECASE | re.ASCII
    for line in text.removeprefix("\ufeff").split("\n"):
        pattern = _strip(line.removesuffix("\r"))
        if pattern and not pattern.startswith("#"):
            _add(parsed, pattern)
    for wild in (parsed.wild_names, parsed.wild_paths):
        wild.compile()
    return parsed if parsed.rules else None


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(_LOWER)


def _strip(line: str) -> str:
    """The line without trailing spaces, of which one behind a backslash is kept."""
    end = len(line)
    while end and line[end - 1] == " ":
        end -= 1
    if end < len(line):
        backslashes = end - len(line[:end].rstrip("\\"))
        end += backslashes % 2
    return line[:end]


def _add(parsed: IgnoreRules, pattern: str) -> None:
    ignored = not pattern.startswith("!")
    pattern = pattern.removeprefix("!")
    directories_only = pattern.endswith("/")
    pattern = pattern.removesuffix("/")
    position = len(parsed.rules)
    if not pattern:
        return
    if pattern.startswith("**/") and pattern[3:] and "/" not in pattern[3:]:
        pattern = pattern[3:]  # at any depth, as a name alone is
    in_path, is_wild = "/" in pattern, not _WILD.isdisjoint(pattern)
    pattern = pattern.removeprefix("/")
    regex: str | None = ""
    lookup: dict[str, list[int]] | None = None
    if not is_wild:
        lookup = parsed.paths if in_path else parsed.names
    elif (
        not in_path
        and pattern.startswith("*.")
        and _WILD.isdisjoint(pattern[2:])
        and "." not in pattern[2:]
    ):
        pattern = pattern[2:]
        lookup = parsed.suffixes
    elif len(pattern) <= _LONGEST_WILD:
        regex = _regex(pattern)
    else:
        regex = None
    rule = Rule(ignored, directories_only, regex or "")
    parsed.rules.append(rule)
    if lookup is not None:
        known = lookup.setdefault(_lower(pattern) if parsed.fold else pattern, [])
        for earlier in known:  # only the last one of a kind has a say
            if parsed.rules[earlier].directories_only == directories_only:
                known.remove(earlier)
                break
        known.append(position)
    elif regex is not None:
        (parsed.wild_paths if in_path else parsed.wild_names).add(rule, position)
        parsed.wild_size += len(pattern)


def _regex(pattern: str) -> str | None:
    """Git's wildmatch with WM_PATHNAME as a regex; None for a pattern that can match nothing."""
    tokens: list[str] = []
    i, n = 0, len(pattern)
    literal = next((at for at, char in enumerate(pattern) if char in _WILD), n)
    while i < n:
        char = pattern[i]
        if char == "*":
            start = i
            while i < n and pattern[i] == "*":
                i += 1
            # Git compares what precedes the first wildcard apart: `lib**/x` is bounded.
            bounded = start == literal or pattern[start - 1] == "/"
            if i - start == 1 or not bounded or (i < n and pattern[i] != "/"):
                tokens.append(_STAR)
            elif i == n:
                tokens.append(".*")
            else:
                tokens.append(_DEEP)
                i += 1
        elif char == "?":
            tokens.append("[^/]")
            i += 1
        elif char == "[":
            source, i = _bracket(pattern, i)
            if source is None:
                return None
            tokens.append(source)
        elif char == "\\":
            if i + 1 == n:
                return None
            tokens.append(re.escape(pattern[i + 1]))
            i += 2
        else:
            tokens.append(re.escape(char))
            i += 1
    first, *below = _split(tokens, _DEEP)
    return _run(first) + "".join(
        # Any place will do for what another `**/` follows, so the first one is kept.
        f"(?>{_ANY_DEPTH}?{_run(run)})" if at < len(below) - 1 else _ANY_DEPTH + _run(run)
        for at, run in enumerate(below)
        if run or at == len(below) - 1
    )


def _run(tokens: list[str]) -> str:
    """Components of a path, without `**/`. None can be matched in two ways, but by its last star.

    What stands between two stars is taken at the first place where it fits and never again tried
    elsewhere: the time to tell that a name does not match grows with its length, not with a power.
    """
    components: list[str] = []
    for component in _split(tokens, "/"):
        first, *pieces = ("".join(piece) for piece in _split(component, _STAR))
        if pieces:
            *middle, last = pieces
            first += "".join(f"(?>[^/]*?{piece})" for piece in middle if piece) + "[^/]*" + last
        components.append(first)
    return "/".join(components)


def _split(tokens: list[str], separator: str) -> list[list[str]]:
    runs: list[list[str]] = [[]]
    for token in tokens:
        if token == separator:
            runs.append([])
        else:
            runs[-1].append(token)
    return runs


def _bracket(pattern: str, i: int) -> tuple[str | None, int]:
    """The bracket expression that starts at i as a regex, and the position behind it."""
    i += 1
    n = len(pattern)
    negated = i < n and pattern[i] in "!^"
    i += negated
    items: list[str] = []
    first = True
    previous = ""  # the left end of a possible range
    while i < n and (first or pattern[i] != "]"):
        first = False
        if pattern.startswith("[:", i):
            end = pattern.find("]", i + 2)
            if end < 0:
                return None, n
            if pattern[end - 1] == ":" and end - 1 >= i + 2:
                named = _POSIX_CLASSES.get(pattern[i + 2 : end - 1])
                if named is None:
                    return None, n
                items.append(named)
                previous, i = "", end + 1
                continue
        if pattern[i] == "-" and previous and i + 1 < n and pattern[i + 1] != "]":
            i += 1
            if pattern[i] == "\\":
                i += 1
                if i == n:
                    return None, n
            if previous <= pattern[i]:
                items.append(f"{_quoted(previous)}-{_quoted(pattern[i])}")
            previous = ""
            i += 1
            continue
        if pattern[i] == "\\":
            i += 1
            if i == n:
                return None, n
        previous = pattern[i]
        items.append(_quoted(previous))
        i += 1
    if i >= n:
        return None, n
    members = "".join(items)
    if negated:
        return f"[^/{members}]", i + 1
    return (f"(?!/)[{members}]" if members else "(?!)"), i + 1


def _quoted(char: str) -> str:
    return "\\" + char if char in r"\]^-[&~|" else char
