"""Cells without outputs, each in its language; a hit says which cell it is from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c2llm.cli.main import main
from c2llm.codebase.notebooks.cells import NotebookError, read_notebook
from c2llm.search.answers.similar_code import specimen_at
from c2llm.search.code_index import CodeIndex
from tests.cases.conftest import CASES, Ask
from tests.trees import write_tree


def cell(kind: str, source: object, **more: object) -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": source, "outputs": [], **more}


def notebook(*cells: dict[str, Any], **metadata: object) -> str:
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}, indent=1)


def lines_of(path: Path, start: int, end: int) -> str:
    return "\n".join(path.read_text().split("\n")[start - 1 : end])


def test_the_cell_is_found(opened: Callable[[str], CodeIndex], ask: Ask) -> None:
    index = opened("notebooks")
    for name, path, language, number in (
        ("load_customers", "churn.ipynb", "python", 2),
        ("old_format", "version3.ipynb", "python", 1),
        ("fit_tree", "tree_r.ipynb", "r", 1),
        ("GradientBoostingClassifier", "churn.ipynb", "python", 3),
    ):
        hit = ask(index, name)[0]
        assert (hit.path, hit.language, hit.cell) == (path, language, number)
        assert name in lines_of(CASES / "notebooks" / path, hit.start_line, hit.end_line)
    section = ask(index, "Customer churn gradient boosting")[0]
    assert (section.kind, section.symbol, section.cell) == ("section", "Customer churn", 1)
    everything = [hit.text for hit in ask(index, "customers tenure model fit image png", k=50)]
    assert not any("iVBOR" in text or "output_type" in text for text in everything)
    assert ask(index, "load_customers", languages=["python"])[0].symbol == "load_customers"
    whole = ask(index, "load_customers", granularity="function")[0]
    assert whole.symbol == "load_customers" and whole.cell == 2 and whole.start_line == 27


def test_the_command_names_the_cell(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = ["%%time\n", "def fit_all(data):\n", "    return 1\n"]
    root = write_tree(tmp_path / "t", {"a.ipynb": notebook(cell("raw", ""), cell("code", source))})
    main(["search", "fit_all", str(root), "--mode", "lexical", "--json"])
    assert json.loads(capsys.readouterr().out)["results"][0]["cell"] == 2
    main(["search", "fit_all", str(root), "--mode", "lexical"])
    assert "function fit_all in cell 2" in capsys.readouterr().out


LANGUAGES = {
    "python": ("def wanted_name(x):\n    return x\n", {"language_info": {"name": "python"}}),
    "r": ("wanted_name <- function(x) {\n  x\n}\n", {"kernelspec": {"name": "ir"}}),
    "julia": ("function wanted_name(x)\n  x\nend\n", {"kernelspec": {"name": "julia-1.10"}}),
    "scala": ("def wanted_name(x: Int): Int = x\n", {"kernelspec": {"language": "scala"}}),
    "bash": ("wanted_name() {\n  echo 1\n}\n", {"kernelspec": {"name": "bash"}}),
    "cpp": ("int wanted_name(int x) { return x; }\n", {"language_info": {"name": "C++17"}}),
    "csharp": ("int wanted_name(int x) => x;\n", {"language_info": {"name": "C#"}}),
    "javascript": ("function wanted_name(x) {}\n", {"language_info": {"name": "javascript"}}),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", ["lines", "string", "compact"])
def test_code_is_in_the_language_of_the_kernel(
    tmp_path: Path, home: Path, language: str, form: str
) -> None:
    code, metadata = LANGUAGES[language]
    source = code.splitlines(keepends=True) if form == "lines" else code
    text = notebook(cell("markdown", "# About"), cell("code", source), **metadata)
    if form == "compact":
        text = json.dumps(json.loads(text))
    root = write_tree(tmp_path / "tree", {"a.ipynb": text})
    with CodeIndex.open(root, embed="none") as index:
        hit = index.search("wanted_name", mode="lexical")[0]
        assert (hit.language, hit.cell, hit.text) == (language, 2, code.rstrip("\n"))
        assert "wanted_name" in lines_of(root / "a.ipynb", hit.start_line, hit.end_line)
        index.search("wanted_name", mode="lexical", granularity="function")


MIXED = [
    cell("markdown", ["# Loading\n", "How data comes in.\n"]),
    cell("code", ["%load_ext sql\n", "!pip install x \\\n", "  y\n", "def load_it(p):\n", "    p"]),
    cell("code", ["%%bash\n", "fetch_files() {\n", "  curl x\n", "}\n"]),
    cell("code", ["%%sql\n", "SELECT total_of_week FROM sales\n"]),
    cell("markdown", ["## Training\n"]),
    cell("code", ["helpme?\n", "rows = !ls\n", "class Trainer:\n", "    def fit_once(self): pass"]),
    cell("raw", ["some raw words\n"]),
    cell("code", ["%%writefile job.go\n", "func RunJob() {}\n"]),
    cell("code", ["if True:\n", "    %time f()\n", "def after_magic():\n", "    return 1\n"]),
]


def test_magics_do_not_break_the_parser(tmp_path: Path, home: Path) -> None:
    root = write_tree(tmp_path / "tree", {"m.ipynb": notebook(*MIXED)})
    with CodeIndex.open(root, embed="none") as index:
        for name, number in (
            ("load_it", 2),
            ("fetch_files", 3),
            ("Trainer", 6),
            ("after_magic", 9),
        ):
            hit = index.search(name, mode="lexical")[0]
            assert (hit.symbol, hit.cell) == (name, number)
        assert index.search("total_of_week", mode="lexical")[0].cell == 4
        assert index.search("RunJob", mode="lexical")[0].cell == 8
        assert index.search("raw words", mode="lexical")[0].cell == 7
        # A chunk of code says under which headings it stands.
        (file,) = index._store.files()
        chunks = index._store.chunks(index._store.chunks_of([file.id])[file.id])
        scopes = {stored.chunk.symbol: stored.chunk.scope for stored in chunks}
        assert scopes["Trainer"] == "[6] > Loading > Training"
        after = index.search("after_magic", mode="lexical", granularity="function")[0]
        assert after.text == "def after_magic():\n    return 1"


def test_size_is_judged_without_outputs(tmp_path: Path, home: Path) -> None:
    picture = {"output_type": "display_data", "data": {"image/png": "iVBOR" * 500_000}}
    large = notebook(cell("code", "def in_large(): pass\n", outputs=[picture]))
    code = notebook(cell("code", [f"x{n} = 'some words of it'\n" for n in range(60_000)]))
    root = write_tree(tmp_path / "tree", {"large.ipynb": large, "code.ipynb": code})
    with CodeIndex.open(root, embed="none") as index:
        assert index.search("in_large", mode="lexical")[0].path == "large.ipynb"
        assert {s.path: s.reason for s in index.status().skipped} == {"code.ipynb": "too large"}
    with CodeIndex.open(root, embed="none", max_file_bytes=5_000_000) as index:
        assert index.search("x59999", mode="lexical")[0].path == "code.ipynb"
    with CodeIndex.open(root, embed="none") as index:  # the limit is remembered
        assert index.last_refresh.redone == 0 and not index.status().skipped


BROKEN = {
    "cut.ipynb": notebook(*MIXED)[:400],
    "empty_object.ipynb": "{}",
    "list.ipynb": "[1, 2]",
    "words.ipynb": "not json at all",
    "deep.ipynb": '{"cells": ' + "[" * 100_000,
    "number.ipynb": '{"cells": [], "n": ' + "9" * 10_000 + "}",
    "cells.ipynb": '{"cells": 3}',
    "sheets.ipynb": '{"worksheets": [3]}',
    "conflict.ipynb": '{\n<<<<<<< HEAD\n "cells": []\n=======\n}',
}
ODD = {
    "cell.ipynb": '{"cells": [3, null, {"cell_type": 7, "source": {"a": 1}}, '
    '{"source": [1, "odd_one"]}]}',
    "meta.ipynb": '{"cells": [{"cell_type": "code", "source": "odd_two = 1", "metadata": 3}],'
    ' "metadata": {"kernelspec": [], "language_info": {"name": 3}}}',
    "nan.ipynb": '{"cells": [{"cell_type": "code", "source": "odd_three = 1"}], "x": NaN}',
}


def test_what_is_no_notebook_is_counted_and_no_more(tmp_path: Path, home: Path) -> None:
    root = write_tree(tmp_path / "tree", {**BROKEN, **ODD, "ok.py": "def ok(): pass\n"})
    with CodeIndex.open(root, embed="none") as index:
        skipped = {skip.path: skip.reason for skip in index.status().skipped}
        assert skipped == dict.fromkeys(BROKEN, "broken notebook")
        for name in ("odd_one", "odd_two", "odd_three"):
            assert name in index.search(name, mode="lexical")[0].text
        assert index.refresh().redone == 0


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_reading_one_raises_one_error(text: str) -> None:
    with pytest.raises(NotebookError):
        read_notebook(text)


def test_code_like_a_cell(tmp_path: Path) -> None:
    path = write_tree(tmp_path / "tree", {"m.ipynb": notebook(*MIXED)}) / "m.ipynb"
    lines = path.read_text().split("\n")
    at = next(n for n, line in enumerate(lines, 1) if "def load_it" in line)
    found = specimen_at(f"{path}:{at}")
    assert (found.symbol, found.text) == ("load_it", "def load_it(p):\n    p")
