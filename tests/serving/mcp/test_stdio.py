"""The command as clients start it: a process of its own, spoken to over its standard streams."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from tests.serving.mcp.clients import MODES, calls, client, command, run, text
from tests.trees import write_tree

POSIX = pytest.mark.skipif(os.name != "posix", reason="needs signals")
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


def started(*options: str, **more: object) -> subprocess.Popen[bytes]:
    """The command, spoken to by hand."""
    wanted = command(*options)
    return subprocess.Popen(
        [wanted.command, *wanted.args],
        env={**os.environ, **(wanted.env or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **more,
    )


def said(process: subprocess.Popen[bytes], message: dict) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()


@pytest.mark.parametrize("mode", MODES)
def test_a_client_asks_and_edits(project: Path, mode: str) -> None:
    async def ask():
        async with client(command(), mode, project) as session:
            first = await session.call_tool("search", {"query": "retry with backoff"})
            write_tree(project, {"src/new.py": "def quaternion_slerp(): ...\n"})
            second = await session.call_tool("search", {"query": "quaternion slerp"})
            read = await session.call_tool("read", {"path": "src/new.py"})
            return text(first), text(second), text(read)

    first, second, read = run(ask)
    assert first.startswith("src/net/retry.py")
    assert second.startswith("src/new.py:1")
    assert "def quaternion_slerp" in read


def test_a_root_may_be_the_working_directory_if_that_is_said(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    found = calls(command("--root", "."), "legacy", [], ("search", {"query": "retry backoff"}))
    assert text(found[0]).startswith("src/net/retry.py")


def test_standard_output_holds_the_protocol_alone(project: Path) -> None:
    process = started("--root", str(project))
    said(process, HELLO)
    said(process, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    asked = {"name": "search", "arguments": {"query": "retry"}}
    said(process, {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": asked})
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(2)]
    out, error = process.communicate()
    assert [json.loads(line)["id"] for line in lines] == [1, 2]
    assert out == b"" and error == b"" and process.returncode == 0


def test_a_line_that_is_no_message_ends_nothing(project: Path) -> None:
    process = started("--root", str(project))
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b"nonsense\n\xff\xfe\n[]\n{}\n")
    said(process, HELLO)
    answers = iter(process.stdout.readline, b"")
    assert any(json.loads(line).get("id") == 1 for line in answers)
    _, error = process.communicate()
    assert process.returncode == 0 and b"Traceback" not in error


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_it_waits_for_a_message(project: Path, number: int) -> None:
    process = started("--root", str(project))
    said(process, HELLO)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    assert process.wait(60) == -number
    assert process.stderr is not None and process.stderr.read() == b""


def test_a_client_that_has_closed_its_end_is_no_failure(project: Path) -> None:
    process = started("--root", str(project))
    said(process, HELLO)
    assert process.stdin is not None and process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    said(process, {"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
    process.stdin.close()
    assert process.stderr is not None
    assert process.stderr.read() == b"" and process.wait() == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--root", "/"), "name the directory of one project"),
        (("--root", "/nowhere/at/all"), "There is no directory"),
        (("--http",), "give --root"),
        (("--key-file", "key"), "belong to --http"),
    ],
)
def test_wrong_use_is_one_sentence(options: tuple[str, ...], told: str) -> None:
    process = started(*options)
    out, error = process.communicate()
    assert process.returncode == 2 and out == b""
    assert told in error.decode() and b"Traceback" not in error


def test_without_the_extra_the_cure_is_told(tmp_path: Path) -> None:
    (tmp_path / "mcp.py").write_text("raise ModuleNotFoundError('no', name='mcp')\n")
    wanted = command()
    environment = {
        **(wanted.env or {}),
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{wanted.env['PYTHONPATH']}",
    }
    done = subprocess.run(
        [sys.executable, *wanted.args], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "pip install 'c2llm[serve]'" in done.stderr


def big_tree(folder: Path) -> Path:
    """Enough to cut that other processes do it, for some seconds."""
    body = "".join(f"def name_{n}(a, b):\n    return a + b * {n}\n\n" for n in range(400))
    return write_tree(folder, {f"src/m{n}.py": body.replace("name", f"n{n}") for n in range(300)})


def below(pid: int) -> set[int]:
    """A process and all that it has started and they."""
    found = {pid}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            if parent in found or parent == pid:
                found |= {int(entry.name)}
    return found


def alive(pids: set[int]) -> set[int]:
    """Those that run, and are not merely waiting to be asked how they ended."""
    running = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in "ZX":
            running.add(pid)
    return running


def wait_for_the_end(pids: set[int], seconds: float = 30.0) -> set[int]:
    """What is left after so long."""
    end = time.monotonic() + seconds
    while (left := alive(pids)) and time.monotonic() < end:
        time.sleep(0.02)
    return left


CLIENT = """
import json, subprocess, sys, os
processes = []
for _ in range(int(sys.argv[1])):
    process = subprocess.Popen(
        json.loads(sys.argv[2]), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    for message in json.loads(sys.argv[3]):
        process.stdin.write(json.dumps(message).encode() + b"\\n")
    process.stdin.flush()
    processes.append(process)
for process in processes:
    process.stdout.readline()
print(*[process.pid for process in processes], flush=True)
sys.stdin.read()
"""


@POSIX
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("busy", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_killed_client_leaves_no_process(tmp_path: Path, home: Path, busy: bool) -> None:
    tree = big_tree(tmp_path / "tree") if busy else write_tree(tmp_path / "tree", {"a.py": "x\n"})
    wanted = command("--root", str(tree))
    asked = {"name": "search", "arguments": {"query": "name of a thing"}}
    messages = [
        HELLO,
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        *([{"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": asked}] if busy else []),
    ]
    arguments = [json.dumps([wanted.command, *wanted.args]), json.dumps(messages)]
    parent = subprocess.Popen(
        [sys.executable, "-c", CLIENT, "2", *arguments],
        env=wanted.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    servers = {int(pid) for pid in parent.stdout.readline().split()}
    assert len(servers) == 2
    everyone = set().union(*map(below, servers))
    if busy:  # until one of them has begun to cut with others
        while len(everyone) < 3 and not list(home.rglob("*.sqlite")):
            everyone = everyone.union(*map(below, servers))
            time.sleep(0.01)
    everyone = everyone.union(*map(below, servers))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert wait_for_the_end(everyone) == set()


OUTLIVED = """
import json, subprocess, sys
process = subprocess.Popen(json.loads(sys.argv[1]), stdin=int(sys.argv[2]), stdout=subprocess.PIPE)
process.stdout.readline()
print(process.pid, flush=True)
sys.stdin.read()
"""


@POSIX
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_server_whose_pipe_stays_open_ends_with_its_parent() -> None:
    """Another process, here this one, may hold the other end of the pipe, which then stays open."""
    wanted = command()
    reading, writing = os.pipe()
    os.write(writing, json.dumps(HELLO).encode() + b"\n")
    parent = subprocess.Popen(
        [sys.executable, "-c", OUTLIVED, json.dumps([wanted.command, *wanted.args]), str(reading)],
        env=wanted.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(reading,),
    )
    os.close(reading)
    assert parent.stdout is not None
    server = {int(parent.stdout.readline())}
    assert alive(server) == server
    parent.kill()
    parent.wait()
    assert wait_for_the_end(server) == set()
    os.close(writing)


@pytest.mark.slow
def test_clients_at_once_on_one_tree_see_every_edit(project: Path) -> None:
    """Eight processes, one index file: no error of a lock, and no answer from before an edit."""

    async def ask():
        wrong: list[str] = []
        edited = anyio.Event()
        ready = 0
        everyone = anyio.Event()

        async def one(number: int) -> None:
            nonlocal ready
            async with client(command(), MODES[number % 2], project) as session:
                for words in ("retry with backoff", "load settings from toml"):
                    found = await session.call_tool("search", {"query": words})
                    if found.is_error or "files indexed" not in text(found):
                        wrong.append(text(found))
                ready += 1
                if ready == 8:
                    everyone.set()
                await edited.wait()
                found = await session.call_tool("search", {"query": "quaternion slerp"})
                if found.is_error or not text(found).startswith("src/q.py"):
                    wrong.append(text(found))

        async with anyio.create_task_group() as tasks:
            for number in range(8):
                tasks.start_soon(one, number)
            await everyone.wait()
            write_tree(project, {"src/q.py": "def quaternion_slerp(): ...\n"})
            edited.set()
        return wrong

    assert run(ask) == []


@pytest.mark.parametrize("root", ["", " "])
def test_an_empty_root_is_not_the_working_directory(project: Path, root: str) -> None:
    process = started("--root", root, cwd=project)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 2 and b"--root is empty" in told


def test_half_a_character_is_answered(project: Path) -> None:
    process = started("--root", str(project))
    said(process, HELLO)
    assert process.stdout is not None and process.stdout.readline()
    said(process, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    wanted = {"name": "search", "arguments": {"query": "retry with backoff \ud83d"}}
    said(process, {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": wanted})
    answer = json.loads(process.stdout.readline())
    assert answer["id"] == 2 and "src/net/retry.py" in answer["result"]["content"][0]["text"]
    process.communicate(timeout=10)
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
def test_a_name_that_is_no_text_in_a_mistake_leaves_the_server_alive(project: Path) -> None:
    root = project.rename(project.parent / os.fsdecode(b"t\xe9"))
    wanted = [("read", {"path": "/etc/passwd"}), ("read", {"path": "src/net/retry.py"})]
    refused, found = calls(command("--root", str(root)), "legacy", [], *wanted)
    assert refused.is_error and "t\\xe9" in text(refused)
    assert "retry" in text(found)
