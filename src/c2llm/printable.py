"""Text as it may be shown: what steers a terminal or hides in it is written out.

A repository is hostile input: a name or a line of code must neither move a cursor nor carry words
that a person does not see and a language model reads.
"""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING

from c2llm.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    import re

UNSEEN = lazy_pattern(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\ud800-\udfff\ufeff\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e007f]"
)
"""What steers a terminal or hides text in it: control characters but the tab, marks of direction,
characters of no width, line separators, and halves of characters, as names that are no UTF-8 have
them."""


def printable(text: str) -> str:
    """One line of text as it may be shown: a file must not steer the terminal.

    Everything that is written of names, code and notes goes through here, or through JSON that
    escapes the same. A line break inside a name is escaped as well, since it would begin a line
    that nobody wrote.
    """
    return UNSEEN.sub(_escaped, text) if not text.isprintable() else text


class _Shortened(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = 4
        self.maxstring = self.maxother = self.maxlong = 60

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write a number of more than some thousand digits, which TOML and YAML
        # may have in hexadecimal.
        bits = x.bit_length()
        return super().repr_int(x, level) if bits < _MOST_BITS else f"a number of {bits:,} bits"


_MOST_BITS = 1_000
_MOST_QUOTED = 80


def quoted(value: object) -> str:
    """A value of a file or a request as an error may quote it: some eighty characters of it.

    Unlike `repr` it takes no longer for a value that is huge, nested, or, as YAML's aliases make
    them, in itself a thousand times.
    """
    said = _Shortened().repr(value)
    return said if len(said) <= _MOST_QUOTED else f"{said[: _MOST_QUOTED - 2]} …"


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    if 0xDC80 <= number <= 0xDCFF:  # a byte of a name that is no UTF-8
        return f"\\x{number - 0xDC00:02x}"
    named = {9: "\\t", 10: "\\n", 13: "\\r"}
    if number < 0x80:
        return named.get(number, f"\\x{number:02x}")
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
