"""A revision has the files that the walk finds in its checkout, under the same hashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from c2llm.analysis.trees.folder import FileTree, FolderTree
from c2llm.analysis.trees.functions import Source, functions_of
from c2llm.analysis.trees.opening import open_tree
from c2llm.analysis.trees.revision import RevisionTree, repository_at
from c2llm.errors import DataError, UsageError
from tests.codebase.revisions.test_uncommitted import git

CODE = (
    "import os\n\n\ndef first(a):\n    return a\n\n\nLIMIT = 3\n\n\ndef second(b):\n    return b\n"
)
FILES = {
    "a.py": CODE.encode(),
    "dir/b.go": b"package b\n\nfunc B() int { return 1 }\n",
    "dir/settings.yaml": b"a: 1\n",
    "README.md": b"# words\n",
    "node_modules/x/index.js": b"x = 1\n",
    "generated/out.py": b"x = 1\n",
    "thirdparty/lib.py": b"def f():\n    return 2\n",
    "mine/skip.py": b"def f():\n    return 2\n",
    "venv/pyvenv.cfg": b"home = x\n",
    "venv/x.py": b"x = 1\n",
    "binary.py": b"\0\1\2\3" * 400,
    "latin.py": "def f():\n    return 'ä'\n".encode("latin-1"),
    ".env": b"KEY=1\n",
    "package-lock.json": b"{}\n",
    "empty.py": b"",
    "crlf.py": b"x = 1\r\ny = 2\r\n",
    ".c2llmignore": b"mine/\n",
    ".gitattributes": b"generated/** linguist-generated\nthirdparty/* linguist-vendored\n",
    "raw\udcff.py": b"x = 1\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "link.py").symlink_to("a.py")
    git(folder, "add", "-Af")
    git(folder, "-c", "core.autocrlf=false", "commit", "-qm", "x")
    return folder


def test_a_revision_has_what_the_walk_finds_in_its_checkout(root: Path):
    folder = FolderTree(root)
    revision = RevisionTree(repository_at(root), "HEAD")
    assert dict(revision.files()) == dict(folder.files())
    assert set(folder.files()) == {
        *("a.py", "binary.py", "crlf.py", "dir/b.go", "dir/settings.yaml", "latin.py"),
        *("raw\udcff.py", ".c2llmignore", ".gitattributes"),
    }
    revision.read_ahead(folder.files())
    for path in folder.files():
        assert revision.functions(path) == folder.functions(path)
    assert folder.functions("binary.py") == ()
    assert "'ä'" in folder.functions("latin.py")[0].text


def test_a_bare_repository_and_a_part_of_one(root: Path, tmp_path: Path):
    git(tmp_path, "clone", "-q", "--bare", str(root), "bare.git")
    bare = RevisionTree(repository_at(tmp_path / "bare.git"), "main")
    assert bare.files() == RevisionTree(repository_at(root), "HEAD").files()
    part = RevisionTree(repository_at(root), "HEAD", "dir")
    assert set(part.files()) == {"b.go", "settings.yaml"}
    assert set(RevisionTree(repository_at(root), "HEAD", "dir/b.go").files()) == {"b.go"}
    with pytest.raises(UsageError, match="no 'nowhere'"):
        RevisionTree(repository_at(root), "HEAD", "nowhere")


@pytest.mark.parametrize("revision", ["--help", "nothing", "", " ", "a\nb", "HEAD:a.py"])
def test_what_is_no_commit_is_refused(root: Path, revision: str):
    with pytest.raises(UsageError, match="no revision"):
        RevisionTree(repository_at(root), revision)


def test_functions_keep_their_lines_and_the_rest_stays_in_place(root: Path):
    functions = FolderTree(root).functions("a.py")
    assert [(f.name, f.start_line, f.end_line) for f in functions] == [
        ("first", 4, 5),
        ("second", 11, 12),
        ("", 1, 13),
    ]
    assert functions[2].text.split("\n")[7] == "LIMIT = 3"
    assert "def" not in functions[2].text


def test_a_function_within_another_is_a_part_of_it_unless_that_is_a_module_in_disguise():
    inner = "def outer():\n    def inner():\n        return 1\n    return inner\n"
    assert [f.name for f in functions_of(Source("a.py", "python", inner))] == ["outer"]
    body = "".join(f"    def f{n}():\n        return {n}\n" for n in range(80))
    names = [f.name for f in functions_of(Source("a.py", "python", f"def outer():\n{body}"))]
    assert names == [*(f"f{n}" for n in range(80)), ""]


def test_a_file_that_the_user_names_is_read_whatever_the_rules_say(root: Path):
    tree = FileTree(root / ".env")
    assert [f.text for f in tree.functions(".env")] == ["KEY=1\n"]
    with pytest.raises(DataError):
        tree.text("../a.py")


def test_names_of_trees(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(root)
    git(root, "mv", "a.py", "dir/c.py")
    git(root, "commit", "-qm", "y")
    assert "dir/c.py" in open_tree(".", root).files()
    assert "a.py" in open_tree("HEAD~1", root).files()
    assert "a.py" in open_tree(".@HEAD~1", root).files()
    assert "c.py" in open_tree("dir@main", root).files()
    assert "c.py" in open_tree("HEAD", root / "dir").files()
    assert list(open_tree("a.py@HEAD~1", root).files()) == ["a.py"]
    assert list(open_tree(str(root / "a.py@HEAD~1"), tmp_path).files()) == ["a.py"]
    git(tmp_path, "clone", "-q", "--bare", str(root), "bare.git")
    assert "a.py" in open_tree(f"{tmp_path}/bare.git@HEAD~1", tmp_path).files()
    assert "dir/c.py" in open_tree(str(tmp_path / "bare.git"), tmp_path).files()
    for name in ("nowhere", "no/where", "dir@nowhere", "x@y"):
        with pytest.raises(UsageError):
            open_tree(name, root)
    with pytest.raises(UsageError, match="in no git repository"):
        open_tree("nowhere", tmp_path)
