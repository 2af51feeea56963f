"""How `c2llm serve` is set: each flag is a variable and a key of `[serve]` in the file, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from c2llm.errors import UsageError
from c2llm.printable import quoted

_TRUE = ("1", "yes", "true", "on")
_FALSE = ("", "0", "no", "false", "off")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of the server."""

    kind: type
    """`tuple` is for a list of texts; in the variable one a line."""
    least: int = 0
    most: int = 10**9

    @property
    def described(self) -> str:
        """What a value has to be."""
        if self.kind is int:
            return f"a whole number from {self.least:,} to {self.most:,}"
        if self.kind is bool:
            return "true or false"
        return "a list of texts" if self.kind is tuple else "a text"


SERVE_SETTINGS: dict[str, Setting] = {
    "directories": Setting(tuple),
    "root": Setting(tuple),
    "host": Setting(str),
    "port": Setting(int, 0, 65_535),
    "allow_host": Setting(tuple),
    "keys": Setting(str),
    "max_body_mb": Setting(int, 1, 1_000),
    "connections": Setting(int, 1, 100_000),
    "threads": Setting(int, 1, 1_000),
    "queue": Setting(int, 0, 100_000),
    "device": Setting(str),
    "dtype": Setting(str),
    "queue_seconds": Setting(int, 1, 3_600),
    "embeddings": Setting(int, 1, 100_000),
    "cache_mb": Setting(int, 0, 1_000_000),
    "disk_cache_mb": Setting(int, 0, 1_000_000),
    "grace_seconds": Setting(int, 1, 3_600),
    "log": Setting(str),
    "log_queries": Setting(bool),
    "local_socket": Setting(bool),
}
"""By the names of the flags, with `_`."""


def variable_of(name: str) -> str:
    """The environment variable that sets a setting."""
    return f"C2LLM_SERVE_{name.upper()}"


def serve_values(environment: Mapping[str, str]) -> dict[str, Any]:
    """What the environment sets.

    Raises:
        UsageError: A value is of another kind: a server must not run with less than was meant.
    """
    found: dict[str, Any] = {}
    for name, setting in SERVE_SETTINGS.items():
        variable = variable_of(name)
        text = environment.get(variable)
        if text is None or not text.strip():
            continue
        found[name] = _checked(variable, setting, _from_text(setting, text))
    return found


def checked_table(where: str, table: object) -> dict[str, Any]:
    """The table `[serve]` of a configuration.

    Raises:
        UsageError: It has another key, or a value of another kind.
    """
    if not isinstance(table, dict):
        raise UsageError(f"{where}: serve must be a table, [serve], not {quoted(table)}.")
    for name in table:
        if name not in SERVE_SETTINGS:
            raise UsageError(
                f"{where} sets {quoted(name)} in [serve], which is no setting; there are "
                f"{', '.join(SERVE_SETTINGS)}."
            )
    return {
        name: _checked(f"{where}: {name} in [serve]", SERVE_SETTINGS[name], value)
        for name, value in table.items()
    }


def _checked(where: str, setting: Setting, value: object) -> Any:
    if setting.kind is tuple:
        if isinstance(value, list | tuple) and all(isinstance(one, str) and one for one in value):
            return tuple(value)
    elif type(value) is setting.kind and value != "":
        if not isinstance(value, int) or isinstance(value, bool):
            return value
        if setting.least <= value <= setting.most:
            return value
    raise UsageError(f"{where} must be {setting.described}, not {quoted(value)}.")


def _from_text(setting: Setting, text: str) -> object:
    text = text.strip()
    if setting.kind is tuple:
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    if setting.kind is int and text.isdecimal() and len(text) < 12:
        return int(text)
    if setting.kind is bool and text.lower() in (*_TRUE, *_FALSE):
        return text.lower() in _TRUE
    return text
