"""From a comment as it stands in the source to prose, and from prose to its first sentence."""

from __future__ import annotations

import html
import re
import textwrap

_LONGEST = 8000
"""Characters; no first paragraph is longer, and patterns below are not made for a megabyte."""

_STRING = re.compile(r"""^[rRbBuUfF]{0,2}('{3}|"{3}|'|")(.*?)\1?$""", re.DOTALL)
_ELIXIR = re.compile(r'^@\w+\s*\(?\s*(?:~[sS])?("{3}|")(.*?)\1\w*\)?$', re.DOTALL)
_LUA_BLOCK = re.compile(r"--\[=*\[")
_STAR = re.compile(r"^[ \t]*\*+(?!\*)[ \t]?", re.MULTILINE)
_BLOCKS = (
    ("(*", "*)"),
    ("#|", "|#"),
    ("<#", "#>"),
    ("/-", "-/"),
    ("/+", "+/"),
    ("#[", "]#"),
    ("%{", "%}"),
    ("{", "}"),
)
_LINE = re.compile(
    r"^[ \t]*(?://[/!+]*<?|#+[':!?|]?|--+[ \t]?[|^!]?|;+|%+!?|!+[><]?|'+|\(\*+|rem\b|::)[ \t]?",
    re.MULTILINE | re.IGNORECASE,
)
_CARD = re.compile(r"^(?:\*>?|[cC](?=[ \t]|$))[ \t]?", re.MULTILINE)
_RULE = re.compile(r"^(?:[^\w\n]|_){3,}$", re.MULTILINE)

_SUMMARY_TAG = re.compile(r"<summary>(.*?)</summary>", re.DOTALL | re.IGNORECASE)
_INLINE_TAG = re.compile(r"\{@\w+\s+([^{}]*)\}")
_XML_REFERENCE = re.compile(r"""<\w+\s+(?:cref|name|langword|href)=["']([^"'<>]*)["']\s*/>""")
_XML_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_ROLE = re.compile(r":[a-z]+(?::[a-z]+)?:`~?\.?([^`<]*)(?:<[^`]*>)?`")
_LINK = re.compile(r"!?\[([^\]\[]*)\](?:\([^()\s]*\)|\[[^\]\[]*\])?")
_URL = re.compile(r"<?https?://[^\s()<>\[\]]+>?")
_HADDOCK = re.compile(r"@([^@\s]+)@|(?<!\w)'([\w.]+)'(?!\w)")
_MARKS = re.compile(r"`+|\*\*|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)")
# What follows the summary: parameter lists, sections, examples, underlined headings.
_SECTION = re.compile(
    r"^\s*(?:[@\\](?!brief|desc|description|doc|summary)[a-zA-Z]+|:\w+[^:`\n]*:(?:\s|$)|\.\. |>>>"
    r"|```|~~~|#+ |=+$|-+$|(?:Args?|Arguments?|Parameters?|Params?|Returns?|Raises?|Yields?"
    r"|Examples?|Notes?|See [Aa]lso|Usage|Throws|Safety|Panics|Errors|Options"
    r"|Outputs?|Inputs?|Globals)\s*:?\s*$)",
)
_BRIEF = re.compile(r"^\s*[@\\](?:brief|desc|description|doc|summary)\b:?\s*")
_SENTENCE_END = re.compile(
    r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)(?<!etc\.)(?<!cf\.)(?<!vs\.)"
    r"\s+(?=[A-Z`\"'(\[<])"
)


def clean_comment(raw: str) -> str:
    """The prose of one comment, docstring or doc attribute, without its markers.

    Indentation common to all lines, comment markers and rules of signs (`-----`) go; words stay
    as they are. Text after 8,000 characters is dropped.
    """
    raw = raw[:_LONGEST].strip()
    if match := _ELIXIR.match(raw) or _STRING.match(raw):
        text = match[2]
    elif (block := _block(raw)) is not None:
        text = _STAR.sub("", block)
    elif _CARD.match(raw):
        text = _CARD.sub("", raw)
    else:
        text = _LINE.sub("", raw)
    text = _RULE.sub("", text)
    first, newline, rest = text.partition("\n")
    return (first.strip() + newline + textwrap.dedent(rest)).strip()


def _block(raw: str) -> str | None:
    """What stands inside of a block comment, None for any other text."""
    if raw.startswith("/*"):
        return raw[1:].lstrip("*").lstrip("!<").removesuffix("/").rstrip("*")
    if raw.startswith("{-"):
        return raw[1:].lstrip("-").lstrip(" \t|^").removesuffix("}").rstrip("-")
    if opening := _LUA_BLOCK.match(raw):
        return raw[opening.end() :].rstrip("-").rstrip("]=")
    for opens, closes in _BLOCKS:
        if raw.startswith(opens) and raw.endswith(closes):
            return raw.removeprefix(opens).removesuffix(closes).strip(opens[-1] + "!|")
    return None


def summary(doc: str, *, max_words: int = 60) -> str:
    """The first paragraph of a cleaned comment on one line, cut to whole sentences.

    Markup (XML, javadoc, reStructuredText, Markdown) is reduced to its words; parameter lists,
    sections and examples end the paragraph.

    Args:
        doc: Text as `clean_comment` gives it.
        max_words: Sentences after the first are kept while they fit in.
    """
    doc = doc[:_LONGEST]
    if match := _SUMMARY_TAG.search(doc):
        doc = match[1].strip()
    lines: list[str] = []
    for line in doc.splitlines():
        line = _BRIEF.sub("", line)
        if _SECTION.match(line) or (not line.strip() and lines):
            break
        if re.match(r"\s*(?:[-*+•]|\d+[.):])\s", line):
            break  # a list
        if re.match(r"\s*<(?:p|ul|ol|pre|li|br|param|returns|remarks)\b", line, re.I) and lines:
            break
        lines.append(line)
    text = _plain(" ".join(lines))
    sentences = _SENTENCE_END.split(text)
    kept = sentences[0]
    for sentence in sentences[1:]:
        if len(kept.split()) + len(sentence.split()) > max_words:
            break
        kept += " " + sentence
    return kept


def _plain(text: str) -> str:
    """Words of a marked-up line."""
    text = _INLINE_TAG.sub(lambda match: match[1].split()[-1] if match[1].split() else "", text)
    text = _XML_REFERENCE.sub(lambda match: match[1].rpartition(":")[2], text)
    text = _XML_TAG.sub(" ", text)
    text = _ROLE.sub(r"\1", text)
    text = _HADDOCK.sub(lambda match: match[1] or match[2], text)
    text = _LINK.sub(r"\1", text)
    text = _URL.sub("", text)
    text = _MARKS.sub("", html.unescape(text))
    text = re.sub(r"\s+", " ", text).strip(" \t:-–—*/#")
    return re.sub(r"\s+([.,;:!?)])", r"\1", text)
