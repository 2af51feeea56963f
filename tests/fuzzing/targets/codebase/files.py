"""The bytes of a file, under any name, to what an index keeps of it."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path

from c2llm.codebase.files.decoding import decode
from c2llm.codebase.files.walk import SourceFile
from c2llm.index.build.cutting import cut_file, pack_answer, unpack_answer
from tests.fuzzing.code_seeds import COMMENTS_AND_BRACKETS, PROSE, sources
from tests.fuzzing.reading import head, headed
from tests.fuzzing.target import Target

_NAMES = (
    *("a.py", "a.js", "a.ts", "a.c", "a.h", "a.rs", "a.go", "a.java", "a.rb", "a.php", "a.md"),
    *("a.Rmd", "a.qmd", "a.ipynb", "a.vue", "a.html.erb", "a.j2", "a.sql", "a.m", "a.pl", "a.inc"),
    *("Makefile", "a", "a.svelte", "a.f", "a.cob", "a.v", "a.cls", "a.xml", "a.yaml", "a.toml"),
)
_CELL = {"cell_type": "code", "source": ["%%bash\n", "ls\n"], "metadata": {}}
_NOTEBOOK = json.dumps(
    {"cells": [_CELL], "metadata": {"kernelspec": {"name": "python3"}}}, indent=1
)


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="c2llm-fuzz-files-"))


def check(data: bytes) -> None:
    """The first line is the file's name."""
    name, content = headed(data, _NAMES)
    path = _folder() / name
    path.write_bytes(content)
    file = SourceFile(name, str(_folder()), len(content), 0, "text")
    cut = cut_file(file)
    assert not cut.skipped.startswith("cannot be cut"), cut.skipped
    assert unpack_answer(pack_answer([cut])) == [cut]
    lines = decode(content).count("\n") + 1
    for kept in cut.chunks:
        assert 1 <= kept.chunk.start_line <= kept.chunk.end_line <= lines
        for text in (kept.chunk.text, kept.chunk.symbol, kept.chunk.scope, *kept.lexicon):
            assert "\0" not in text or "\0" in decode(content)
            text.encode()  # what SQLite, JSON and a tokenizer take


_SEEDS = [
    *(head("a.py", "# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1").decode("latin-1")),),
    *(head("a.ipynb", _NOTEBOOK), head("a.Rmd", PROSE.replace("```python", "```{python}"))),
    *(
        head(f"a.{kind}", dict(sources())[language])
        for kind, language in (
            *(
                ("py", "python"),
                ("js", "javascript"),
                ("c", "c"),
                ("rs", "rust"),
                ("md", "markdown"),
            ),
            *(("rb", "ruby"), ("php", "php"), ("sql", "sql"), ("java", "java")),
        )
    ),
    head("a.vue", "<template>\n<p/>\n</template>\n<script>\nfunction f() {}\n</script>\n"),
    head("a", "#!/usr/bin/env python3\nprint(1)\n"),
]

TARGET = Target(check, _SEEDS, COMMENTS_AND_BRACKETS, answers=())
