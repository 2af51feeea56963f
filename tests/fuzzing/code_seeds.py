"""Small files of every language that the tests know, as inputs to begin from."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from c2llm.codebase.grammars import GRAMMARS
from c2llm.codebase.grammars.components import MIXED
from c2llm.codebase.grammars.keywords import keyword_languages
from c2llm.codebase.languages import detect_language
from tests.codebase.snippets import SNIPPETS
from tests.fuzzing.reading import head, tokens

LANGUAGES = sorted({*SNIPPETS, *GRAMMARS, *MIXED, *keyword_languages(), "json", "markdown", "text"})
PROSE = """\
# Guide

Some words, `code` and a [link](a.md).

## Install

- one
- two

```python
def f():
    return 1
```

Under
=====
"""
COMMENTS_AND_BRACKETS = tokens(
    r"""
    def\x20f():\n class\x20A\x20{\n }\n end\n fn\x20f<T>(a:\x20T)\x20{\n a< if\x20a:\n begin\n
    ''' (* *) {- -} #| |# =begin\n =end\n <<E\n #if\n #endif\n @a\n import\x20a\n
    use\x20a::{b,\n <script> </script> ``` ~~~ #\x20a\n ---\n ${ #{ `${ r#" <?php ?> %} {%
    """
)


@cache
def sources() -> tuple[tuple[str, str], ...]:
    """Language and text of files, several of some languages."""
    found = [(language, snippet.source) for language, snippet in SNIPPETS.items()]
    found += [("markdown", PROSE), ("json", '{"a": [1, {"b": null}]}\n'), ("text", "a b\n\nc\n")]
    samples = Path(__file__).parents[1] / "cases" / "definitions" / "samples.toml"
    for sample in tomllib.loads(samples.read_text(encoding="utf-8"))["sample"]:
        text = (sample["definition"] + sample["uses"]).replace("NAME", sample["name"])
        language = detect_language(sample["file"], text.encode()) or "text"
        found.append((language, text))
    return tuple(dict.fromkeys(found))


def seeds() -> list[bytes]:
    """The files, each below a line with its language."""
    return [head(language, text) for language, text in sources()]
