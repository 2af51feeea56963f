"""Errors as compilers, runtimes and linters write them, and the file and line that each means."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from c2llm.search.code_index import CodeIndex
from tests.trees import write_tree

FOLDER = Path(__file__).parent / "traces"
CASES = [
    case
    for name in ("expected.json", "more.json")
    for case in json.loads((FOLDER / name).read_text(encoding="utf-8"))
]
LINES = 400
DECOYS = (
    "other/elsewhere/Handler.java", "src/com/acme/web/Handler.java",
    "src/com/acme/util/Objects.java",
    "vendor/lib/total.go", "tools/run/visit.rs", "docs/Mailer.cs", "old/ledger.py", "test/pay.js",
    "src/main.c", "include/pool.h", "src/jobs/run.py", "tests/test_ledger.py", "web/init.lua",
    "src/com/acme/web/Server.java", "src/App.vue.md", "src/web/cart.test.ts", "src/lib.js",
)  # fmt: skip


def source(path: str) -> str:
    """400 lines in which only line 242 is told apart, with the package where there is one."""
    folder, _, name = path.rpartition("/")
    head = ""
    if name.endswith((".java", ".kt")):
        package = {"src/main/kotlin/pricing": "com.acme.pricing"}.get(folder)
        head = f"package {package or folder.removeprefix('src/').replace('/', '.')}"
    lines = [f"value_{number} = step({number})" for number in range(1, LINES + 1)]
    lines[0] = head or lines[0]
    lines[241] = f"marked_line_of = {name.partition('.')[0]}"
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeIndex]:
    folder = tmp_path_factory.mktemp("traces")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("C2LLM_HOME", str(folder / "home"))
        paths = {*(case["path"] for case in CASES), *DECOYS}
        root = write_tree(folder / "p", {path: source(path) for path in sorted(paths)})
        with CodeIndex.open(root, embed="none") as opened:
            yield opened


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_first_hit_is_the_line_that_failed(index: CodeIndex, case: dict[str, object]) -> None:
    hit = index.search(str(case["text"]), 3, "lexical")[0]
    assert hit.path == case["path"]
    assert hit.start_line <= int(str(case["line"])) <= hit.end_line
