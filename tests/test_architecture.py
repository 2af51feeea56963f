"""The house rules that a reader relies on: imports run one way, the core imports nothing heavy."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "c2llm"
ABOVE = {
    "codebase": set(),
    "modeling": set(),
    "encoding": {"codebase", "modeling"},
    "index": {"encoding", "codebase", "modeling"},
    "search": {"index", "encoding", "codebase", "modeling"},
    "training": {"search", "index", "encoding", "codebase", "modeling"},
    "analysis": {"search", "index", "encoding", "codebase", "modeling"},
    "evaluation": {
        "analysis",
        "training",
        *("search", "index", "encoding", "codebase", "modeling"),
    },
    "serving": {
        *("evaluation", "analysis", "training", "search", "index", "encoding", "codebase"),
        "modeling",
    },
}
SAMPLES = {"onnx_export.py"}
"""What models are calibrated and tried with holds SQL as it holds Go: as text."""
SQL = re.compile(r"""["']\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|PRAGMA) """)
MOST_FILES = {"cli": 25}
"""Files of a folder, beside its `__init__.py`; fifteen elsewhere."""
HEAVY = {"torch", "transformers", "sentence_transformers", "mteb", "onnx", "bm25s", "yaml"} | {
    *("mcp", "mcp_types", "pydantic", "starlette", "uvicorn", "fastapi", "prometheus_client"),
    *("pymilvus", "milvus_lite"),
}


def imports(path: Path, *, top_level: bool) -> set[str]:
    """Modules that a file imports, at its top level or anywhere (type checking aside)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("package", ABOVE)
def test_imports_run_one_way(package):
    for path in (SOURCE / package).rglob("*.py"):
        for module in imports(path, top_level=False):
            parts = module.split(".")
            if parts[0] == "c2llm" and len(parts) > 1 and (SOURCE / parts[1]).is_dir():
                allowed = {package, *ABOVE[package]}
                assert parts[1] in allowed, f"{path.name} of {package} imports {module}"


def test_protocols_are_known_in_one_place_each():
    """The rest of serving is there for other doors too, and is installed without the extra."""
    for path in (SOURCE / "serving").rglob("*.py"):
        if not {"mcp", "http"} & set(path.relative_to(SOURCE).parts):
            heavy = {m for m in imports(path, top_level=False) if m.split(".")[0] in HEAVY}
            assert not heavy, f"{path} imports {heavy}"


@pytest.mark.parametrize(
    "package", ["codebase", "encoding", "index", "search", "analysis", "evaluation", "cli"]
)
def test_heavy_libraries_are_imported_where_they_are_used(package):
    for path in (SOURCE / package).rglob("*.py"):
        heavy = {m for m in imports(path, top_level=True) if m.split(".")[0] in HEAVY}
        assert not heavy, f"{path} imports {heavy} at its top"


def test_sql_is_written_in_the_store_alone():
    store = SOURCE / "index" / "store"
    outside = [path for path in SOURCE.rglob("*.py") if store not in path.parents]
    for path in [*outside, *(SOURCE.parents[1] / "benchmarks").rglob("*.py")]:
        modules = imports(path, top_level=False)
        assert not {"sqlite3", "c2llm.index.store.schema"} & modules, path
        if path.name not in SAMPLES:
            assert not SQL.search(path.read_text(encoding="utf-8")), path
    assert SQL.search((store / "sqlite_questions.py").read_text(encoding="utf-8"))


def test_a_search_asks_any_store():
    for path in (SOURCE / "search").rglob("*.py"):
        modules = {m for m in imports(path, top_level=False) if ".store.sqlite_" in m}
        assert not modules, f"{path} imports {modules}"


def test_no_module_imports_itself_in_a_round():
    modules = {
        ".".join(("c2llm", *path.relative_to(SOURCE).with_suffix("").parts)): path
        for path in SOURCE.rglob("*.py")
        if path.name != "__init__.py"
    }
    waiting = {name: run_imports(path, modules) for name, path in modules.items()}
    while free := [name for name, needs in waiting.items() if not needs & waiting.keys()]:
        for name in free:
            del waiting[name]
    assert not waiting, f"these import each other: {sorted(waiting)}"


def run_imports(path: Path, modules: dict[str, Path]) -> set[str]:
    """Modules of ours that a file imports when it runs, at its top or in a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found & modules.keys()


def test_a_folder_is_an_idea():
    for folder in {path.parent for path in SOURCE.rglob("*.py")}:
        files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        most = MOST_FILES.get(str(folder.relative_to(SOURCE)), 15)
        assert len(files) <= most, f"{folder} has {len(files)} files"


def test_files_stay_readable():
    for path in SOURCE.rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 600, path


def test_a_search_never_loads_torch(tmp_path):
    (tmp_path / "a.py").write_text("def parse_toml(path):\n    return path\n")
    code = (
        "import sys\nfrom c2llm.cli.main import main\n"
        f"main(['search', 'parse toml', {str(tmp_path)!r}])\n"
        "sys.exit(sum(m in sys.modules for m in ('torch', 'transformers', 'safetensors')))"
    )
    environment = {"C2LLM_HOME": str(tmp_path / "home"), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"a.py" in done.stdout


READS = {("json", "load"), ("json", "loads"), ("yaml", "safe_load"), ("tomllib", "loads")}


def test_who_expects_what_is_no_json_expects_what_nests_too_deep():
    """Python's readers raise a `RecursionError` for that, which is no `ValueError`."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Try) and reads(node.body):
                caught = {
                    name.id
                    for handler in node.handlers
                    for name in ast.walk(handler.type or handler)
                    if isinstance(name, ast.Name)
                }
                foreseen = {"RecursionError", "Exception", "BaseException"} & caught
                assert "ValueError" not in caught or foreseen, f"{path}:{node.lineno}"


def reads(body: list[ast.stmt]) -> bool:
    """Whether statements call one of `READS`."""
    called = {
        (node.func.value.id, node.func.attr)
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    }
    return not READS.isdisjoint(called)


STARTS = re.compile(
    r"\b(subprocess|Popen|os\.(system|popen|exec\w+|spawn\w+|posix_spawn\w*)|pty|pexpect|sh"
    r"|create_subprocess_\w+)\b"
)
WRITES_CLONES = "own_clones.py"
"""Of benchmarks: it commits to bare clones that it has made, whose settings are git's own."""
GIT_LIBRARIES = {"git", "pygit2", "dulwich", "gitdb"}


def test_git_has_one_door():
    """A repository's settings name programs; these alone know how to run none."""
    doors = {SOURCE / "codebase" / "git.py", SOURCE / "codebase" / "revisions" / "clone.py"}
    doors.add(SOURCE.parents[1] / "benchmarks" / "own_clones.py")  # commits in clones that it made
    top = SOURCE.parents[1]
    folders = [SOURCE, top / "benchmarks", top / "recipes", top / "tools"]
    for path in (path for folder in folders for path in folder.rglob("*")):
        if path.suffix in (".sh", ".bash", ""):
            if path.is_file():
                assert not re.search(r"(^|[;&|(]\s*)git\s", path.read_text(), re.MULTILINE), path
        elif path.suffix == ".py" and path not in doors:
            text = path.read_text(encoding="utf-8")
            modules = {name.split(".")[0] for name in imports(path, top_level=False)}
            assert not GIT_LIBRARIES & modules, path
            asked = re.sub(r"@\w+\.command\(", "", text)  # a verb of the command line
            assert ".command(" not in asked or "Git(" not in text, path
            if STARTS.search(text) and path.name != WRITES_CLONES:
                assert not git_commands(ast.parse(text)), path


def git_commands(tree: ast.AST) -> list[str]:
    """Strings that would start git, be they a word of a command or a line for a shell."""
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [
        text
        for text in texts
        if isinstance(text, str) and re.match(r"(\S*/)?git(\.exe)?($|\s+[a-z-])", text)
    ]


@pytest.mark.parametrize(
    "call",
    [
        'subprocess.run(["git", "diff"])',
        'subprocess.Popen("git diff HEAD", shell=True)',
        'os.system("/usr/bin/git status")',
        'os.execvp("git", ["git", "log"])',
    ],
)
def test_a_call_of_git_is_recognised(call):
    assert STARTS.search(call) and git_commands(ast.parse(call))


def test_onnxruntime_is_imported_in_one_place():
    """It reports about its use, unless it is told not to before it is imported."""
    top = SOURCE.parents[1]
    folders = [SOURCE, top / "benchmarks", top / "recipes", top / "tools"]
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        if path != SOURCE / "encoding" / "onnx_runtime.py":
            modules = imports(path, top_level=False) - {"onnxruntime.quantization"}
            assert not any(m.split(".")[0] == "onnxruntime" for m in modules), path
