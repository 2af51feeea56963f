"""Text is found whatever it was written in, and lines end where their writer ended them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from c2llm.search.code_index import CodeIndex
from tests.cases.conftest import Ask
from tests.trees import write_tree

FOUND = {
    "Größe": "latin1.c",
    "Überlauf": "latin1.c",
    "Prüfe": "py_latin1.py",
    "Gültigkeit": "py_latin1.py",
    "Währung": "py_latin1.py",
    "解析配置文件": "gbk.c",
    "Проверка пароля": "cp1251.c",
    "GetLedgerTotals": "utf16le_nobom.sql",
    "ClassicMacThing": "mac_cr.pas",
    "Straße": "utf8.c",
    "Rechnung": "utf16le_bom.cs",
}


def test_words_are_found(opened: Callable[[str], CodeIndex], ask: Ask) -> None:
    index = opened("encodings")
    for word, name in FOUND.items():
        hit = ask(index, word)[0]
        assert hit.path == f"src/{name}" and word in hit.text, word
        assert "\ufffd" not in hit.text and "\r" not in hit.text
    hits = ask(index, "total", pattern="total$")
    assert [hit.path for hit in hits] == ["src/crlf.py"]
    classic = ask(index, "ClassicMacThing", max_tokens=1_000)[0]
    assert "procedure ClassicMacThing;" in classic.text.split("\n")
    assert (classic.start_line, classic.end_line) == (1, 4)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_ends_of_lines_are_alike(tmp_path: Path, home: Path, end: str) -> None:
    lines = ["import os", "", "", "def first_of_all():", "    total = 1", "    return total", ""]
    root = write_tree(tmp_path / "tree", {"a.py": end.join(lines).encode()})
    with CodeIndex.open(root, embed="none") as index:
        hit = index.search("first_of_all", mode="lexical", granularity="function")[0]
        assert (hit.symbol, hit.start_line, hit.end_line) == ("first_of_all", 4, 6)
        assert hit.text == "\n".join(lines[3:6])
        assert index.search("total", mode="lexical", pattern=r"^    return total$")
