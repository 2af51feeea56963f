"""What an agent is told before it writes a function."""

from __future__ import annotations

from pathlib import Path

import pytest

from c2llm.errors import UsageError
from c2llm.search.answers.token_budget import tokens_of
from c2llm.serving.mcp.duplicates import asked_code, duplicates
from c2llm.serving.mcp.server import CodeSearchServer
from c2llm.serving.open_indexes import OpenIndexes
from c2llm.serving.roots import Place
from tests.cli.clones.test_clones import BODY, TREE
from tests.serving.conftest import repository
from tests.serving.mcp.clients import MODEL, MODES, calls, text
from tests.trees import write_tree

NEW = BODY.format(name="shop")
UNLIKE = """def render(template, values):
    parts = template.split("%")
    for place, value in enumerate(values):
        parts.insert(2 * place + 1, str(value).upper())
    return "".join(parts).strip()
"""


@pytest.fixture
def tree(tmp_path: Path, home: Path) -> Path:
    return repository(tmp_path / "tree", dict(TREE))


def asked(root: Path, code: str, max_tokens: int = 1_000, language: str = "py") -> str:
    place = Place(root.resolve())
    with_language = asked_code([place], code, language, None)
    return duplicates(OpenIndexes(MODEL), [place], with_language, max_tokens)


@pytest.mark.parametrize("mode", MODES)
def test_a_function_that_is_there_is_named_with_its_code(tree: Path, mode: str) -> None:
    server = CodeSearchServer(model=MODEL)
    by_code = {"code": NEW, "language": "python"}
    by_place = {"path": "src/api.py", "line": 3}
    first, second = calls(server, mode, [tree], ("duplicates", by_code), ("duplicates", by_place))
    told = text(first)
    assert not first.is_error and told.startswith("There already: 2 functions do it.")
    assert "type 2 renamed" in told and "src/api.py:1-10 total_of_api" in told
    assert "    api_total = 0" in told and "clean" in told.splitlines()[-1]
    copies = text(second)
    assert copies.startswith("There already: 1 function does it.")
    assert "src/web.py:1-10" in copies and "src/api.py:1-10" not in copies


def test_what_is_not_there_is_said(tree: Path) -> None:
    told = asked(tree, UNLIKE)
    assert told.startswith("Not there: no copy among ")


def test_the_same_and_changed_code_are_told_apart(tree: Path) -> None:
    assert "type 1 the same, 100 %: src/api.py:1-10" in asked(tree, BODY.format(name="api"))
    changed = NEW.replace(
        "    if shop_total < 0:\n", "    log(shop_total)\n    if not shop_seen:\n"
    )
    assert "type 3 changed" in asked(tree, changed)


def test_several_functions_are_told_apart(tree: Path) -> None:
    told = asked(tree, f"{UNLIKE}\n\n{NEW}")
    assert "(of total_of_shop)" not in told and "total_of_api" in told
    both = asked(tree, f"{NEW}\n\n{NEW.replace('shop', 'cafe')}")
    assert "(of total_of_shop)" in both and "(of total_of_cafe)" in both


@pytest.mark.parametrize("most", [200, 300, 4_000])
def test_an_answer_fits(tmp_path: Path, home: Path, most: int) -> None:
    files = {f"a_rather_long_name_of_a_file_{n}.py": BODY.format(name=f"n{n}") for n in range(40)}
    root = write_tree(tmp_path / "many", files)
    told = asked(root, NEW, most)
    assert tokens_of(told) <= most and told.startswith("There already: ")
    assert most > 300 or "more" in told


@pytest.mark.parametrize(
    ("code", "language", "line", "why"),
    [
        (None, None, None, "Give either `code`"),
        ("def f(): pass", "python", 3, "Give either `code`"),
        (" \n", "python", None, "`code` is empty"),
        ("def f(): pass", None, None, "Say the `language`"),
    ],
)
def test_arguments_that_do_not_fit_together(code, language, line, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        asked_code([Place(Path("/x"))], code, language, line)


def test_what_is_no_function(tree: Path) -> None:
    with pytest.raises(UsageError, match="There is no function of 15 tokens"):
        asked(tree, "x = 1\n")
    with pytest.raises(UsageError, match="There is no function of 15 tokens"):
        asked(tree, NEW, language="klingon")
    with pytest.raises(UsageError, match="A `line` needs the `path`"):
        asked_code([Place(tree), Place(tree)], None, None, 3)


def test_hostile_code_is_text(tree: Path) -> None:
    told = asked(tree, NEW.replace('"negative"', '"\u202e\x1b[31m' + "\ud83d" + '"'))
    assert "\x1b" not in told and "There already" in told
