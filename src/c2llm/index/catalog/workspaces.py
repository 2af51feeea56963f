"""Named sets of repositories, so that `search QUERY @work` asks all of them.

Kept as one readable JSON file beside the indexes: `{"work": ["/home/me/a", "/home/me/b"]}`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from c2llm.errors import C2LLMError, UsageError
from c2llm.index.store.location import cache_home, existing_directory, resolved_path
from c2llm.index.store.private import check_file, check_folder, make_file, make_folder

SIGN = "@"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")


def load_workspaces() -> dict[str, list[str]]:
    """All workspaces by name.

    Raises:
        C2LLMError: the file cannot be read or holds something else.
    """
    path = _file()
    try:
        check_file(path)
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise C2LLMError(f"{path} cannot be read ({error}); correct or remove it.") from error
    if not isinstance(found, dict) or not all(
        isinstance(paths, list) and all(isinstance(one, str) for one in paths)
        for paths in found.values()
    ):
        raise C2LLMError(f"{path} is not a file of workspaces; correct or remove it.")
    return found


def add_to_workspace(name: str, paths: Sequence[str | Path]) -> list[str]:
    """Add directories to a workspace, which is made if there is none, and return all of it.

    Raises:
        UsageError: for a name that is none, or a path that is no directory.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a workspace; use letters, digits, - and _.")
    roots = [str(existing_directory(path)) for path in paths]
    spaces = load_workspaces()
    spaces[name] = list(dict.fromkeys([*spaces.get(name, []), *roots]))
    _save(spaces)
    return spaces[name]


def remove_from_workspace(name: str, paths: Sequence[str | Path] = ()) -> list[str]:
    """Take directories out of a workspace, or all of it away, and return what is left."""
    spaces = load_workspaces()
    _known(name, spaces)
    gone = {str(resolved_path(path)) for path in paths}
    left = [path for path in spaces[name] if path not in gone] if paths else []
    if left:
        spaces[name] = left
    else:
        del spaces[name]
    _save(spaces)
    return left


def expand(paths: Sequence[str]) -> list[str]:
    """Paths with `@name` replaced by what the workspace of that name holds, each once.

    Raises:
        UsageError: for a workspace that is not there.
    """
    found: list[str] = []
    for path in paths:
        if path.startswith(SIGN) and not Path(path).exists():
            spaces = load_workspaces()
            _known(path[1:], spaces)
            found += spaces[path[1:]]
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _known(name: str, spaces: dict[str, list[str]]) -> None:
    if name not in spaces:
        there = f"there are: {', '.join(sorted(spaces))}" if spaces else "there is none"
        raise UsageError(
            f"No workspace is named {name!r} ({there}); make one: c2llm workspace add NAME PATH…"
        )


def _save(spaces: dict[str, list[str]]) -> None:
    path = _file()
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        make_folder(path.parent)
        check_folder(path.parent)
        make_file(temporary)
        temporary.write_text(json.dumps(spaces, indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise C2LLMError(f"{path} cannot be written ({error.strerror}).") from error


def _file() -> Path:
    return cache_home() / "workspaces.json"
