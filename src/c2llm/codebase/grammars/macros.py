"""C as its preprocessor is used: what a grammar cannot read is told before it is parsed.

`PHP_FUNCTION(array_rotate) {` defines a function by a macro, `void API_SUFFIX(scale)(int n) {`
hides its name in one, `#ifdef` may open one brace in each of its branches. `readable` gives a file
of the same length in which a grammar sees plain definitions; `macro_name` reads what such a macro
defines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_LONGEST_CALL = 3_000
"""Bytes of the arguments of a macro that defines."""
_MOST_NESTED = 100

_TOP_LINE = re.compile(rb"\n(?=[A-Za-z_])")
# A macro by its looks: three capitals in a row.
_MACRO = rb"(?=\w{0,60}[A-Z][A-Z0-9_][A-Z])[A-Za-z_]\w*"
_DEFINER = re.compile(rb"(?:(?:static|extern|inline)[ \t]+)*(?P<macro>" + _MACRO + rb")[ \t]*\(")
_WRAPPED = re.compile(
    rb"[A-Za-z_][\w \t*&]{0,200}?[ \t*&](?P<open>(?:" + _MACRO + rb"[ \t]*)?\()[ \t]*"
    rb"[A-Za-z_]\w*[ \t]*(?P<close>\))[ \t]*\(",
)
_HEAD = re.compile(rb"(?P<before>[A-Za-z_][\w \t*&\n]{0,160}?[ \t\n*&])[A-Za-z_]\w*[ \t]*\(")
_CLASS = re.compile(
    rb"(?:typedef[ \t]+|template[ \t]*<[^;{}\n]{0,200}>[ \t]*)?(?:class|struct|union)[ \t]+"
    rb"(?P<macros>(?:[A-Z][A-Z0-9_]{3,}(?:\([^()\n]{0,80}\))?[ \t]+)+)"
    rb"(?=[A-Za-z_][\w:]{0,120}\s{0,40}(?:final\s{0,40})?[:{][^:])"
)
_ALONE = re.compile(rb"(?P<macro>[A-Z][A-Z0-9]*_[A-Z0-9_]+)[ \t]*\r?\n(?!\s{0,80}\w+[ \t]*\()")
_ENDED = re.compile(rb"(?:[;{}]|\*/|^[ \t]*(?:#|//)[^\n]*|^[A-Z_][A-Z0-9_]+)\s*\Z", re.MULTILINE)
_TYPE_WORDS = re.compile(rb"[ \t]*\w+(?:[ \t]+\w+|[ \t]*[*&])*[ \t]*\Z")
_BARE = re.compile(rb"[a-z_A-Z]\w*[ \t]*\(|\*")
_WORD = re.compile(rb"\w+")
_NOT_A_TYPE = frozenset(b"static extern inline const volatile register unsigned signed".split())
_LINUX = re.compile(
    rb"__(?:init|exit|cold|hot|must_check|always_inline|weak|used|unused|initdata|devinit|sched"
    rb"|kprobes|ref|pure|visible|latent_entropy|no_\w+|maybe_unused|bpf_kfunc|noclone)|asmlinkage"
)
_SKIP = re.compile(rb"(?:\s|/\*.{0,500}?\*/|//[^\n]*)*", re.DOTALL)
_TOKEN = re.compile(
    rb"""[()]|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|/\*.*?\*/|//[^\n]*""", re.DOTALL
)
_DECLARES = re.compile(rb"(?:DEFINE|DECLARE|IMPLEMENT)_|\w+_DEFINE_|PG_FUNCTION_INFO")
_PAIRED = re.compile(rb"TEST|BENCHMARK|FIXTURE|METHOD|SCENARIO|FUZZ")
_ARGUMENT = re.compile(
    rb"""\s*(?:"((?:[^"\\\n]|\\.)*)"|((?:\w+[\s*]+)*)([A-Za-z_]\w*(?:::\w+)*))\s*"""
)
_TAGGED = re.compile(rb"\b(?:struct|union|enum|const|unsigned|signed)\b|\*")
_TYPE = re.compile(rb"(?:void|int|char|bool|long|short|float|double|unsigned|signed|size_t|\w+_t)$")
_DIRECTIVE = re.compile(
    rb"\n[ \t]*#[ \t]*(if|ifdef|ifndef|elif|elifdef|elifndef|else|endif)\b(?:[^\\\n]|\\.)*",
    re.DOTALL,
)
_BLANK = bytes(byte if byte in b"\r\n" else 32 for byte in range(256))


@dataclass(slots=True)
class _Conditional:
    """An `#if` that is being read: its directives, and the open braces at each of them."""

    directives: list[tuple[int, int]] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)


def readable(source: bytes) -> bytes:
    """A file of C or C++ as a grammar reads it, byte for byte at the same places."""
    blanks = list(_split_branches(source))
    fills: list[tuple[int, bytes]] = []
    # Heads of functions and classes begin in the first column.
    for start in (0, *(line.end() for line in _TOP_LINE.finditer(source))):
        if call := _DEFINER.match(source, start):
            _plain_definer(source, call, blanks, fills)
        if match := _WRAPPED.match(source, start):
            blanks += [match.span("open"), match.span("close")]
        if match := _CLASS.match(source, start):
            blanks.append(match.span("macros"))
        elif match := _HEAD.match(source, start):
            blanks += _attributes(source, match)
        elif (match := _ALONE.match(source, start)) and (
            not start or _ENDED.search(source, max(0, start - 200), start)
        ):
            blanks.append(match.span("macro"))
    if not blanks and not fills:
        return source
    plain = bytearray(source)
    for start, end in blanks:
        plain[start:end] = source[start:end].translate(_BLANK)
    for start, text in fills:
        plain[start : start + len(text)] = text
    return bytes(plain)


def macro_name(source: bytes, start: int) -> tuple[str, str] | None:
    """(owner, name) of what the macro at a place defines; None when there is no such macro.

    Example:
        >>> macro_name(b"PHP_METHOD(DateTime, format) {", 0)
        ('DateTime', 'format')
        >>> macro_name(b"TEST(Stack, Pops) {", 0)
        ('', 'Stack.Pops')
    """
    call = _DEFINER.match(source, start)
    close = _closing(source, call.end()) if call else None
    if call is None or close is None:
        return None
    if not _defines(source, call["macro"], close):
        return None
    return _named(call["macro"], source[call.end() : close - 1])


def _plain_definer(
    source: bytes,
    call: re.Match[bytes],
    blanks: list[tuple[int, int]],
    fills: list[tuple[int, bytes]],
) -> None:
    """Write `MACRO(a, b) {` as `T f(    ) {`, and `MACRO(a)(int x) {` as `T f    (int x) {`."""
    close = _closing(source, call.end())
    if close is None:
        return
    start, opening = call.start("macro"), call.end() - 1
    after = _SKIP.match(source, close)
    next_byte = source[after.end() : after.end() + 1] if after else b""
    if _defines(source, call["macro"], close):
        if _named(call["macro"], source[call.end() : close - 1]) is None:
            return
        width = len(call["macro"])
        fills.append((start, b"T" + b" " * (width - 2) + b"f"))
        blanks.append((opening, close) if next_byte == b"(" else (opening + 1, close - 1))
    elif re.match(rb"[A-Za-z_]", next_byte) and after is not None:
        # `EXPORT_API(int) open(...)`: the type, where what follows does not bring its own.
        bare = _BARE.match(source, after.end())
        if bare and _TYPE_WORDS.match(source[call.end() : close - 1]):
            blanks += [(start, call.end()), (close - 1, close)]
        else:
            blanks.append((start, close))


def _defines(source: bytes, macro: bytes, close: int) -> bool:
    """Whether a body follows the macro's arguments, or the macro is one that declares."""
    after = _SKIP.match(source, close)
    position = after.end() if after else close
    if source[position : position + 1] == b"(":
        second = _closing(source, position + 1)
        if second is None:
            return False
        after = _SKIP.match(source, second)
        position = after.end() if after else second
    sign = source[position : position + 1]
    return sign == b"{" or (sign == b";" and _DECLARES.match(macro) is not None)


def _named(macro: bytes, arguments: bytes) -> tuple[str, str] | None:
    """(owner, name) by the arguments: names alone count, a string where there is no other."""
    said: list[tuple[bytes, bytes]] = []
    position = 0
    for match in _ARGUMENT.finditer(arguments):
        if match.start() != position:
            break
        if not _TAGGED.search(match[2] or b""):
            said.append((match[1] or b"", match[3] or b""))
        position = match.end() + 1
        if arguments[match.end() : position] != b",":
            break
    names = [name for _, name in said if name]
    while len(names) > 1 and _TYPE.match(names[0]):
        del names[0]
    strings = [text for text, _ in said if text]
    owner = b""
    if _PAIRED.search(macro) and len(said) >= 2 and said[0][1]:
        second = said[1][1] or said[1][0]
        if b"METHOD" in macro and said[1][1]:
            owner, name = said[0][1], second  # of a class, as `DateTime::format` would be
        else:
            name = said[0][1] + b"." + second
    elif names or strings:
        name = (names or strings)[0]
    else:
        return None
    return owner.decode(errors="replace"), name.decode(errors="replace")


def _closing(source: bytes, start: int) -> int | None:
    """The byte after the parenthesis that closes the one before `start`."""
    depth = 1
    for sign in _TOKEN.finditer(source, start, start + _LONGEST_CALL):
        if sign[0] == b"(":
            depth += 1
        elif sign[0] == b")":
            depth -= 1
            if depth == 0:
                return sign.end()
    return None


def _attributes(source: bytes, head: re.Match[bytes]) -> Iterator[tuple[int, int]]:
    """Macros between the words of a function's head, where a type is left without them."""
    start, end = head.span("before")
    words = list(_WORD.finditer(source, start, end))
    macros = [
        word
        for word in words
        if (len(word[0]) > 3 and b"_" in word[0] and re.match(_MACRO + rb"\Z", word[0]))
        or (len(word[0]) > 3 and word[0].isupper())
        or _LINUX.fullmatch(word[0])
    ]
    if not macros or len(words) < 2:
        return
    types = [word for word in words if word not in macros and word[0] not in _NOT_A_TYPE]
    if not types:
        named = [word for word in macros if not _LINUX.fullmatch(word[0])]
        kept = named[-1] if named else None
        macros = [word for word in macros if word is not kept]
    yield from (word.span() for word in macros)


def _split_branches(source: bytes) -> Iterator[tuple[int, int]]:
    """What to leave out where the branches of one `#if` do not each close what they open."""
    if b"#" not in source:
        return
    open_ifs: list[_Conditional] = []
    depth = position = 0
    for directive in _DIRECTIVE.finditer(source):
        text = source[position : directive.start()]
        depth += text.count(b"{") - text.count(b"}") - text.count(b"'{'") + text.count(b"'}'")
        position = directive.end()
        word = directive[1]
        if word.startswith(b"if"):
            open_ifs.append(_Conditional())
        if not open_ifs or len(open_ifs) > _MOST_NESTED:
            continue
        conditional = open_ifs[-1]
        conditional.directives.append(directive.span())
        conditional.depths.append(depth)
        if word.startswith(b"el"):
            depth = conditional.depths[0]
        if word != b"endif":
            continue
        open_ifs.pop()
        before = conditional.depths[0]
        ends = conditional.depths[1:]
        if b"__cplusplus" in source[slice(*conditional.directives[0])]:
            depth = before  # `extern "C" {` is closed in a conditional of its own
            continue
        depth = ends[0]
        if all(end == before for end in ends) or (len(ends) == 1 and before <= 0):
            continue
        yield conditional.directives[0]
        yield conditional.directives[1][0], conditional.directives[-1][1]
