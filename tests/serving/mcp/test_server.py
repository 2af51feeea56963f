from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from c2llm.cli.main import main
from c2llm.errors import C2LLMError
from c2llm.search.answers.token_budget import tokens_of
from c2llm.serving.mcp import server as server_module
from c2llm.serving.mcp import tools
from c2llm.serving.mcp.server import DUPLICATES, READ, SEARCH, SIMILAR, STATUS, CodeSearchServer
from tests.serving.conftest import git, repository
from tests.serving.mcp.clients import MODEL, MODES, calls, client, run, text
from tests.trees import write_tree


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def server() -> CodeSearchServer:
    return CodeSearchServer(model=MODEL)


def test_what_a_client_is_told_first_is_short(server: CodeSearchServer, mode: str) -> None:
    async def listed():
        async with client(server, mode) as session:
            return session.instructions, (await session.list_tools()).tools

    instructions, found = run(listed)
    assert [tool.name for tool in found] == ["search", "similar", "duplicates", "read", "status"]
    described = "".join([instructions or "", *(tool.description or "" for tool in found)])
    assert "grep" in described and len(described.encode()) < 2_000
    assert {SEARCH, SIMILAR, DUPLICATES, READ, STATUS} == {tool.description for tool in found}
    schemas = json.dumps([tool.input_schema for tool in found])
    assert len(schemas.encode()) < 2_500
    assert all(tool.input_schema["additionalProperties"] is False for tool in found)
    assert all(tool.output_schema is None for tool in found)
    assert "client" not in found[0].input_schema["properties"]
    assert found[0].input_schema["required"] == ["query"]


def test_a_question_is_answered_once_with_the_truth_about_it(
    server: CodeSearchServer, mode: str, project: Path
) -> None:
    (result,) = calls(server, mode, [project], ("search", {"query": "retry with backoff"}))
    told = text(result)
    assert not result.is_error
    assert told.startswith("src/net/retry.py:") and "def retry_with_backoff" in told
    last = told.splitlines()[-1]
    commit = git(project, "rev-parse", "HEAD")[:10]
    assert f"commit {commit} (main), clean" in last and "5 files indexed, up to date" in last


def test_code_is_asked_by_what_it_achieved(
    server: CodeSearchServer, mode: str, project: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results.csv"
    results.write_text("file,ms\nsrc/net/retry.py,3\nsrc/net/client.py,7\n")
    main(["records", "import", str(results), str(project), "--key", "file"])
    asked = {"query": "", "where": "ms > 1", "sort": "-ms"}
    best, wrong = calls(
        server, mode, [project], ("search", asked), ("search", {**asked, "where": "seconds > 1"})
    )
    told = text(best)
    assert told.index("src/net/client.py") < told.index("src/net/retry.py")
    assert "  record: ms 7" in told and "  record: ms 3" in told
    assert wrong.is_error and "no column 'seconds'" in text(wrong)


def test_an_edit_is_in_the_next_answer(server: CodeSearchServer, mode: str, project: Path) -> None:
    async def ask():
        async with client(server, mode, project) as session:
            before = await session.call_tool("search", {"query": "quaternion slerp"})
            write_tree(project, {"src/q.py": "def quaternion_slerp(a, b):\n    return a\n"})
            (project / "src/net/client.py").unlink()
            after = await session.call_tool("search", {"query": "quaternion slerp"})
            return text(before), text(after)

    before, after = run(ask)
    assert "quaternion_slerp" not in before
    assert after.startswith("src/q.py:1") and "src/net/client.py" not in after
    assert "+ 1 untracked files" in after.splitlines()[-1]


def test_a_part_of_the_tree_alone(server: CodeSearchServer, mode: str, project: Path) -> None:
    write_tree(project, {"lib/README.md": "# retry with backoff\n"})
    asked = {"query": "retry with backoff"}
    found = calls(
        server,
        mode,
        [project],
        ("search", asked | {"path": "src/net"}),
        ("search", asked | {"path": "README.md"}),
        ("search", asked | {"path": "src", "include": ["*.go"]}),
        ("search", asked | {"languages": ["go"], "k": 1}),
    )
    paths = [set(re.findall(r"^(\S+):\d+-\d+", text(one), re.MULTILINE)) for one in found]
    assert paths[0] <= {"src/net/retry.py", "src/net/client.py"} and "src/net/retry.py" in paths[0]
    assert paths[1] == {"README.md"}
    assert paths[2] == paths[3] == {"src/config/settings.go"}


@pytest.mark.parametrize(
    ("tool", "arguments", "named"),
    [
        ("search", {"query": "x", "limit": 3}, "'limit'; it takes query, path, k"),
        ("search", {}, "`query`: field required"),
        ("search", {"query": "x", "k": "many"}, "`k`"),
        ("search", {"query": "x", "mode": "grep"}, "`mode`"),
        ("search", {"query": " "}, "say what you are looking for"),
        ("search", {"query": "x", "k": 0}, "at least 1"),
        ("search", {"query": "x", "max_tokens": 5}, "max_tokens must be 200"),
        ("search", {"query": "x", "languages": ["klingon"]}, "there are:"),
        ("search", {"query": "x", "path": "/"}, "outside of"),
        ("search", {"query": "x", "path": "nowhere"}, "There is no 'nowhere'"),
        ("search", {"query": "x", "path": "@none"}, "none"),
        ("similar", {"path": "src/net/retry.py", "line": 999}, "has"),
        ("similar", {"path": "src", "line": 1}, "is no file"),
        ("read", {"path": "src"}, "is no file"),
        ("read", {"path": ".git/config"}, "git"),
        ("read", {"path": "/etc/passwd"}, "outside of"),
        ("read", {"path": "/etc/there/is/no/such"}, "outside of"),
        ("read", {"path": "README.md", "start_line": 500}, "has"),
        ("status", {"path": "/etc"}, "outside of"),
    ],
)
def test_a_mistake_is_told_with_the_cure(
    server: CodeSearchServer, mode: str, project: Path, tool: str, arguments: dict, named: str
) -> None:
    (result,) = calls(server, mode, [project], (tool, arguments))
    told = text(result)
    assert result.is_error and named in told
    assert "Traceback" not in told and "pydantic" not in told


def test_a_list_that_a_client_sends_as_text_is_taken(
    server: CodeSearchServer, mode: str, project: Path
) -> None:
    asked = {"query": "settings", "languages": '["go"]', "k": "1"}
    (result,) = calls(server, mode, [project], ("search", asked))
    assert text(result).startswith("src/config/settings.go")


def test_what_nobody_foresaw_leaks_nothing(
    server: CodeSearchServer,
    mode: str,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def broken(*arguments: object, **options: object) -> str:
        raise RuntimeError("odd")

    monkeypatch.setattr(tools, "search", broken)
    (result,) = calls(server, mode, [project], ("search", {"query": "x"}))
    assert result.is_error and "should not have happened" in text(result)
    assert "Traceback" not in text(result) + capfd.readouterr().err


def test_without_roots_a_project_is_named_whole(
    server: CodeSearchServer, mode: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    asked = {"query": "retry with backoff"}
    refused, found = calls(
        server, mode, [], ("search", asked), ("search", asked | {"path": str(project)})
    )
    assert refused.is_error and "give `path`" in text(refused)
    assert text(found).startswith("src/net/retry.py")


def test_roots_that_the_server_was_started_with_come_first(
    mode: str, project: Path, tmp_path: Path
) -> None:
    other = repository(tmp_path / "other", {"o.py": "def retry_with_backoff(): ...\n"})
    fixed = CodeSearchServer([project], MODEL)
    found, refused = calls(
        fixed,
        mode,
        [other],
        ("search", {"query": "retry with backoff"}),
        ("search", {"query": "retry with backoff", "path": str(other)}),
    )
    assert "o.py" not in text(found) and refused.is_error


def test_several_roots_answer_in_one_list(
    server: CodeSearchServer, mode: str, project: Path, tmp_path: Path
) -> None:
    other = repository(tmp_path / "other é", {"again.py": "def retry_with_backoff(): ...\n"})
    asked = {"query": "retry_with_backoff"}
    found, read, like = calls(
        server,
        mode,
        [project, other],
        ("search", asked),
        ("read", {"path": "other é/again.py"}),
        ("similar", {"path": "project/src/net/retry.py", "line": 5}),
    )
    told = text(found)
    assert "project/src/net/retry.py:" in told and "other é/again.py:1" in told
    assert len([line for line in told.splitlines() if line.startswith("[")]) == 2
    assert text(read).startswith("again.py:1-1 of 1 lines\ndef retry_with_backoff")
    assert not like.is_error


def test_a_file_is_read_in_parts(server: CodeSearchServer, mode: str, project: Path) -> None:
    write_tree(project, {"long.py": "".join(f"line_{n} = {n}\n" for n in range(1, 6_001))})
    first, middle, most = calls(
        server,
        mode,
        [project],
        ("read", {"path": "long.py"}),
        ("read", {"path": str(project / "long.py"), "start_line": 700, "end_line": 702}),
        ("read", {"path": "long.py", "start_line": 1, "end_line": 6_000}),
    )
    assert text(first).startswith("long.py:1-200 of 6000 lines\nline_1 = 1\n")
    assert "start_line=201" in text(first)
    assert "long.py:700-702" in text(middle) and "the file is untracked" in text(middle)
    assert "Cut at" not in text(middle)
    assert tokens_of(text(most)) < 8_200 and "Cut at" in text(most)


def test_status_changes_nothing(
    server: CodeSearchServer, mode: str, project: Path, home: Path
) -> None:
    (before,) = calls(server, mode, [project], ("status", {}))
    assert "nothing yet" in text(before) and not list((home / "indexes").glob("*.sqlite"))
    _, after = calls(server, mode, [project], ("search", {"query": "retry"}), ("status", {}))
    assert "indexed: 5 files" in text(after) and "pending: none" in text(after)


def test_callers_are_named(server: CodeSearchServer, mode: str, project: Path) -> None:
    asked = {"query": "retry_with_backoff", "callers": True, "k": 3}
    (found,) = calls(server, mode, [project], ("search", asked))
    assert "called by tests/test_retry.py:" in text(found)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[CodeSearchServer]:
    """A server that is out of patience at once and does not get done with any index."""
    server = CodeSearchServer(model=MODEL, patience=0.01)
    go_on = threading.Event()

    def never(*arguments: object) -> None:
        go_on.wait()
        raise C2LLMError("the test is over")

    monkeypatch.setattr(server.indexes, "_fresh", never)
    yield server
    go_on.set()


def test_what_takes_longer_is_answered_from_what_there_is(
    slow: CodeSearchServer, mode: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("search", {"query": "retry with backoff"})
    calls(CodeSearchServer(model=MODEL), mode, [project], asked)
    monkeypatch.setattr(server_module, "_LAST_PATIENCE", 1e6)
    found, like = calls(
        slow, mode, [project], asked, ("similar", {"path": "src/net/retry.py", "line": 5})
    )
    assert "src/net/retry.py" in text(found) and "ask again" in text(found)
    for one in (found, like):
        assert not one.is_error and "NOT compared" in text(one).splitlines()[-1]


def test_where_there_is_nothing_yet_that_is_said(
    slow: CodeSearchServer, mode: str, project: Path
) -> None:
    (found,) = calls(slow, mode, [project], ("search", {"query": "retry with backoff"}))
    assert found.is_error and "Ask again in some seconds" in text(found)


def test_calls_at_once_are_all_answered(server: CodeSearchServer, mode: str, project: Path) -> None:
    async def ask():
        found = []

        async def one(session, number):
            asked = {"query": f"retry with backoff {number}"}
            found.append(text(await session.call_tool("search", asked)))

        async with client(server, mode, project) as session, anyio.create_task_group() as tasks:
            for number in range(12):
                tasks.start_soon(one, session, number)
        return found

    found = run(ask)
    assert len(found) == 12 and all("src/net/retry.py" in told for told in found)
