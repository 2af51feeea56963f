"""Comments that a compiler, an interpreter or a build acts upon."""

from __future__ import annotations

import re

_ANYWHERE = re.compile(
    r"#!.*"  # what runs the file
    r"|(#|//|--|%|;+)[ \t]*-\*-.*\bcoding[:=].*"
    r"|/\*[+!].*"  # hints of a query, and code that one database alone runs
    r"|\{-#.*",  # pragmas of Haskell
    re.S,
)
_BY_LANGUAGE = {
    "go": r"//go:(?!generate).*|//[ \t]*\+build\b.*|//export\b.*"
    r"|(//|/\*)[ \t]*#(cgo|include)\b.*",
    "ruby": r"#[ \t]*(frozen_string_literal|(en)?coding|warn_indent"
    r"|shareable_constant_value)[ \t]*:.*",
    "python": r"#[ \t]*((en)?coding[:=]|(cython|distutils):).*",
    "dockerfile": r"#[ \t]*(syntax|escape|check)[ \t]*=.*",
    "swift": r"//[ \t]*swift-tools-version.*",
    "powershell": r"#requires\b.*",
    "pascal": r"(\{|\(\*)\$.*",
    "perl": r"#line\b.*",
    **dict.fromkeys(
        ("javascript", "typescript", "tsx", "jsx"),
        r"/\*+[ \t*]*(@jsx\w*|webpack\w+:|@vite-ignore|[#@]__PURE__).*",
    ),
}
_IN_LANGUAGE = {
    language: re.compile(pattern, re.S | re.I) for language, pattern in _BY_LANGUAGE.items()
}


def is_directive(comment: str, language: str) -> bool:
    """Whether a comment of a language is more than a remark.

    Args:
        comment: With its signs, its layout as single spaces.
        language: The language it stands in.
    """
    if _ANYWHERE.fullmatch(comment):
        return True
    own = _IN_LANGUAGE.get(language)
    return own is not None and own.fullmatch(comment) is not None
