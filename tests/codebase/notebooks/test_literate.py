"""Blocks of R Markdown and Quarto are code in their places, and nothing is lost or doubled."""

from __future__ import annotations

from c2llm.codebase.notebooks.literate import cut_literate

TEXT = """---
title: Trees
---

# Data

How rows are read.

```{python}
#| label: read
def read_rows(path):
    return open(path).read().split()
```

They are sorted below.

```{python}
print(read_rows("x"))
```

## Model

```{bash, echo=FALSE}
fit_all() {
  echo fit
}
```

```python
def only_shown(): pass
```

The end.
"""


def test_blocks_are_cut_as_code() -> None:
    cut = cut_literate("doc/trees.qmd", TEXT)
    lines = TEXT.split("\n")
    covered: list[int] = []
    for chunk in cut.chunks:
        assert chunk.text == "\n".join(lines[chunk.start_line - 1 : chunk.end_line])
        covered += range(chunk.start_line, chunk.end_line + 1)
    assert covered == sorted(set(covered))
    named = {chunk.symbol: chunk for chunk in cut.chunks if chunk.kind == "function"}
    assert list(named) == ["read_rows", "fit_all"]
    assert named["read_rows"].scope == "Data" and named["read_rows"].start_line == 10
    assert named["fit_all"].scope == "Data > Model"
    prose = [chunk for chunk in cut.chunks if chunk.kind == "section"]
    assert {chunk.symbol for chunk in prose} >= {"Data", "Model"}
    assert any("sorted below" in chunk.text and "print(" in chunk.text for chunk in prose)
    assert any("only_shown" in chunk.text for chunk in prose)


def test_a_document_without_blocks_is_prose() -> None:
    cut = cut_literate("a.Rmd", "# Title\n\nWords.\n")
    assert [(chunk.symbol, chunk.kind) for chunk in cut.chunks] == [("Title", "section")]
    assert not cut_literate("a.Rmd", "").chunks


def test_the_last_line_of_a_block_that_is_not_closed_is_kept() -> None:
    for text in ("```{python}\ndef f():\n    return 1", "~~~{r}\nf <- function(x) {\n}\n```\nx"):
        cut = cut_literate("a.Rmd", text)
        lines = text.split("\n")
        assert cut.chunks[-1].text == "\n".join(lines[cut.chunks[-1].start_line - 1 :])
        assert cut.chunks[-1].end_line == len(lines)
