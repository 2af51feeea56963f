"""Bytes of a file to its text: which encoding, and one kind of line end.

In this order: a byte order mark; UTF-16 or UTF-32 by where the NULs stand; UTF-8, which no other
encoding passes for by chance; the encoding that the file declares; and else the likeliest of those
that source code was written in before UTF-8.
"""

from __future__ import annotations

import codecs
import re

from c2llm.lazy_pattern import lazy_pattern

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEAD = 8_192
_MOST_CONTROLS = 0.05
_FEW_CONTROLS = 4
"""Control characters of a text, as a share and beside it; data that is packed has a tenth."""
_LEAST_UNMARKED, _LEAST_NULS, _LEAST_READABLE = 16, 0.2, 0.9
"""Bytes, share of characters that are ASCII, and of those that can be shown, of UTF-16."""
_CONTROLS = bytes(set(range(32)) - set(b"\a\b\t\n\v\f\r\x1a\x1b")) + b"\x7f"

# PEP 263, Ruby, Emacs (`coding:`), Vim (`fenc=`), XML (`encoding="..."`), HTML and CSS (`charset`),
# Perl (`=encoding`): in a comment or a tag, not an argument that is called so.
_DECLARED = lazy_pattern(
    rb"""^[ \t\f]* (?: [^\w\s][^\n\r]*?
        (?: coding [ \t]* [:=] [ \t]* | f(?:ile)?enc(?:oding)? [ \t]* = [ \t]* )
        | [^\n\r]*<meta\s[^>]*?charset= | @charset[ \t]+ | =encoding[ \t]+ | use[ \t]+encoding[ \t]+
        | vim?:[^\n\r]*? f(?:ile)?enc(?:oding)?= )
        ["']? ([A-Za-z][\w.:-]{1,30})""",
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
_EDITOR = lazy_pattern(rb"\bvim?:|\bLocal Variables:")
_DECLARED_WITHIN = 1_024
"""Bytes at the top; Emacs and Vim look as far from the end."""

_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "tis-620": "cp874",
}
"""What is called by the narrower name is mostly written in the wider encoding."""
_NOT_DECLARED = lazy_pattern(r"utf-|idna|punycode|(raw_)?unicode_escape|undefined|mbcs|oem")
"""Codecs that are no encoding of a file, and those whose bytes tell without being named."""
_LIKELY = (
    "cp1252 cp1250 iso8859-2 cp1251 koi8-r cp866 iso8859-5 cp1253 iso8859-7 cp1254 gb18030"
    " big5hkscs cp932 euc_jis_2004 cp949"
).split()
_LIKELY_OF_A_MAC = ["mac-roman", "mac-cyrillic"]
"""Also, where lines end in CR alone."""
_LATIN = frozenset(("cp1250", "iso8859-2", "cp1254"))
_FOREIGN_RUNS = lazy_pattern(rb"[\x80-\xff]+")
_MOST_TO_GUESS_BY = 32_768
_SIGN_IN_A_WORD = lazy_pattern(rb"[A-Za-z][\xa0-\xbf][A-Za-z]")
_SIGNS = "©®°§·»«–—‘’“”„•…€£ª\u00a0"
_SURELY_WESTERN = frozenset("äöüßÄÖÜéñÑ¿¡" + _SIGNS)
_WESTERN = _SURELY_WESTERN | frozenset("áíóúÁÉÍÓÚàâçêîïôÀÇ")
_ALSO_WESTERN = _WESTERN | frozenset("èëûùìòãõÃÕåæøÅÆØÈÊ")


def decode(content: bytes) -> str:
    """A file's text with `\\n` at the ends of its lines, whatever wrote it.

    What no encoding explains has U+FFFD in its place.
    """
    text = _decoded(content)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def readable_head(content: bytes) -> bytes | None:
    """The beginning of a file for those who look at bytes: in ASCII's superset, lines at `\\n`.

    Returns:
        Some 8 kB of UTF-8, or of the file as it is where it has no NULs; None for what is no text.
    """
    head = content[:_HEAD]
    encoding, mark = _unicode(head)
    if encoding:
        text = head[mark : mark + (len(head) - mark) // 4 * 4].decode(encoding, "replace")
        head = text.encode("utf-8", "replace") if encoding != "utf-8" else head[mark:]
    elif b"\0" in head:
        return None
    else:
        controls = len(head) - len(head.translate(None, _CONTROLS))
        if controls > max(_FEW_CONTROLS, _MOST_CONTROLS * len(head)):
            return None
    return head.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in head else head


def _decoded(content: bytes) -> str:
    encoding, mark = _unicode(content[:_HEAD])
    if encoding:
        return content[mark:].decode(encoding, "replace")
    if b"\x1b$" in content and (declared := _declared(content) or "iso2022_jp_2"):
        return content.decode(declared, "replace")  # it is ASCII throughout
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    if len(text) - len(text.encode("ascii", "ignore")) > 2 * broken:
        return text  # UTF-8 of which some bytes were lost
    for name in (_declared(content), _likeliest(content)):
        if name:
            try:
                return content.decode(name)
            except UnicodeDecodeError:
                continue
    return content.decode("cp1252", "replace")


def _unicode(head: bytes) -> tuple[str, int]:
    """UTF-8, UTF-16 or UTF-32 by the mark or the NULs, and the length of the mark; or ""."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    if b"\0" not in head or len(head) < _LEAST_UNMARKED:
        return "", 0
    whole = head[: len(head) // 4 * 4]
    first, second, third, fourth = (whole[place::4].count(0) for place in range(4))
    quarter = len(whole) // 4
    candidates = []
    if third == fourth == quarter:
        candidates.append("utf-32-le")
    elif first == second == quarter:
        candidates.append("utf-32-be")
    elif first == third == 0 and second + fourth >= _LEAST_NULS * 2 * quarter:
        candidates.append("utf-16-le")
    elif second == fourth == 0 and first + third >= _LEAST_NULS * 2 * quarter:
        candidates.append("utf-16-be")
    for encoding in candidates:
        text = whole.decode(encoding, "replace")
        readable = sum(char.isprintable() or char in "\t\r\n\f" for char in text)
        if readable >= _LEAST_READABLE * len(text):
            return encoding, 0
    return "", 0


def _declared(content: bytes) -> str:
    """The encoding that the file names at its top, or for an editor at its end; or ""."""
    found = _DECLARED.search(content[:_DECLARED_WITHIN])
    if found is None and _EDITOR.search(end := content[-_DECLARED_WITHIN:]):
        found = _DECLARED.search(end)
    if found is None:
        return ""
    name = re.sub(r"-(unix|dos|mac)$", "", found[1].decode("ascii", "replace").lower())
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    if _NOT_DECLARED.match(codec.name) or not codec._is_text_encoding:
        return ""
    return _WIDER.get(codec.name, codec.name)


def _likeliest(content: bytes) -> str:
    """The encoding that text without a mark and a declaration is most probably in."""
    lines = content[: 8 * _MOST_TO_GUESS_BY].replace(b"\r", b"\n").split(b"\n")
    foreign = b"\n".join(line for line in lines if not line.isascii())[:_MOST_TO_GUESS_BY]
    runs = _FOREIGN_RUNS.findall(foreign)
    if not runs:  # the first letter beyond ASCII stands very late
        return ""
    # Between ASCII letters stand one or two of a Latin alphabet; other scripts write whole words.
    is_latin = max(map(len, runs)) <= 2 and not _SIGN_IN_A_WORD.search(foreign)
    letters = set(b"".join(runs).decode("cp1252", "replace"))
    if is_latin and letters <= _SURELY_WESTERN:
        return "cp1252"
    from chardet import detect  # 70 ms, for the few files that need it

    likely = [*_LIKELY, *_LIKELY_OF_A_MAC] if b"\n" not in content else _LIKELY
    guess = detect(foreign, include_encodings=likely, compat_names=False)["encoding"] or ""
    if is_latin and letters <= (_WESTERN if guess in _LATIN else _ALSO_WESTERN):
        return "cp1252"
    return _WIDER.get(guess, guess)
