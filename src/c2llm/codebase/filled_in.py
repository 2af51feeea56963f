"""Templates of source files: `settings.py.in`, `widget.js.erb`, `poisson.fypp`."""

from __future__ import annotations

import re

from c2llm.lazy_pattern import lazy_pattern

SUFFIXES = frozenset(
    "in tmpl tpl tp tt template templ jinja jinja2 j2 erb ejs eex hbs handlebars mustache njk twig"
    " ftl vm mako liquid dist example sample src inc".split()
)
"""Endings, after the one of the language, of files that something fills in, or that are examples to
fill in by hand."""

_DIRECTIVE = lazy_pattern(
    r"^[ \t]*(?:\{%.{0,400}?%\}|<%(?!=).{0,400}?%>|</?#.{0,400}?>|[#$]:.*"
    r"|\{\{[-~]?[ \t]*(?:[#/^!>]|(?:if|else|end|range|with|define|template|block)\b).{0,400}?\}\})"
    r"[ \t]*$",
    re.MULTILINE,
)
_INLINE = lazy_pattern(r"\{%[^\n]{0,400}?%\}|<%(?!=).{0,2000}?%>", re.DOTALL)
_VALUE = lazy_pattern(
    r"\{\{.{1,400}?\}\}|<%=.{1,400}?%>|@[A-Za-z_]\w*@|#\{[^{}\n]{1,400}\}#|\$\{[^{}\n]{1,400}\}\$?"
)
_MARKS = lazy_pattern(r"\{[{%]|<[%/#]|@\w+@|\$\{|#:")
_WORD = lazy_pattern(r"[A-Za-z_]\w*")
_IN_ITSELF = frozenset({"bash", "php", "make", "cmake", "html", "perl", "freemarker", "velocity"})
"""Languages that have such marks of their own."""


def readable(path: str, text: str, language: str) -> str | None:
    """The same lines in the language alone, for its parser; None where nothing is to be changed.

    Directives are left out, and what stands for a value becomes the first word in it.

    Example:
        >>> readable("a.js.erb", "let x = 2 * <%= factor %>", "javascript")
        'let x = 2 * factor'
    """
    name, _, suffix = path.lower().rpartition(".")
    if suffix != "fypp" and (suffix not in SUFFIXES or "." not in name or language in _IN_ITSELF):
        return None
    if not _MARKS.search(text):
        return None
    text = _DIRECTIVE.sub("", text)
    text = _INLINE.sub(lambda match: "\n" * match[0].count("\n"), text)
    return _VALUE.sub(_word, text)


def _word(match: re.Match[str]) -> str:
    word = _WORD.search(match[0])
    return word[0] if word else "_"
