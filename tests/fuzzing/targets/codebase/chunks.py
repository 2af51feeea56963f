"""A text in any language to chunks: every line once, in order, as it stands."""

from __future__ import annotations

from c2llm.codebase.chunks import cut_text, embedding_text
from tests.fuzzing.code_seeds import COMMENTS_AND_BRACKETS, LANGUAGES, seeds
from tests.fuzzing.covered import assert_covers
from tests.fuzzing.reading import headed, text_of
from tests.fuzzing.target import Target

_LONGEST_LINE = 5_000


def check(data: bytes) -> None:
    """The first line is the language."""
    language, source = headed(data, LANGUAGES)
    text = text_of(source)
    for target, longest in ((1_500, 2_000), (80, 140)):
        cut = cut_text("src/a.x", text, language, target_chars=target, max_chars=longest)
        kept = longest - 2
        lines = [
            line if len(line) <= _LONGEST_LINE else line[:kept] + " …" for line in text.split("\n")
        ]
        assert_covers(lines, cut.chunks, longest)
        assert all(name and "\n" not in name for name in cut.imports)
        assert len(set(cut.imports)) == len(cut.imports)
        assert all(chunk.text in embedding_text(chunk) for chunk in cut.chunks)
    again = cut_text("src/a.x", text, language, target_chars=target, max_chars=longest)
    assert again == cut


TARGET = Target(check, seeds(), COMMENTS_AND_BRACKETS, answers=(), quick=60)
