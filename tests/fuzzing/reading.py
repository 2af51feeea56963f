"""How a target takes its bytes apart into what a reader wants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")


def text_of(data: bytes) -> str:
    """Text; bytes that are no UTF-8 become lone surrogates, as in an argument of a command."""
    return data.decode("utf-8", "surrogateescape")


def headed(data: bytes, choices: Sequence[_T]) -> tuple[_T, bytes]:
    """The choice that the first line names, and the rest; any other line names one too."""
    first, _, rest = data.partition(b"\n")
    for choice in choices:
        if str(choice).encode() == first:
            return choice, rest
    return choices[sum(first) % len(choices)], rest


def head(choice: object, rest: bytes | str) -> bytes:
    """An input that `headed` takes apart again."""
    return f"{choice}\n".encode() + (rest.encode() if isinstance(rest, str) else rest)


def tokens(text: str) -> tuple[bytes, ...]:
    r"""Tokens between blanks, with Python's escapes, `\x20` for a blank: as UTF-8."""
    escaped = (token.encode("ascii", "backslashreplace") for token in text.split())
    return tuple(one.decode("unicode_escape").encode("utf-8", "surrogatepass") for one in escaped)
