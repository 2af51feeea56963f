"""Two versions of a file in any language: its functions, its form, and what changed."""

from __future__ import annotations

from c2llm.analysis.changes.compare import changes_between
from c2llm.analysis.clones.forms.file_form import form_of, with_keys
from c2llm.analysis.clones.forms.file_form import text_of as text_of_chunks
from c2llm.analysis.trees.functions import Source, functions_of
from c2llm.codebase.chunks import cut_text
from tests.fuzzing.code_seeds import COMMENTS_AND_BRACKETS, LANGUAGES, sources
from tests.fuzzing.reading import head, headed, text_of, tokens
from tests.fuzzing.target import Target

_BETWEEN = "\f\n"
_NOT_CODE = frozenset({"markdown", "text"})


def check(data: bytes) -> None:
    """The first line is the language; a form feed parts the versions."""
    language, content = headed(data, [one for one in LANGUAGES if one not in _NOT_CODE])
    before, _, after = text_of(content).partition(_BETWEEN)
    texts = before[:20_000], (after or before)[:20_000]
    read = [functions_of(Source("a.x", language, text)) for text in texts]
    for text, functions in zip(texts, read, strict=True):
        lines = text.split("\n")
        taken: set[int] = set()
        for one in functions:
            assert 1 <= one.start_line <= one.end_line <= len(lines)
            rows = set(range(one.start_line, one.end_line + 1))
            if one.name:
                assert not rows & taken, "a line in two functions"
                assert one.text == "\n".join(lines[one.start_line - 1 : one.end_line])
                taken |= rows
        chunks = cut_text("a.x", text, language).chunks
        form = form_of(chunks)
        assert form.lines <= len(lines)
        assert len(form.functions) == len(form.names)
        for row in form.functions:
            assert row["first"] <= row["last"] <= len(form.statements)
        assert (with_keys([form])[0].statements == form.statements).all()
        assert text_of_chunks(chunks).count("\n") < len(lines) or not chunks
    for one in read[0]:
        assert changes_between(one, one) == ()
    for one, other in zip(*read, strict=False):
        changes = changes_between(one, other)
        assert list(changes) == sorted(changes, key=lambda found: -found.effect)


_SEEDS = [
    *(
        head(language, text + _BETWEEN + text.replace("1", "2"))
        for language, text in sources()
        if language not in _NOT_CODE
    ),
    head("yaml", "a: 1\nb:\n  - c: d\n" + _BETWEEN + "a: 2\nb: []\n"),
    head("toml", 'a = 1\n[b]\nc = "d"\n' + _BETWEEN + "a = 2\n"),
    head("ini", "[a]\nb=c\n" + _BETWEEN + "[a]\nb=d\n"),
    head("json", '{"a": [1, {"b": 2}]}' + _BETWEEN + '{"a": [1, {"b": 3}]}'),
]
_TOKENS = tokens(
    r"""
    &a\x20[*a] !!x\x20 2024-99-99 1e999 \x0c\n
    """
)

TARGET = Target(check, _SEEDS, (*COMMENTS_AND_BRACKETS, *_TOKENS), answers=(), quick=15)
