"""Fortran in fixed form, as on punched cards, for a grammar that reads free form."""

from __future__ import annotations

import re

_COMMENT = re.compile(rb"^(?:\*|[cC](?=[ \t>*!=-]|\r?$))", re.MULTILINE)
_FREE = re.compile(
    rb"^(?:module|program|subroutine|function|use|end|implicit|contains|interface|call)\b"
    rb"|&[ \t]*(?:!.*)?\r?$",
    re.MULTILINE | re.IGNORECASE,
)
_CONTINUED = re.compile(rb"\n {5}[^ 0\t\r\n!]")


def free_form(source: bytes) -> bytes:
    """A file as free form, byte for byte at the same places; free form stays as it is.

    Comments get the mark of free form. A line that goes on gets its `&`, in the place of its last
    sign if that must be.
    """
    comments = list(_COMMENT.finditer(source))
    continued = list(_CONTINUED.finditer(source))
    if not (comments or continued) or _FREE.search(source):
        return source
    plain = bytearray(source)
    for match in comments:
        plain[match.start()] = ord("!")
    for match in continued:
        plain[match.end() - 1] = ord(" ")
        before = source.rfind(b"\n", 0, match.start()) + 1
        text = bytes(plain[before : match.start()])
        if text.strip() and not text.lstrip().startswith(b"!"):
            room = before + len(text.rstrip())
            plain[min(room, match.start() - 1)] = ord("&")
    return bytes(plain)
