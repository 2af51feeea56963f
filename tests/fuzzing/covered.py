"""What is true of the chunks of any text."""

from __future__ import annotations

from collections.abc import Sequence

from c2llm.codebase.chunk import Chunk


def assert_covers(lines: Sequence[str], chunks: Sequence[Chunk], longest: int) -> None:
    """Every line that is not blank is in exactly one chunk, in order, at the place it names."""
    covered: list[int] = []
    by_span: dict[tuple[int, int], str] = {}
    for chunk in chunks:
        assert 0 < len(chunk.text) <= longest
        assert 1 <= chunk.start_line <= chunk.end_line <= len(lines)
        span = (chunk.start_line, chunk.end_line)
        by_span[span] = by_span.get(span, "") + chunk.text  # a long line comes in pieces
        assert_parts(chunk, len(lines))
    for (start, end), said in by_span.items():
        assert said == "\n".join(lines[start - 1 : end])
        covered += range(start, end + 1)
    assert covered == sorted(set(covered))
    blank = {number for number, line in enumerate(lines, 1) if not line.strip()}
    assert set(covered) | blank == set(range(1, len(lines) + 1))


def assert_parts(chunk: Chunk, most: int) -> None:
    """The parts of a chunk lie in the file; a name is one line."""
    for part in chunk.parts:
        assert 1 <= part.start_line <= part.end_line <= most, part
    for name in (chunk.symbol, chunk.scope, chunk.signature, *chunk.definitions):
        assert "\n" not in name, repr(name)
