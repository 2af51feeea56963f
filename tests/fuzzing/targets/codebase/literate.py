"""R Markdown and Quarto to chunks: every line once, in order."""

from __future__ import annotations

from c2llm.codebase.notebooks.literate import cut_literate
from tests.fuzzing.code_seeds import PROSE
from tests.fuzzing.reading import text_of, tokens
from tests.fuzzing.target import Target


def check(data: bytes) -> None:
    """Chunks follow each other, within the file, and miss only blank lines and fences."""
    text = text_of(data)
    lines = text.split("\n")
    cut = cut_literate("a.Rmd", text)
    end, last = 0, (0, 0)
    for chunk in cut.chunks:
        span = (chunk.start_line, chunk.end_line)
        assert span == last or chunk.start_line > end, (span, last)
        assert 1 <= chunk.start_line <= chunk.end_line <= len(lines)
        end, last = chunk.end_line, span
    covered = {row for one in cut.chunks for row in range(one.start_line, one.end_line + 1)}
    for row, line in enumerate(lines, 1):
        assert row in covered or not line.strip() or line.lstrip()[:3] in ("```", "~~~"), row
    assert cut_literate("a.Rmd", text) == cut


_SEEDS = [
    PROSE.replace("```python", "```{python}").encode(),
    b"# A\n\n```{r, echo=FALSE}\nf <- function(x) x\n```\nwords\n\n"
    b"~~~{julia}\nfunction g() end\n~~~\n",
]
_TOKENS = tokens(
    r"""
    ```{r}\n ```\n ~~~\n ````\n #\x20B\n f\x20<-\x20function()\x201\n ===\n
    """
)

TARGET = Target(check, _SEEDS, _TOKENS, answers=())
