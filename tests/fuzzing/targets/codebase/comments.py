"""A comment as it stands in the source to prose, and to its first sentences."""

from __future__ import annotations

from c2llm.codebase.doccomments import clean_comment, summary
from tests.fuzzing.reading import text_of, tokens
from tests.fuzzing.target import Target


def check(data: bytes) -> None:
    """Prose is no longer than the comment; a summary is one line of it."""
    raw = text_of(data)
    prose = clean_comment(raw)
    assert len(prose) <= len(raw) and prose == prose.strip()
    for doc in (prose, raw):
        said = summary(doc)
        assert "\n" not in said and "\r" not in said
        assert summary(doc, max_words=5).startswith(said[:1])
        assert summary(doc) == said


_SEEDS = [
    *(
        b"/** Gets it. More.\n * @param a the one\n */",
        b'"""Do it.\n\n    Args:\n        a: b\n    """',
    ),
    *(
        b"// One.\n// Two.",
        b'/// <summary>Gets <see cref="A.B"/>.</summary>',
        b"{- | Folds 'it' -}",
    ),
    *(b"# Reads `a`, see [b](c) and https://d.e/f.\n#\n# More.", b"-- | Says @it@.", b";;; Lisp"),
    *(
        b"--[==[ Lua ]==]",
        b'@doc ~S"""\nElixir :a:`b` """',
        b"(* OCaml {b bold} *)",
        b"=pod\n\n=cut",
    ),
    *(b"      * COBOL\n      *> more", b"C FORTRAN\nC more", b"r'''x'''", b"/*! \\brief Short. */"),
]
_TOKENS = tokens(
    r"""
    {@link\x20a\x20b} <p> &amp; &#xD800; &#0; **** ----\n @a\x20 :a:` .\x20A
    """
)

TARGET = Target(check, _SEEDS, _TOKENS, answers=())
