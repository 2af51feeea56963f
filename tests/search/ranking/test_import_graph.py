"""Modules as files of the tree, and what the import graph does for the order of answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from c2llm.codebase.languages import detect_language
from c2llm.index.build.cutting import cut_file, pack_answer, unpack_answer
from c2llm.search.code_index import CodeIndex
from c2llm.search.pipeline import candidates_of
from c2llm.search.query.query_parsing import parse_query
from c2llm.search.ranking import import_graph as graph
from c2llm.search.ranking.import_graph import Modules
from c2llm.search.request import SearchRequest
from tests.trees import write_tree


def modules(*paths: str, root: str = "") -> Modules:
    languages = {path: detect_language(path, b"") or "text" for path in paths}
    return Modules(languages, root.split("/"))


@pytest.mark.parametrize(
    ("importer", "module", "expected"),
    [
        ("a/x.py", "./y", ["a/y.py"]),
        ("a/x.py", "../b/z", ["b/z.py"]),
        ("a/x.py", "./__init__", ["a/__init__.py"]),
        ("b/z.py", "a", ["a/__init__.py"]),
        ("b/z.py", "a/y", ["a/y.py"]),
        ("b/z.py", "y", []),  # not beside it or above it
        ("a/y.py", "x", ["a/x.py"]),
        ("a/x.py", "json", []),
        ("a/x.py", "deep/json", []),
    ],
)
def test_python_modules(importer: str, module: str, expected: list[str]) -> None:
    tree = modules("a/__init__.py", "a/x.py", "a/y.py", "b/z.py", "c/json.py", "a/y.js")
    assert tree.files(importer, [module]) == expected


@pytest.mark.parametrize(
    ("importer", "module", "expected"),
    [
        ("src/main/java/org/one/A.java", "org/one/B", ["src/main/java/org/one/B.java"]),
        ("src/main/java/org/one/A.java", "org/one/B/method", ["src/main/java/org/one/B.java"]),
        ("src/main/java/org/one/A.java", "org/two/", ["src/main/java/org/two/C.java"]),
        ("web/app.ts", "./views/list", ["web/views/list/index.ts"]),
        ("web/app.ts", "./util.js", ["web/util.ts"]),
        ("web/app.ts", ".", ["web/index.ts"]),
        ("web/views/list/index.ts", "../..", ["web/index.ts"]),
        ("net/mod.rs", "./tcp", ["net/tcp.rs"]),
        ("net/tcp.rs", "./stream/Stream", ["net/stream.rs"]),
        ("net/tcp.rs", "net/stream/Stream", ["net/stream.rs"]),
        ("cmd/main.go", "github.com/me/tool/cmd/sub/", ["cmd/sub/run.go"]),
        ("lib/vtls/tls.c", "urldata.h", ["lib/urldata.h"]),
        ("lib/vtls/tls.c", "vtls/tls.h", ["lib/vtls/tls.h"]),
        ("lib/my/app.ex", "my/http_client", ["lib/my/http_client.ex"]),
        ("bin/run.sh", "lib/x.sh", ["lib/x.sh"]),
    ],
)
def test_modules_of_other_languages(importer: str, module: str, expected: list[str]) -> None:
    tree = modules(
        *("src/main/java/org/one/A.java", "src/main/java/org/one/B.java"),
        *("src/main/java/org/two/C.java", "web/app.ts", "web/index.ts", "web/util.ts"),
        *("web/views/list/index.ts", "net/mod.rs", "net/tcp.rs", "net/stream.rs"),
        *("cmd/main.go", "cmd/sub/run.go", "lib/urldata.h", "lib/vtls/tls.c", "lib/vtls/tls.h"),
        *("lib/my/app.ex", "lib/my/http_client.ex", "bin/run.sh", "lib/x.sh"),
    )
    assert tree.files(importer, [module]) == expected


def test_what_may_be_two_files_is_none() -> None:
    tree = modules("one/pkg/thing.py", "two/pkg/thing.py", "main.py")
    assert tree.files("main.py", ["pkg/thing"]) == []
    assert tree.files("main.py", ["one/pkg/thing"]) == ["one/pkg/thing.py"]


def test_a_tree_inside_of_a_project_is_called_by_its_full_name() -> None:
    tree = modules("Core.hs", "Layout/Tall.hs", root="/home/me/xmonad/src/XMonad")
    assert tree.files("Core.hs", ["XMonad/Layout/Tall"]) == ["Layout/Tall.hs"]
    assert tree.files("Layout/Tall.hs", ["XMonad/Core"]) == ["Core.hs"]
    assert tree.files("Layout/Tall.hs", ["Other/Core"]) == []


FILES = {
    "app/handler.py": "from app.storage import save\n\n\ndef on_upload(request):\n"
    '    """Take an upload of a picture and keep it."""\n    save(request.body)\n',
    "app/storage.py": "def save(body):\n    write(body)\n",
    "app/other.py": "def save(body):\n    write(body)\n",
}
PADDING = {f"lib/part_{i}.py": f"def part_{i}(value):\n    return {i}\n" for i in range(12)}


@pytest.mark.parametrize("known_whole", [5_000, 0])
def test_what_a_match_imports_comes_before_its_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known_whole: int
) -> None:
    monkeypatch.setattr(graph, "_KNOWN_WHOLE", known_whole)
    root = write_tree(tmp_path / "one", FILES | PADDING)
    with CodeIndex.open(root, embed="none") as index:
        hits = index.search("upload picture and save body", 5, "lexical")
        again = index.search("upload picture and save body", 5, "lexical")
    order = [hit.path for hit in hits]
    assert order == ["app/handler.py", "app/storage.py", "app/other.py"]
    assert "imported by app/handler.py" in hits[1].why.reasons
    assert hits[2].score < hits[1].score
    assert not any("import" in reason for reason in hits[2].why.reasons)
    assert again == hits


def test_links_follow_what_files_say_now(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "one", FILES)
    query = parse_query("upload picture and save body")

    def links(index: CodeIndex) -> set[tuple[str, str]]:
        asked = [index.target(SearchRequest(query.text, mode="lexical"))]
        (corpus,) = candidates_of(asked, query, k=5, mode="lexical").corpora
        path_of = {file.id: file.path for file in index._store.files()}
        return {
            (path_of[one], path_of[other])
            for one, others in corpus.links.items()
            for other, imports in others.items()
            if imports
        }

    with CodeIndex.open(root, embed="none") as index:
        assert links(index) == {("app/handler.py", "app/storage.py")}
        changed = FILES["app/handler.py"].replace("app.storage", "app.other")
        write_tree(root, {"app/handler.py": changed})
        index.refresh()
        assert links(index) == {("app/handler.py", "app/other.py")}
        (root / "app/other.py").unlink()
        index.refresh()
        assert links(index) == set()
        assert len(index._store.imports()) == 1


def test_imports_pass_between_processes(tmp_path: Path) -> None:
    from c2llm.codebase.files.walk import walk

    root = write_tree(tmp_path / "one", FILES)
    cut = [cut_file(file) for file in walk(root).files]
    assert unpack_answer(pack_answer(cut)) == cut
    assert {file.path: file.imports for file in cut}["app/handler.py"] == (
        "app/storage",
        "app/storage/save",
    )
