"""What a user has set for all repositories: `~/.config/c2llm/config.toml`, and the environment.

A flag wins over a variable, a variable over the file. `XDG_CONFIG_HOME` moves the file and
`C2LLM_CONFIG` names another one, or none where it is empty. Nothing that lies in a searched
repository is looked at.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from c2llm.errors import UsageError
from c2llm.printable import quoted

_MOST_BYTES = 1_000_000
_FALSE = ("", "0", "no", "false", "off")

Origin = Literal["default", "file", "environment"]


def _setting(variable: str) -> Any:
    return field(default=None, metadata={"variable": variable})


@dataclass(frozen=True, slots=True)
class UserConfig:
    """The settings; None is for what nobody has set, and the program's own value holds."""

    model: str | None = _setting("C2LLM_MODEL")
    """The model that searches and indexes use, by name or folder."""
    table_model: str | None = _setting("C2LLM_TABLE_MODEL")
    """The table model beside it."""
    device: str | None = _setting("C2LLM_DEVICE")
    """Where models in torch run: `cpu`, `cuda`, `cuda:1`, `cuda:*`, `mps` or `auto`."""
    dtype: str | None = _setting("C2LLM_DTYPE")
    """Their numbers: `float32`, `bfloat16` or `float16`."""
    exclude: tuple[str, ...] | None = _setting("C2LLM_EXCLUDE")
    """Globs over paths that no search answers with; in the variable one a line."""
    max_file_size: str | None = _setting("C2LLM_MAX_FILE_SIZE")
    """Larger files are left out: `500kB`, `5MB`."""
    include_secrets: bool | None = _setting("C2LLM_INCLUDE_SECRETS")
    """Whether files that hold secrets by their names are read too."""
    background: bool | None = _setting("C2LLM_BACKGROUND")
    """Whether a process may go on reading a large tree after its first answer."""
    index_mb: int | None = _setting("C2LLM_INDEX_MB")
    """Megabytes that all indexes may take together; 0 for no limit."""
    cache_mb: int | None = _setting("C2LLM_CACHE_MB")
    """Megabytes that the vectors may take that all indexes share."""
    serve: Mapping[str, Any] = field(default_factory=dict)
    """What is set of the server; see `serve_config.SERVE_SETTINGS`."""
    serve_origins: Mapping[str, Origin] = field(default_factory=dict)
    file: Path | None = None
    """Where the file is, whether there is one or not; None where none is to be read."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Where the value of each setting is from."""

    @classmethod
    def load(cls, environment: Mapping[str, str]) -> UserConfig:
        """The settings of a user.

        Raises:
            UsageError: the file has another key, a value of another kind, or is no TOML.
        """
        file = _config_file(environment)
        values: dict[str, Any] = dict(_read(file)) if file is not None else {}
        table: dict[str, Any] = values.pop("serve", {})
        origins: dict[str, Origin] = dict.fromkeys(values, "file")
        serve_origins: dict[str, Origin] = dict.fromkeys(table, "file")
        if any(name.startswith("C2LLM_SERVE_") for name in environment):
            from c2llm.serve_config import serve_values

            of_server = serve_values(environment)
            table |= of_server
            serve_origins |= dict.fromkeys(of_server, "environment")
        for name, variable in VARIABLES.items():
            if variable in environment:
                values[name] = _from_text(name, environment[variable])
                origins[name] = "environment"
        return cls(**values, file=file, origins=origins, serve=table, serve_origins=serve_origins)

    def variables(self) -> dict[str, str]:
        """The variables that say what the file does: for who reads them, and child processes."""
        found: dict[str, str] = {}
        for name, variable in VARIABLES.items():
            if self.origins.get(name) == "file":
                value = getattr(self, name)
                if isinstance(value, tuple):
                    found[variable] = "\n".join(value)
                else:
                    found[variable] = str(int(value) if isinstance(value, bool) else value)
        return found


VARIABLES: dict[str, str] = {
    one.name: one.metadata["variable"] for one in fields(UserConfig) if one.metadata
}
"""For each setting the environment variable that sets it."""
_KINDS: dict[str, type] = {
    "include_secrets": bool,
    "background": bool,
    "index_mb": int,
    "cache_mb": int,
}


def _config_file(environment: Mapping[str, str]) -> Path | None:
    own = environment.get("C2LLM_CONFIG")
    if own is not None:
        try:
            return Path(own).expanduser() if own else None
        except RuntimeError as error:
            raise UsageError(f"C2LLM_CONFIG is {own!r}, and there is no such user.") from error
    shared = Path(environment.get("XDG_CONFIG_HOME", ""))
    try:
        # A relative one, which the standard forbids, would lead into the working directory.
        folder = shared if shared.is_absolute() else Path.home() / ".config"
    except RuntimeError:
        return None
    return folder / "c2llm" / "config.toml" if folder.is_absolute() else None


def _read(file: Path) -> Mapping[str, Any]:
    content = _content(file)
    if content is None:
        return {}
    import tomllib

    try:
        found = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is not TOML: {error}.") from error
    return {name: _checked(file, name, value) for name, value in found.items()}


def _content(file: Path) -> bytes | None:
    """The bytes of a regular file, None where there is none."""
    try:
        number = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe holds nobody up
        with os.fdopen(number, "rb") as stream:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                if file == Path(os.devnull):
                    return None
                raise UsageError(f"{file} is no regular file, so that it is no configuration.")
            content = stream.read(_MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"The configuration {file} cannot be read: {why}.") from error
    if len(content) > _MOST_BYTES:
        raise UsageError(f"The configuration {file} is larger than a megabyte.")
    return content


def _checked(file: Path, name: str, value: object) -> Any:
    if name == "serve":
        from c2llm.serve_config import checked_table

        return checked_table(str(file), value)
    if name not in VARIABLES:
        from difflib import get_close_matches

        near = get_close_matches(name, VARIABLES, 1, 0.5)
        cure = f"do you mean {near[0]!r}?" if near else f"there are {', '.join(VARIABLES)}."
        raise UsageError(f"{file} sets {quoted(name)}, which is no setting; {cure}")
    if name == "exclude":
        if isinstance(value, list) and all(isinstance(one, str) and one for one in value):
            return tuple(value)
        raise UsageError(f"{file}: exclude must be a list of globs, not {quoted(value)}.")
    kind = _KINDS.get(name, str)
    right = type(value) is kind and (kind is not int or 0 <= value <= 10**9)  # type: ignore[operator]
    if not right or value == "":
        what = {bool: "true or false", int: "a whole number from 0 up", str: "a text in quotes"}
        raise UsageError(f"{file}: {name} must be {what[kind]}, not {quoted(value)}.")
    return value


def _from_text(name: str, text: str) -> Any:
    """A variable's value; who reads a number there has always taken nonsense for nothing."""
    if name == "exclude":
        return tuple(line for line in text.splitlines() if line.strip())
    kind = _KINDS.get(name, str)
    if kind is bool:
        return text.strip().lower() not in _FALSE
    if kind is int:
        return int(text) if text.strip().isdecimal() and len(text) < 12 else None
    return text or None
