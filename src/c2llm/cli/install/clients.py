"""The clients that can be configured: where each keeps its servers, and how it writes one.

What each client documents about this, and what was tried, is told in docs/clients.md.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Scope = Literal["user", "project"]
Entry = dict[str, object]

NAME = "c2llm"
"""What the server is called in every client."""
_WORKSPACE = "${workspaceFolder}"


@dataclass(frozen=True, slots=True)
class Machine:
    """What the places of a user's files depend on."""

    platform: str
    """As `sys.platform`."""
    home: Path
    environment: Mapping[str, str]

    @classmethod
    def here(cls) -> Machine:
        """This one.

        Raises:
            RuntimeError: the user has no home directory.
        """
        if os.environ.get("HOME") == "":  # which Python takes for the root of the disk
            raise RuntimeError("HOME is empty")
        return cls(sys.platform, Path.home(), os.environ)

    def folder(self, variable: str, otherwise: str) -> Path:
        """What a variable names, if it is absolute, else a folder of the home directory."""
        named = Path(self.environment.get(variable, ""))
        return named if named.is_absolute() else self.home / otherwise


@dataclass(frozen=True, slots=True)
class Client:
    """One coding agent or editor."""

    key: str
    """What it is called on the command line."""
    title: str
    user_files: Callable[[Machine], Sequence[Path]]
    """Where its user's configuration may be; the first one is made where there is none."""
    project_files: Sequence[str]
    """The same in a project, with `/`; empty where it has none."""
    containers: Sequence[tuple[str, ...]]
    """Keys that lead to its servers; the first that is there already, else the last."""
    typed: Mapping[str, str] = field(default_factory=dict)
    """What it wants said of a server beside its command."""
    one_list: bool = False
    """Whether program and arguments are one list."""
    user_root: str | None = None
    """The project's folder, for a client that does not tell its roots: a variable that it replaces,
    or `.` where it starts servers in the project."""
    project_root: str | None = None
    expands: str = r"\$\{"
    """What it replaces inside of texts, so that no path may have it."""
    after: str = ""
    """What is to be done in the client, or known of it."""
    reads: str = ""
    """How it comes to read AGENTS.md, where it does not do so by itself."""

    def entry(self, command: Sequence[str], scope: Scope) -> Entry:
        """The server as this client writes it."""
        root = self.user_root if scope == "user" else self.project_root
        words = [*command, "mcp", *([] if root is None else ["--root", root])]
        if self.one_list:
            return {**self.typed, "command": words}
        return {**self.typed, "command": words[0], "args": words[1:]}

    def expanded(self, command: Sequence[str]) -> str | None:
        """The word of a command that this client would not take literally."""
        return next((word for word in command if re.search(self.expands, word)), None)


def is_ours(entry: Any) -> bool:
    """Whether an entry starts `c2llm mcp`, wherever that is installed."""
    if not isinstance(entry, dict):
        return False
    if isinstance(entry.get("command"), dict):  # as Zed wrote it once
        entry = {"command": entry["command"].get("path"), **entry["command"]}
    words: list[object] = []
    for part in (entry.get("command"), entry.get("args", [])):
        words += part if isinstance(part, list) else [part]
    texts = [word for word in words if isinstance(word, str)]
    if not texts or len(texts) < len(words):
        return False
    program, rest = re.split(r"[/\\]", texts[0])[-1].removesuffix(".exe"), texts[1:]
    if program.startswith(("python", "pypy")) and rest[:2] == ["-m", "c2llm"]:
        program, rest = "c2llm", rest[2:]
    return program == "c2llm" and rest[:1] == ["mcp"]


def _claude(machine: Machine) -> list[Path]:
    return [machine.folder("CLAUDE_CONFIG_DIR", ".") / ".claude.json"]


def _codex(machine: Machine) -> list[Path]:
    return [machine.folder("CODEX_HOME", ".codex") / "config.toml"]


def _vscode(machine: Machine) -> list[Path]:
    if machine.platform == "win32":
        folder = machine.folder("APPDATA", "AppData/Roaming")
    elif machine.platform == "darwin":
        folder = machine.home / "Library" / "Application Support"
    else:
        folder = machine.folder("XDG_CONFIG_HOME", ".config")
    return [folder / "Code" / "User" / "mcp.json"]


def _gemini(machine: Machine) -> list[Path]:
    return [machine.folder("GEMINI_CLI_HOME", ".") / ".gemini" / "settings.json"]


def _opencode(machine: Machine) -> list[Path]:
    folder = machine.folder("XDG_CONFIG_HOME", ".config") / "opencode"
    return [folder / "opencode.json", folder / "opencode.jsonc", folder / "config.json"]


def _zed(machine: Machine) -> list[Path]:
    if machine.platform == "win32":
        return [machine.folder("APPDATA", "AppData/Roaming") / "Zed" / "settings.json"]
    if machine.platform == "darwin":
        return [machine.home / ".config" / "zed" / "settings.json"]
    return [machine.folder("XDG_CONFIG_HOME", ".config") / "zed" / "settings.json"]


CLIENTS: dict[str, Client] = {
    one.key: one
    for one in (
        Client(
            "claude-code",
            "Claude Code",
            _claude,
            [".mcp.json"],
            [("mcpServers",)],
            typed={"type": "stdio"},
            after="Claude Code asks once whether a project's server may run.",
            reads="Claude Code reads CLAUDE.md: the line @AGENTS.md there takes it in.",
        ),
        Client(
            "codex",
            "Codex",
            _codex,
            [".codex/config.toml"],
            [("mcp_servers",)],
            user_root=".",
            project_root=".",
            expands=r"(?!)",
            after="Codex reads a project's file in projects that you trust.",
        ),
        Client(
            "cursor",
            "Cursor",
            lambda machine: [machine.home / ".cursor" / "mcp.json"],
            [".cursor/mcp.json"],
            [("mcpServers",)],
            typed={"type": "stdio"},
            user_root=_WORKSPACE,
            project_root=_WORKSPACE,
        ),
        Client(
            "vscode",
            "VS Code",
            _vscode,
            [".vscode/mcp.json"],
            [("servers",)],
            typed={"type": "stdio"},
            project_root=_WORKSPACE,
        ),
        Client(
            "gemini",
            "Gemini CLI",
            _gemini,
            [".gemini/settings.json"],
            [("mcpServers",)],
            expands=r"\$",
            reads='Gemini CLI reads GEMINI.md, or AGENTS.md with "context": {"fileName": '
            '"AGENTS.md"} in its settings.',
        ),
        Client(
            "opencode",
            "OpenCode",
            _opencode,
            ["opencode.json", "opencode.jsonc", ".opencode/opencode.json"],
            # The second version nests the servers once more, and reads what the first one wrote.
            [("mcp", "servers"), ("mcp",)],
            typed={"type": "local"},
            one_list=True,
            expands=r"\{(env|file):",
        ),
        Client(
            "zed",
            "Zed",
            _zed,
            [".zed/settings.json"],
            [("context_servers",)],
            typed={"source": "custom"},
            user_root=".",
            project_root=".",
            expands=r"(?!)",
            after="Zed starts a project's servers in worktrees that you trust.",
        ),
        Client(
            "windsurf",
            "Windsurf",
            lambda machine: [machine.home / ".codeium" / "windsurf" / "mcp_config.json"],
            [],
            [("mcpServers",)],
        ),
    )
}
