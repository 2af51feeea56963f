"""What comes from files never steers a terminal, and JSON loses nothing."""

from __future__ import annotations

import ast
import io
import json
import shlex
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from c2llm.cli.main import main
from c2llm.cli.output import note, print_json, print_line, print_text, shell_quoted
from c2llm.printable import printable
from tests.trees import write_tree

CLI = Path(__file__).parents[2] / "src" / "c2llm" / "cli"
HOSTILE = "a\x1b[31m\x9b2J\x85\x7f\u202e\u2066\u200b\ufeff\u2028b\nc\rd\x07"
SEEN_PREPENDED = {0x600, 0x601, 0x602, 0x603, 0x604, 0x605, 0x6DD, 0x70F, 0x890, 0x891, 0x8E2}


def hostile(text: str) -> set[str]:
    """Characters of a text that a terminal must not get."""
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {"\n"}


def test_every_character_that_is_not_seen_is_escaped() -> None:
    for number in range(sys.maxunicode + 1):
        char = chr(number)
        category = unicodedata.category(char)
        if category == "Cf" and (number in SEEN_PREPENDED or 0x110BD <= number <= 0x1343F):
            continue  # marks of numbers and of hieroglyphs, which are seen
        unseen = category in ("Cc", "Cf", "Cs", "Zl", "Zp") and char != "\t"
        if unseen:
            assert printable(char).isascii() and printable(char).startswith("\\"), hex(number)
        elif category != "Cn":
            assert printable(char) == char, hex(number)


def test_text_of_any_language_stays() -> None:
    for text in ("naïve größe", "解析配置文件　全角", "Проверка", "👍🏽 é\tx", "ไทย", "עברית"):
        assert printable(text) == text


def test_a_name_that_is_no_utf8_shows_its_bytes() -> None:
    assert printable("caf\udce9.py") == "caf\\xe9.py"
    assert printable("a\nb\u202e\U000e0041") == "a\\nb\\u202e\\U000e0041"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii", "gbk"])
def test_json_is_whole_and_harmless_in_every_locale(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bytes_ = io.BytesIO()
    stream = io.TextIOWrapper(bytes_, encoding=encoding, errors="backslashreplace")
    monkeypatch.setattr(sys, "stdout", stream)
    payload = {"path": HOSTILE + "\udce9 é 解析 😀", HOSTILE: [HOSTILE]}
    print_json(payload)
    stream.flush()
    text = bytes_.getvalue().decode(encoding)
    assert text.count("\n") == 1 and not hostile(text)
    assert json.loads(text) == payload
    assert ("解析" in text) == (encoding == "utf-8")


def test_lines_and_notes(capsys: pytest.CaptureFixture[str]) -> None:
    print_line(HOSTILE)
    note(HOSTILE)
    print_text("one\x1b\ntwo\n")
    told = capsys.readouterr()
    assert not hostile(told.out + told.err)
    assert (told.out.count("\n"), told.err.count("\n")) == (3, 1)


@pytest.mark.parametrize(
    "name", ["plain", "with space", "$(touch x)", "a'b", "a\x1b[31m'b\\", "é\udce9x"]
)
def test_a_suggested_command_can_be_pasted(name: str) -> None:
    shell = "bash"
    done = subprocess.run(
        [shell, "-c", f"printf %s {shell_quoted(name)}"], capture_output=True, check=True
    )
    assert done.stdout == name.encode("utf-8", "surrogateescape")
    assert not hostile(shell_quoted(name))
    if name.isprintable():
        assert shell_quoted(name) == shlex.quote(name)


def test_all_verbs_write_through_it() -> None:
    for path in CLI.rglob("*.py"):
        if path.name == "output.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("sys.stdout.write", "sys.stderr.write", "print"), path
                if called == "click.echo":  # bytes of names for another program
                    assert "os.fsencode" in ast.unparse(node) and "printable" in ast.unparse(node)


def test_names_in_every_verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    name = HOSTILE.replace("\r", "").replace("\u2028", "")
    root = write_tree(
        tmp_path / f"r {name}\udce9",
        {f"{name}.py": "def zebra():\n    return 1\n", f"{name}.png": b"\x89PNG"},
    )
    one = str(root)
    verbs = [
        ["search", "zebra", one, "--mode", "lexical", "--explain", "--callers"],
        ["search", "zebra", one, "--model", "c2llm-nano"],
        ["index", one, "--model", "c2llm-nano"],
        ["status", one, "--skipped"],
        ["status", "--all"],
        ["similar", f"{one}/{name}.py:1", "--in", one, "--model", "c2llm-nano"],
        ["workspace", "list"],
        ["search", "zebra", one + name],
        ["search", "zebra", one, "--model", name],
        ["status", one + name],
        ["clear", one],
        ["status", one],
    ]
    main(["workspace", "add", "w", one])
    for verb in verbs:
        for form in ([], ["--json"]):
            try:
                main([*verb, *form])
            except SystemExit as left:
                assert left.code in (1, 2)
            told = capsys.readouterr()
            assert not hostile(told.out + told.err), verb
            assert told.err.count("\n") <= 1
            if form and told.out:
                json.loads(told.out)
