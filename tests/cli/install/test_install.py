"""`c2llm install`: what lands in whose file, and that nothing else of it changes."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from c2llm.cli.install import command as verb
from c2llm.cli.install import text_file
from c2llm.cli.install.clients import CLIENTS, Machine, is_ours
from c2llm.cli.install.command import command
from c2llm.cli.install.instructions import BEGIN, END
from c2llm.cli.install.program import is_temporary, program
from c2llm.errors import C2LLMError, UsageError
from tests.cli.install.test_edits import plain

USER_FILES = {
    "claude-code": ".claude.json",
    "codex": ".codex/config.toml",
    "cursor": ".cursor/mcp.json",
    "vscode": ".config/Code/User/mcp.json",
    "gemini": ".gemini/settings.json",
    "opencode": ".config/opencode/opencode.json",
    "zed": ".config/zed/settings.json",
    "windsurf": ".codeium/windsurf/mcp_config.json",
}
PROJECT_FILES = {
    "claude-code": ".mcp.json",
    "codex": ".codex/config.toml",
    "cursor": ".cursor/mcp.json",
    "vscode": ".vscode/mcp.json",
    "gemini": ".gemini/settings.json",
    "opencode": "opencode.json",
    "zed": ".zed/settings.json",
}
STRICT = {"claude-code", "cursor", "windsurf"}
"""Clients that document no comments."""
OTHER = {
    "claude-code": '{\n  "numStartups": 3,\n  "mcpServers": {\n    "o": {"command": "x"}\n  }\n}\n',
    "codex": 'model = "o3" # mine\n\n[mcp_servers.o]\ncommand = "x"\n\n[tui]\ntheme = "dark"\n',
    "cursor": '{"mcpServers":{"o":{"command":"x"}}}',
    "vscode": '{\n\t"inputs": [], // none\n\t"servers": {\n\t\t"o": {"command": "x"},\n\t},\n}\n',
    "gemini": '{\n  // look\n  "ui": {"theme": "Dracula"}\n}\n',
    "opencode": '{\n  "$schema": "https://opencode.ai/config.json",\n  "mcp": {},\n}\n',
    "zed": '// Zed settings\n{\r\n  "vim_mode": true,\r\n  "context_servers": {},\r\n}\r\n',
    "windsurf": "{}",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory of a user who has set nothing, on Linux."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in list(os.environ):
        if name.startswith("XDG_") or name.endswith(("_HOME", "_CONFIG_DIR")) or name == "APPDATA":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "platform", "linux")
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (folder / "src").mkdir()
    monkeypatch.chdir(folder)
    return folder


def run(*words: object) -> Result:
    done = CliRunner().invoke(command, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done


def told(*words: object) -> dict[str, Any]:
    found = json.loads(run(*words, "--json").stdout)
    assert isinstance(found, dict)
    return found


def read(client: str, path: Path) -> dict[str, Any]:
    """A file by the rules of its client."""
    text = path.read_bytes().decode()
    if client == "codex":
        return tomllib.loads(text)
    data = json.loads(text if client in STRICT else plain(text))
    assert isinstance(data, dict)
    return data


def server(client: str, data: dict[str, Any]) -> dict[str, Any]:
    """The server as each client's documentation has it written."""
    key = {"codex": "mcp_servers", "vscode": "servers", "opencode": "mcp", "zed": "context_servers"}
    found = data[key.get(client, "mcpServers")]["c2llm"]
    assert isinstance(found, dict)
    return found


def words_of(client: str, entry: dict[str, Any]) -> list[str]:
    """The command that a client starts for an entry."""
    if client == "opencode":
        assert entry["type"] == "local" and set(entry) == {"type", "command"}
        return list(entry["command"])
    if client in ("claude-code", "cursor", "vscode"):
        assert entry["type"] == "stdio"
    return [entry["command"], *entry["args"]]


@pytest.mark.parametrize("client", USER_FILES)
def test_a_users_file_is_made_and_starts_this_c2llm(client: str, home: Path) -> None:
    run(client, "--yes")
    path = home / USER_FILES[client]
    words = words_of(client, server(client, read(client, path)))
    assert Path(words[0]).is_absolute() and words[: len(program()) + 1] == [*program(), "mcp"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    run(client, "--uninstall", "--yes")
    assert [one for one in home.rglob("*") if one.is_file()] == []
    assert list(home.iterdir()) == [], "folders that were made for it go too"


@pytest.mark.parametrize("client", USER_FILES)
def test_what_is_there_stays_and_comes_back(client: str, home: Path) -> None:
    path = home / USER_FILES[client]
    path.parent.mkdir(parents=True, exist_ok=True)
    before = OTHER[client].encode()
    path.write_bytes(before)
    path.chmod(0o640)
    old = read(client, path)
    shown = run(client)
    assert path.read_bytes() == before and "+ " in shown.stdout and str(path) in shown.stdout
    run(client, "--yes")
    new = read(client, path)
    entry = server(client, new)
    assert is_ours(entry)
    key = next(one for one in new if isinstance(new[one], dict) and "c2llm" in new[one])
    del new[key]["c2llm"]
    assert new == {key: {}, **old}
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    after = path.read_bytes()
    run(client, "--yes")
    assert path.read_bytes() == after, "a second time changes nothing"
    run(client, "--uninstall", "--yes")
    assert path.read_bytes() == before
    run(client, "--uninstall", "--yes")
    assert path.read_bytes() == before


@pytest.mark.parametrize("client", USER_FILES)
def test_it_is_taken_out_of_a_file_that_was_edited_since(client: str, home: Path) -> None:
    path = home / USER_FILES[client]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(OTHER[client].encode())
    run(client, "--yes")
    path.write_bytes(path.read_bytes() + b"\n")
    run(client, "--uninstall", "--yes")
    assert b"c2llm" not in path.read_bytes()
    assert "".join(path.read_text().split()) == "".join(OTHER[client].split())


@pytest.mark.parametrize("client", PROJECT_FILES)
def test_a_project_has_its_own_file(client: str, project: Path, home: Path) -> None:
    os.chdir(project / "src")
    run(client, "--scope", "project", "--yes")
    words = words_of(client, server(client, read(client, project / PROJECT_FILES[client])))
    workspace = "${workspaceFolder}"
    roots = {"cursor": workspace, "vscode": workspace, "codex": ".", "zed": "."}
    named = ["--root", roots[client]] if client in roots else []
    assert words == [*program(), "mcp", *named]
    assert list(home.iterdir()) == []
    run(client, "--scope", "project", "--uninstall", "--yes")
    assert sorted(one.name for one in project.iterdir()) == [".git", "src"]


def test_the_program_starts_without_a_path(home: Path) -> None:
    run("claude-code", "--yes")
    words = words_of(
        "claude-code", server("claude-code", read("claude-code", home / ".claude.json"))
    )
    done = subprocess.run(
        [*words[:-1], "--version"], env={}, cwd="/", capture_output=True, text=True, check=False
    )
    assert "c2llm, version" in done.stdout, done.stderr


def test_json_tells_all(home: Path) -> None:
    found = told("codex")
    [file] = found["files"]
    assert found["entry"] == {
        "command": program()[0],
        "args": [*program()[1:], "mcp", "--root", "."],
    }
    assert file["file"] == str(home / ".codex/config.toml")
    assert (file["exists"], file["written"], file["deleted"]) == (False, False, False)
    assert tomllib.loads(file["changes"][0]["added"])["mcp_servers"]["c2llm"] == found["entry"]
    assert not (home / ".codex").exists()
    assert told("codex", "--yes")["files"][0]["written"]
    assert told("codex", "--yes")["files"][0]["changes"] == []


@pytest.mark.parametrize("client", ["claude-code", "codex"])
def test_somebody_elses_server_of_the_name_stays(client: str, home: Path) -> None:
    path = home / USER_FILES[client]
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        '[mcp_servers.c2llm]\ncommand = "other"\nenv = {A = "1"}\n'
        if client == "codex"
        else '{"mcpServers": {"c2llm": {"command": "other", "env": {"A": "1"}}}}'
    )
    before = path.read_bytes()
    for words in ([client, "--yes"], [client, "--uninstall", "--yes"]):
        with pytest.raises(UsageError, match=r"does not start c2llm.*--force"):
            run(*words)
        assert path.read_bytes() == before
    run(client, "--force", "--yes")
    entry = server(client, read(client, path))
    assert is_ours(entry) and "env" not in entry


def test_of_our_own_entry_the_command_alone_is_brought_up_to_date(home: Path) -> None:
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    text = (
        '{\n  "mcpServers": {\n    "c2llm": {\n      "command": "/old/bin/c2llm",\n'
        '      "args": ["mcp"],\n      "env": {"C2LLM_HOME": "/data"}\n    }\n  }\n}\n'
    )
    path.write_text(text)
    run("cursor", "--yes")
    entry = server("cursor", read("cursor", path))
    assert entry["env"] == {"C2LLM_HOME": "/data"} and entry["command"] == program()[0]


@pytest.mark.parametrize(
    ("entry", "ours"),
    [
        ({"command": "/a/bin/c2llm", "args": ["mcp"]}, True),
        ({"command": "C:\\Tools\\c2llm.exe", "args": ["mcp", "."]}, True),
        ({"command": "/usr/bin/python3.12", "args": ["-m", "c2llm", "mcp"]}, True),
        ({"type": "local", "command": ["c2llm", "mcp"]}, True),
        ({"command": {"path": "c2llm", "args": ["mcp"]}}, True),
        ({"command": "c2llm", "args": ["search"]}, False),
        ({"command": "docker", "args": ["run", "c2llm", "mcp"]}, False),
        ({"command": "notc2llm", "args": ["mcp"]}, False),
        ({"url": "http://127.0.0.1:8000/mcp"}, False),
        ({"command": 7}, False),
        ({"command": "c2llm", "args": [["mcp"]]}, False),
        ({"command": None, "args": None}, False),
        ([], False),
        ("c2llm mcp", False),
    ],
)
def test_ours_is_what_starts_c2llm(entry: object, ours: bool) -> None:
    assert is_ours(entry) is ours


def test_opencode_is_written_as_its_file_is(home: Path) -> None:
    path = home / ".config/opencode/opencode.jsonc"
    path.parent.mkdir(parents=True)
    path.write_text('{\n  "mcp": {\n    "servers": {\n      // of version 2\n    }\n  }\n}\n')
    run("opencode", "--yes")
    data = json.loads(plain(path.read_text()))
    assert is_ours(data["mcp"]["servers"]["c2llm"]) and list(data["mcp"]) == ["servers"]
    assert [one.name for one in path.parent.iterdir()] == ["opencode.jsonc"]
    # A server of the first version may be called "servers".
    path.write_text('{"mcp": {"servers": {"type": "remote", "url": "https://example.com"}}}')
    run("opencode", "--yes")
    assert is_ours(json.loads(path.read_text())["mcp"]["c2llm"])


def test_the_entry_is_found_in_any_of_a_clients_files(project: Path) -> None:
    (project / "opencode.json").write_text("{}")
    (project / "opencode.jsonc").write_text('{"mcp": {"c2llm": {"command": ["c2llm", "mcp"]}}}')
    run("opencode", "--scope", "project", "--uninstall", "--yes")
    assert (project / "opencode.jsonc").read_text() == '{"mcp": {}}'
    assert (project / "opencode.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "is not JSON.*closing brace"),
        (b'{"mcpServers": []}', "mcpServers is no object in line 1"),
        (b'{"a": 1,\n "mcpServers": {}\n, "mcpServers": {}}', "there twice in line 3"),
        (b"\xff\xfe{\x00}\x00", "not in UTF-8 at byte 0"),
        (b"[]", "is no object"),
    ],
)
def test_a_malformed_file_is_told_and_left(content: bytes, why: str, home: Path) -> None:
    path = home / ".claude.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=why) as error:
        run("claude-code", "--yes")
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    assert path.read_bytes() == content
    assert [one.name for one in home.iterdir()] == [".claude.json"]


def test_a_byte_order_mark_stays(home: Path) -> None:
    path = home / ".claude.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    run("claude-code", "--yes")
    assert path.read_bytes().startswith(b'\xef\xbb\xbf{"a": 1, "mcpServers"')
    run("claude-code", "--uninstall", "--yes")
    assert path.read_bytes() == b'\xef\xbb\xbf{"a": 1}'


def test_a_users_link_is_followed_and_stays(home: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_text('{"a": 1}')
    (home / ".claude.json").symlink_to(real)
    run("claude-code", "--yes")
    assert (home / ".claude.json").is_symlink()
    assert is_ours(json.loads(real.read_text())["mcpServers"]["c2llm"])
    run("claude-code", "--uninstall", "--yes")
    assert real.read_text() == '{"a": 1}'
    real.unlink()
    with pytest.raises(UsageError, match="leads nowhere"):
        run("claude-code", "--yes")
    assert not real.exists()


def test_no_link_of_a_project_is_followed(project: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mcp.json").write_text("{}")
    (project / ".cursor").symlink_to(outside)
    (project / ".mcp.json").symlink_to(outside / "mcp.json")
    (project / "AGENTS.md").symlink_to(outside / "new.md")
    (project / "opencode.jsonc").symlink_to(project / "opencode.jsonc")
    for words in (
        ["cursor", "--scope", "project"],
        ["claude-code", "--scope", "project"],
        ["codex", "--instructions"],
        ["opencode", "--scope", "project"],
    ):
        for more in ([], ["--uninstall"]):
            with pytest.raises(UsageError, match="is a link, which is not followed"):
                run(*words, *more, "--yes")
    assert [one.name for one in outside.iterdir()] == ["mcp.json"]
    assert (outside / "mcp.json").read_text() == "{}"


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "file for a folder"])
def test_odd_files_are_refused(kind: str, project: Path) -> None:
    path = project / ".vscode" / "mcp.json"
    if kind == "file for a folder":
        path.parent.write_text("")
    else:
        path.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        if os.geteuid():
            pytest.skip("only root makes devices")
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    with pytest.raises(C2LLMError, match=r"regular file|directory|cannot be|no configuration"):
        run("vscode", "--scope", "project", "--yes")


def test_a_change_in_between_is_not_lost(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / ".claude.json"
    path.write_text('{"a": 1}')
    real = os.fsync

    def busy(number: int) -> None:
        path.write_text('{"a": 2}')
        real(number)

    monkeypatch.setattr(text_file.os, "fsync", busy)
    with pytest.raises(C2LLMError, match="changed meanwhile"):
        run("claude-code", "--yes")
    assert path.read_text() == '{"a": 2}'
    assert [one.name for one in home.iterdir()] == [".claude.json"]


def test_a_full_disk_leaves_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / ".claude.json"
    path.write_text('{"a": 1}')

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(text_file.os, "fsync", full)
    with pytest.raises(C2LLMError, match="cannot be written: No space left on device"):
        run("claude-code", "--yes")
    assert path.read_text() == '{"a": 1}'
    assert [one.name for one in home.iterdir()] == [".claude.json"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_file_is_told(home: Path) -> None:
    path = home / ".claude.json"
    path.write_text("{}")
    path.chmod(0o400)
    with pytest.raises(C2LLMError, match="read-only"):
        run("claude-code", "--yes")


def test_without_a_place_for_the_record_it_works_too(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    path = home / ".claude.json"
    path.write_text('{\n  "a": 1\n}\n')
    run("claude-code", "--yes")
    run("claude-code", "--uninstall", "--yes")
    assert json.loads(path.read_text()) == {"a": 1, "mcpServers": {}}


@pytest.mark.parametrize(
    "known",
    [
        "[]",
        "{",
        '{"FILE": 7}',
        '{"FILE": {"checksum": "x", "pieces": 3}}',
        '{"FILE": {"checksum": "SUM", "pieces": [[0, "{", "x"]], "made_container": 1, '
        '"made_file": 1, "folders": ["/"]}}',
        '{"FILE": {"checksum": "SUM", "pieces": [[0, "other", ""]], "made_container": 1, '
        '"made_file": 1, "folders": []}}',
    ],
)
def test_a_record_that_is_not_ours_does_no_harm(known: str, home: Path, tmp_path: Path) -> None:
    path = home / ".claude.json"
    path.write_text('{"a": 1}')
    run("claude-code", "--yes")
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    record = tmp_path / "cache" / "clients.json"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert "a" not in json.loads(record.read_text())[str(path)]["pieces"][0]
    record.write_text(known.replace("FILE", str(path)).replace("SUM", checksum))
    run("claude-code", "--uninstall", "--yes")
    found = json.loads(path.read_text())
    assert found.pop("mcpServers", {}) == {} and found == {"a": 1}


def test_instructions_are_put_into_agents_md_and_taken_out(project: Path, home: Path) -> None:
    assert "For your agent" in run("codex").stdout
    path = project / "AGENTS.md"
    run("codex", "--instructions", "--yes")
    assert path.read_text().startswith(BEGIN) and path.read_text().endswith(f"{END}\n")
    run("codex", "--instructions", "--uninstall", "--yes")
    assert not path.exists()
    for before in ("# Rules\n", "# Rules", "# Rules\r\n\r\nBe kind.\r\n", "# Rules\n\n"):
        path.write_bytes(before.encode())
        run("codex", "--instructions", "--yes")
        once = path.read_bytes()
        assert once.startswith(before.encode()) and once.count(BEGIN.encode()) == 1
        run("codex", "--instructions", "--yes")
        assert path.read_bytes() == once
        path.write_bytes(once.replace(b"Finding code", b"Old words") + b"More.\n")
        run("codex", "--instructions", "--yes")
        assert path.read_bytes() == once + b"More.\n", "what is between the marks is brought up"
        path.write_bytes(once)
        run("codex", "--instructions", "--uninstall", "--yes")
        assert path.read_bytes().rstrip() == before.encode().rstrip()


def test_half_a_pair_of_marks_is_told(project: Path) -> None:
    for text in (f"{BEGIN}\n", f"{END}\n{BEGIN}\n", f"{BEGIN}{END}{BEGIN}{END}"):
        (project / "AGENTS.md").write_text(text)
        with pytest.raises(UsageError, match=r"AGENTS.md has"):
            run("codex", "--instructions", "--yes")


def test_the_scope_must_make_sense(
    project: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="Windsurf has no configuration in a project"):
        run("windsurf", "--scope", "project")
    monkeypatch.chdir(home)
    for words in (["cursor", "--scope", "project"], ["cursor", "--instructions"]):
        with pytest.raises(UsageError, match="is no project"):
            run(*words)
    with pytest.raises(UsageError, match="is no project"):
        run("cursor", "/", "--scope", "project")
    with pytest.raises(UsageError, match="There is no directory"):
        run("cursor", "nowhere", "--scope", "project")


def test_files_are_where_each_system_has_them(tmp_path: Path) -> None:
    home = Path("/home/me")
    roaming = {"APPDATA": "/c/Users/me/AppData/Roaming"}
    mac, windows = Machine("darwin", home, {}), Machine("win32", home, roaming)
    moved = Machine(
        "linux",
        home,
        {
            "XDG_CONFIG_HOME": "/cfg",
            "CLAUDE_CONFIG_DIR": "/claude",
            "CODEX_HOME": "/codex",
            "GEMINI_CLI_HOME": "/gemini",
        },
    )

    def first(client: str, machine: Machine) -> str:
        return CLIENTS[client].user_files(machine)[0].as_posix()

    assert first("vscode", mac) == "/home/me/Library/Application Support/Code/User/mcp.json"
    assert first("vscode", windows) == "/c/Users/me/AppData/Roaming/Code/User/mcp.json"
    assert first("vscode", moved) == "/cfg/Code/User/mcp.json"
    assert first("zed", mac) == "/home/me/.config/zed/settings.json"
    assert first("zed", windows) == "/c/Users/me/AppData/Roaming/Zed/settings.json"
    assert first("claude-code", moved) == "/claude/.claude.json"
    assert first("codex", moved) == "/codex/config.toml"
    assert first("gemini", moved) == "/gemini/.gemini/settings.json"
    assert first("opencode", moved) == "/cfg/opencode/opencode.json"
    relative = Machine("linux", home, {"XDG_CONFIG_HOME": "here", "CODEX_HOME": ""})
    assert first("zed", relative) == "/home/me/.config/zed/settings.json"
    assert first("codex", relative) == "/home/me/.codex/config.toml"


@pytest.mark.parametrize(
    ("client", "folder"),
    [("gemini", "/opt/$x"), ("claude-code", "/opt/${x}"), ("opencode", "/opt/{env:x}")],
)
def test_a_path_that_the_client_would_replace_is_refused(
    client: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("c2llm.cli.install.program.program", lambda: [f"{folder}/c2llm"])
    with pytest.raises(UsageError, match="would replace a part of the path"):
        run(client)


def test_a_passing_installation_is_told() -> None:
    assert is_temporary(["/home/me/.cache/uv/archive-v0/Xy/bin/c2llm"])
    assert is_temporary(["/home/me/.local/pipx/.cache/12ab/bin/c2llm"])
    assert not is_temporary(["/home/me/.local/share/uv/tools/c2llm/bin/c2llm"])


def test_the_verb_names_every_client() -> None:
    assert tuple(CLIENTS) == verb._CLIENTS


def test_an_empty_home_is_no_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "")
    with pytest.raises(RuntimeError, match="HOME"):
        Machine.here()
