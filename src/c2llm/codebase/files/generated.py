"""Whether a file says of itself that a program wrote it: a sentence of its own head comment.

A marker in a string, in an example or in prose about generated code makes nothing generated: a
generator, a linter that looks for markers and the documentation of both are written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from c2llm.codebase.languages import family

_HINTS = (b"generated", b"made by gnu")

# Comments that end with a mark of their own; the longest openings first.
_BLOCKS = (
    ("<!--", "-->"),
    ("--[[", "]]"),
    ("=begin", "=end"),
    ('r"""', '"""'),
    ('"""', '"""'),
    ("'''", "'''"),
    ("/*", "*/"),
    ("{-", "-}"),
    ("(*", "*)"),
    ("#|", "|#"),
    ("#=", "=#"),
    ("<#", "#>"),
    ("%{", "%}"),
    ("@*", "*@"),
    ("{", "}"),
)
_SLASHES = frozenset(
    """
    c cpp csharp css d dart fsharp glsl go groovy java javascript kotlin less objc proto rust scala
    scss solidity swift tsx typescript vala verilog zig
    """.split()
)
"""Languages in which a line that begins with `#` is no comment."""
_LINE = re.compile(
    r"""(?: //+[!/]? | \#+! | \#+ | --+ | ;+ | %+ | "(?!") | '(?!') | \*+(?!/) | ! | \.\.(?=\s)
    | \.?\\" | (?i:@?rem|dnl|c)(?=\s|$) | ::+ )""",
    re.VERBOSE,
)
_STEPPED_OVER = re.compile(
    r"""<\?(php|xml)\b.* | <!doctype\b.* | ['"]use\ strict['"];? | @(charset|echo\ off)\b.*
    | (package|module|namespace)\s+[\w.:/-]+\s*;? | \#\s*(pragma|ifndef|define|include|if|endif)\b.*
    | <\w[\w:-]*( [^<>]*)?>? | \{%.* | <%.*""",
    re.VERBOSE | re.IGNORECASE,
)
"""What may stand above a head comment and is none."""

_RIGHT = " \t*#|-=/"
_DECORATION = re.compile(r"^\s*[*|]+(?=\s|$)")
_FRAME = re.compile(r"^[*!#|=~/-]+\s+")
_NESTED = re.compile(r"(//|#|/\*|--|;|%)")
_NO_PROSE = re.compile(
    r"[Cc]opyright\b|COPYRIGHT\b|SPDX-|@\w|-\*-|[a-z][\w-]*:|eslint|\+build|\(c\)"
)
_SENTENCE_END = re.compile(r"(?<=[.!?;:])\s+|\s+[-–—*=~]+\s+|(?<=[\w)])\s*\.{2,}\s*|\s*[()\[\]]\s*")

# Spaces are written so that they count in verbose patterns too.
_AUTO = r"(auto|auto-|auto\ |automatically[-\ ]|machine[-\ ]|programmatically\ )?"
_OBJECT = r"(file|code|source|source\ code|class|module|script|header|document|content|output)s?"
_PREFIX = r"((please\ )?(note|be\ aware)(\ that)?,?\ |(please|warning|attention|important),?\ )?"
_IS = r"(is|was|has\ been|have\ been|are|were|gets|is\ being)"
_SAYS_SO = re.compile(
    rf"""{_PREFIX}(
      this\ ([\w.+/-]+\ ){{0,3}}{_OBJECT}\ {_IS}\ ((an?|all|entirely)\ )?@?{_AUTO}(re)?generated\b
    | this\ ([\w.+/-]+\ ){{0,2}}{_OBJECT}\ is\ (the\ )?output\ of\ .*\bgenerator\b
    | this\ (is|file\ contains|file\ holds)\ (an?\ )?@?{_AUTO}generated\ {_OBJECT}\b
    | the\ following\ code\ {_IS}\ {_AUTO}generated\b
    | (auto|auto-|auto\ |automatically\ |machine-)generated(\ {_OBJECT})?
      (\ (by|from|with|using|via|on|at)\b.*|\W*$|,\ do\ not\ .*)
    | generated\ (automatically|mechanically)\b.*
    | [^"'`]*\bgenerated\ (by|from|with|using)\ .*
      ,\ (please\ )?(do\ not|don't)\ (edit|modify|change)\b.*
    | generated\ by\ the\ protocol\ buffer\ compiler\b.*
    | generated\ from\ \S+\ by\ \S+.*
    | (a\ )?(lexical\ )?(scanner|parser)\ generated\ by\ .*
    | .*\bparser,?\ made\ by\ gnu\ bison\b.*
    | @generated(\W*$|\ signedsource\b|\ (by|from|with|using|via|automatically|in)\b)
    | <auto-?generated\b
    )""",
    re.VERBOSE,
)
"""What a sentence says that needs no other one beside it."""
_TELLS_OF_GENERATING = re.compile(
    rf"""{_PREFIX}(({_OBJECT}|it|this)\ )?({_IS}\ )?(an?\ )?@?{_AUTO}(re)?generated
    (\ {_OBJECT})?(\ (by|from|with|using|via|on|at|in|automatically|through)\b.*|\W*$)""",
    re.VERBOSE,
)
_FORBIDS = re.compile(
    rf"""{_PREFIX}(do\ not|don'?t|never|must\ not)\ (ever\ )?(manually\ )?
    (edit|modify|change|touch|alter|update)(\ or\ \w+)?\b
    (\ (this|the|it|by\ hand|manually|directly|these|any)\b
      (?!\ (\w+\ )?\w+\ (in\ place|of|in|on)\b).*
     |,?\W*$|,\ .*\bgenerated\W*$|,?\ (since|because|as|it|this)\b.*)""",
    re.VERBOSE,
)
_FORBIDS_AND_TELLS = re.compile(
    rf"\b(it|which|file|code)\ {_IS}\ {_AUTO}(re)?generated\b"
    rf"|\b{_AUTO}generated(\ (by|from)\b|\W*$)"
)
_BY_HAND_SINCE = re.compile(
    r"""\bhand[-\ ](written|edited|maintained|tuned|modified|coded|crafted)\b
    | (?<!not\ be\ )(?<!not\ )(?<!never\ be\ )(?<!never\ )(?<!be\ )
      \b(edited|modified|maintained|changed|adjusted|extended|written|kept)\ (by\ hand|manually)\b
    | \b(safe|free|fine|ok|okay|welcome)\ to\ (be\ )?(edit|modify|change)
    | \b(no\ longer|not|never)\ ((auto|auto-|automatically\ )?(re)?generated)\b
    | \b(originally|initially|first|once|partly|partially)\ (auto|auto-)?generated\b
    """,
    re.VERBOSE,
)


def says_generated(head: bytes, language: str) -> bool:
    """Whether the comment that a file begins with says that a program wrote the file.

    Args:
        head: The first bytes of the file.
        language: Its language, which tells what a comment is.
    """
    lower = head.lower()
    if not any(hint in lower for hint in _HINTS):
        return False
    sentences = list(_sentences(_head_comment(head.decode("utf-8", "replace"), language)))
    if any(_BY_HAND_SINCE.search(sentence) for sentence in sentences):
        return False
    for number, sentence in enumerate(sentences):
        if _SAYS_SO.match(sentence):
            return True
        if _FORBIDS.match(sentence):
            beside = sentences[max(0, number - 2) : number + 3]
            if _FORBIDS_AND_TELLS.search(sentence) or any(map(_TELLS_OF_GENERATING.match, beside)):
                return True
    return False


def _head_comment(text: str, language: str) -> Iterator[str]:
    """The lines of the comments above the first code, without their marks; "" between two."""
    is_prose = family(language) == "prose"
    end = ""
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n")):
        rest = line.strip()
        opened = not end
        if not end:
            if not rest or (number == 0 and rest.startswith("#!")):
                yield ""
                continue
            opening = _block(rest, language)
            if opening is not None and (opening[0] == "<!--" or not is_prose):
                rest, end = rest[len(opening[0]) :], opening[1]
                yield ""
        if end:
            inside, closing, after = (rest if opened else line).partition(end)
            yield _DECORATION.sub("", inside).rstrip(_RIGHT)
            if closing:
                end = ""
                yield ""
                if after.strip(" \t;") and not _LINE.match(after.strip()):
                    return
            continue
        mark = _LINE.match(rest)
        if _STEPPED_OVER.fullmatch(rest) or (rest.startswith("#") and language in _SLASHES):
            yield ""
        elif mark is None or (is_prose and language not in ("tex", "rst")):
            return
        else:
            yield rest[mark.end() :].rstrip(_RIGHT)


def _block(rest: str, language: str) -> tuple[str, str] | None:
    for opening, end in _BLOCKS:
        if rest.startswith(opening) and (opening != "{" or language == "pascal"):
            return opening, end
    return None


def _sentences(lines: Iterator[str]) -> Iterator[str]:
    """The sentences of a comment in lower case; one may go over several lines."""
    paragraph, announced = "", False
    for line in lines:
        text = line.strip()
        if text:
            # An example is not what the comment says: "the line" in `// // Code generated ...`.
            is_quoted = _NESTED.match(text) is not None
            is_indented = line.startswith(("    ", "\t", " \t")) and not text.startswith("<")
            if text.startswith("//") or (announced and (is_quoted or is_indented)):
                text = ""
            else:
                announced = text.endswith(":")
        text = _FRAME.sub("", text)
        if not text or not _continues(paragraph, text):
            yield from _split(paragraph)
            paragraph = text
        else:
            paragraph = f"{paragraph} {text}"
    yield from _split(paragraph)


def _continues(before: str, line: str) -> bool:
    """Whether a line goes on with the sentence of the lines before it."""
    if not before or before[-1] in ".!?;:*-=>" or _NO_PROSE.match(before):
        return False
    if line[0].islower() or before.endswith(","):
        return True
    if before.isupper() and line.isupper():
        return True
    return len(before.split()) >= 4 and (before[-1].islower() or before[-1] in "'\"`")


def _split(paragraph: str) -> Iterator[str]:
    for sentence in _SENTENCE_END.split(paragraph):
        cleaned = " ".join(sentence.split()).lower()
        if cleaned:
            yield cleaned
