"""A notebook's JSON to cells, and cells to chunks."""

from __future__ import annotations

import json

from c2llm.codebase.notebooks.cells import NotebookError, read_notebook
from c2llm.codebase.notebooks.cutting import cut_notebook
from tests.fuzzing.reading import text_of, tokens
from tests.fuzzing.target import Target


def check(data: bytes) -> None:
    """Cells lie in the file, in order; no chunk holds parts of two."""
    text = text_of(data)
    notebook = read_notebook(text)
    rows = text.count("\n") + 1
    numbers = [cell.number for cell in notebook.cells]
    assert numbers == sorted(set(numbers))
    for cell in notebook.cells:
        assert len(cell.lines) == len(cell.rows) > 0
        assert all(1 <= row <= rows for row in cell.rows)
        assert not any("\n" in line or "\r" in line for line in cell.lines)
    assert len(notebook.laid_out()) <= rows
    cut = cut_notebook("a.ipynb", notebook)
    lines = {line for cell in notebook.cells for line in cell.lines}
    for chunk in cut.chunks:
        assert 1 <= chunk.start_line <= rows and 1 <= chunk.end_line <= rows
        first = chunk.text.split("\n")[0].removesuffix(" …")
        assert any(first in line for line in lines)
    assert cut_notebook("a.ipynb", read_notebook(text)) == cut


def _notebook(*cells: object, **metadata: object) -> bytes:
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}, indent=1).encode()


_CODE = {
    "cell_type": "code",
    "source": ["import a\n", "def f(x):\n", "    return x"],
    "outputs": [],
}
_PROSE = {"cell_type": "markdown", "source": "# Head\n\nwords\n## More\n"}
_MAGIC = {"cell_type": "code", "source": ["%%sql\n", "select 1"], "metadata": {"language": "sql"}}
_OLD = {"worksheets": [{"cells": [{"cell_type": "heading", "level": 2, "source": "A"}, _CODE]}]}
_SEEDS = [
    _notebook(_CODE, _PROSE, kernelspec={"name": "python3"}),
    _notebook(_MAGIC, {"cell_type": "raw", "source": ["a"]}, language_info={"name": "R"}),
    _notebook({**_CODE, "metadata": {"vscode": {"languageId": "rust"}}}, _CODE),
    json.dumps(_OLD).encode(),
    _notebook({"cell_type": "code", "source": ["#!csharp\n", "%time f()\n", "!ls\n", "x?\n"]}),
]
_TOKENS = tokens(
    r"""
    \\n \\r\\n \\ud800 \\u0000 %% %%writefile\x20a.c\\n #!lua\\n !ls
    """
)

TARGET = Target(check, _SEEDS, _TOKENS, answers=(NotebookError,))
