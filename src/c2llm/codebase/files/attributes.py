"""What `.gitattributes` says of whose work a file is: `linguist-generated`, `linguist-vendored`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from c2llm.codebase.files.ignore import IgnoreRules, parse_rules
from c2llm.lazy_pattern import lazy_pattern

ATTRIBUTES_FILE = ".gitattributes"
GENERATED, VENDORED = "linguist-generated", "linguist-vendored"
_PATTERN = lazy_pattern(r'[ \t]*(?:"((?:[^"\\]|\\.)*)"|(\S+))[ \t]+(.*)')
_ESCAPE = lazy_pattern(r"\\(.)")
_FALSE = ("false", "0", "no")


@dataclass(frozen=True, slots=True)
class Attributes:
    """The lines of one file, as rules of which the last that matches a file decides."""

    rules: dict[str, IgnoreRules]
    """For each attribute where it is set, and as negated rules where it is not."""

    def verdict(self, attribute: str, path: str, name: str, *, is_directory: bool) -> bool | None:
        """Whether the attribute is set, None when no line speaks of the path."""
        rules = self.rules.get(attribute)
        return None if rules is None else rules.verdict(path, name, is_directory)


def parse_attributes(
    text: str, base: str = "", prefix: str = "", *, fold: bool = False
) -> Attributes | None:
    """Read a `.gitattributes`, or return None when it speaks of neither attribute.

    Args:
        text: The file's text.
        base: See `IgnoreRules.base`.
        prefix: See `IgnoreRules.prefix`.
        fold: See `IgnoreRules.fold`.
    """
    if "linguist-" not in text:
        return None
    lines: dict[str, list[str]] = {GENERATED: [], VENDORED: []}
    for line in text.removeprefix("\ufeff").split("\n"):
        match = _PATTERN.match(line) if "linguist-" in line else None
        if match is None or (match[2] or "").startswith(("#", "!")):
            continue
        pattern = match[2] if match[1] is None else _ESCAPE.sub(r"\1", match[1])
        for said in match[3].split():
            attribute, _, value = said.removeprefix("-").partition("=")
            if attribute in lines:
                is_set = not said.startswith("-") and value.lower() not in _FALSE
                lines[attribute].append(f"{'' if is_set else '!'}{_as_rule(pattern)}")
    rules = {
        attribute: parsed
        for attribute, said in lines.items()
        if (parsed := parse_rules("\n".join(said), base, prefix, fold=fold)) is not None
    }
    return Attributes(rules) if rules else None


def verdict(
    known: Sequence[Attributes], attribute: str, path: str, name: str, *, is_directory: bool = False
) -> bool | None:
    """What the nearest file says that says anything.

    Args:
        known: The files that speak of the path, the deepest first.
        attribute: `GENERATED` or `VENDORED`.
        path: Path below the walk's root.
        name: Its last component.
        is_directory: Whether it is a directory.
    """
    for attributes in known:
        said = attributes.verdict(attribute, path, name, is_directory=is_directory)
        if said is not None:
            return said
    return None


def _as_rule(pattern: str) -> str:
    """The pattern as an ignore file has it, where `#` and trailing blanks mean something else."""
    end = len(pattern.rstrip(" "))
    return (
        ("\\" if pattern.startswith(("#", "!")) else "")
        + pattern[:end]
        + "\\ " * (len(pattern) - end)
    )
