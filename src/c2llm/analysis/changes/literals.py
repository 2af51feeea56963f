"""Numbers and strings as they are meant, whatever their spelling."""

from __future__ import annotations

import re

_NUMBER = re.compile(
    r"(?P<digits>0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+"
    r"(?:[eE][+-]?\d+)?)(?P<suffix>[A-Za-z]\w*)?"
)
_SEPARATORS = re.compile(r"(?<=[0-9a-fA-F])[_'](?=[0-9a-fA-F])")
_STRING = re.compile(
    r"(?P<prefix>[A-Za-z@$#]{0,3}?)(?P<quote>\"\"\"|'''|#*\"|'|`)(?P<body>.*?)(?P=quote)#*", re.S
)
_ONE_QUOTE = frozenset(
    "python starlark javascript typescript tsx jsx vue svelte astro ruby php perl lua luau dart"
    " bash fish zsh toml yaml r julia coffeescript gdscript groovy sql css scss less".split()
)
"""Languages in which `'a'` and `"a"` are the same text."""
_FILLED = re.compile(r"[$#`\\]|@\{")
"""What one of the quotes may fill in or escape, and the other one not."""
_FILLED_IN = frozenset("ruby php perl bash fish zsh elixir crystal coffeescript groovy".split())
_MOST = 400


def meant_number(text: str) -> str:
    """A number in one spelling: `1_000` is `1000`, `0XFF` is `255`, `1.50` is `1.5`."""
    plain = _SEPARATORS.sub("", text)
    match = _NUMBER.fullmatch(plain)
    if match is None or len(plain) > _MOST:
        return text
    digits, suffix = match["digits"].lower(), (match["suffix"] or "").lower()
    try:
        if digits[:2] in ("0x", "0b", "0o"):
            return f"{int(digits, 0)}{suffix}"
        if digits.isdigit():
            old_octal = len(digits) > 1 and digits.startswith("0")
            return plain.lower() if old_octal else f"{int(digits)}{suffix}"
        return f"{float(digits)!r}{suffix}"
    except ValueError:
        return text


def meant_string(text: str, language: str) -> str:
    """A string in one spelling, `"…"` where the quotes mean nothing; another one as it stands."""
    match = _STRING.fullmatch(text)
    if match is None:
        return text
    prefix, quote, body = match["prefix"], match["quote"], match["body"]
    if language == "python":
        prefix = prefix.lower().replace("u", "")
        if "\\" not in body:
            prefix = prefix.replace("r", "")
        if "{" not in body and "}" not in body:
            prefix = prefix.replace("f", "")
    if quote == "`":
        plain = language == "go" or "${" not in body
        plain = plain and "\\" not in body and "\n" not in body
        return f'{prefix}"{_quoted(body, quote)}"' if plain and '"' not in body else text
    if quote in ('"""', "'''"):
        if language != "python" or "\n" in body:
            return f"{prefix}{quote}{body}{quote}" if language != "python" else f"{prefix}3{body}"
        return f'{prefix}"{_quoted(body, quote)}"'
    if language not in _ONE_QUOTE or "#" in quote:
        return text
    if language in _FILLED_IN and _FILLED.search(body):
        return text
    return f'{prefix}"{_quoted(body, quote)}"'


def _quoted(body: str, quote: str) -> str:
    """A body between double quotes: neither escapes the other quote without need."""
    if quote[0] == "'":
        body = re.sub(r"(?<!\\)((?:\\\\)*)\\'", r"\1'", body)
        return re.sub(r'(?<!\\)((?:\\\\)*)"', r"\1\\" + '"', body)
    if quote == '"':
        return re.sub(r"(?<!\\)((?:\\\\)*)\\'", r"\1'", body)
    return body


def joined_strings(first: str, second: str) -> str | None:
    """Two strings of one kind that stand side by side, as one; None where they are of two kinds."""
    if first.endswith('"') and second.endswith('"'):
        prefix, _, body = first[:-1].partition('"')
        other, _, rest = second[:-1].partition('"')
        if prefix == other:
            return f'{prefix}"{body}{rest}"'
    return None
