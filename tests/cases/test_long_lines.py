"""One long line costs a file nothing but the end of that line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from c2llm.codebase.chunks import cut_text
from c2llm.search.code_index import CodeIndex
from tests.cases.conftest import Ask
from tests.trees import write_tree

FOUND = {
    "embed_logo_in_mail": ("src/icons.py", "embed_logo_in_mail"),
    "removeStopWords": ("src/words.js", "removeStopWords"),
    "toggleLogoAnimation": ("src/Logo.vue", None),
    "wide_report": ("src/query.sql", None),
}


def test_the_rest_of_the_file_is_found(opened: Callable[[str], CodeIndex], ask: Ask) -> None:
    index = opened("long_lines")
    for name, (path, symbol) in FOUND.items():
        hit = ask(index, name)[0]
        assert hit.path == path and name in hit.text
        assert symbol is None or hit.symbol == symbol
        assert max(map(len, hit.text.split("\n"))) <= 2_000
    assert not index.status().skipped


@pytest.mark.parametrize("size", [6_000, 60_000, 600_000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_and_names_stay_true(tmp_path: Path, home: Path, size: int, end: str) -> None:
    data = "QUJD" * (size // 4)
    lines = [
        "def before():",
        "    return 1",
        "",
        f'DATA = "{data}"',
        "",
        "def after_it():",
        "    x",
    ]
    root = write_tree(tmp_path / "tree", {"a.py": end.join([*lines, ""])})
    with CodeIndex.open(root, embed="none") as index:
        hit = index.search("after_it", mode="lexical", granularity="chunk")[0]
        assert hit.symbol == "after_it" and hit.start_line == 6
        assert index.search("before", mode="lexical")[0].start_line == 1
        assert sum(len(hit.text) for hit in index.search("DATA", mode="lexical")) < 3_000


def test_a_list_without_end_hides_no_function() -> None:
    numbers = ", ".join(map(str, range(40_000)))
    source = f"const ROWS = [{numbers}];\nfunction sumOfRows() {{\n  return 1;\n}}\n"
    found = [
        name
        for chunk in cut_text("a.js", source, "javascript").chunks
        for name in chunk.definitions
    ]
    assert "sumOfRows" in found


def test_a_line_that_is_cut_says_so() -> None:
    chunks = cut_text("a.txt", "short\n" + "word " * 2_000, "text").chunks
    assert [len(line) <= 2_000 for chunk in chunks for line in chunk.text.split("\n")]
    assert chunks[-1].text.endswith(" …") and chunks[0].text.startswith("short")


def test_minified_code_is_left_out_and_data_is_not(tmp_path: Path, home: Path) -> None:
    packed = "!function(e,t){var n={};n.a=function(r){return r+1};e.x=n;}(this,[]);" * 200
    licence = "/*!\n * A library of others v1.2.3\n * (c) Somebody\n */\n"
    style = ".a{color:#fff;margin:0}.b>.c{display:none}" * 300
    root = write_tree(
        tmp_path / "tree",
        {
            "packed.js": licence + packed + "\n//# sourceMappingURL=x.map\n",
            "style.css": style,
            "mixed.js": "function writtenByHand(list) {\n  return list.map((x) => x + 1);\n}\n" * 4
            + packed,
            "data.js": "export const ROWS = [" + '{"a": 1, "b": 2}, ' * 1_000 + "];\n",
            "table.ts": "const CODES = {" + ",".join(f"c{n}:{n}" for n in range(2_000)) + "};\n",
            "page.html": "<p>welcomeText</p>" + "<b>x</b>" * 2_000 + "\n",
        },
    )
    with CodeIndex.open(root, embed="none") as index:
        skipped = {skip.path: skip.reason for skip in index.status().skipped}
        assert skipped == {"packed.js": "minified", "style.css": "minified"}
        for name in ("writtenByHand", "ROWS", "CODES", "welcomeText"):
            assert name in index.search(name, mode="lexical")[0].text
