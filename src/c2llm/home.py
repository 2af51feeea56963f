"""The folder that everything of a user's lies in, found once and the same for child processes."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from c2llm.errors import C2LLMError

_VARIABLES = ("C2LLM_HOME", "XDG_CACHE_HOME")


def home_folder() -> Path:
    """`C2LLM_HOME`, or `c2llm` in `XDG_CACHE_HOME` or in `~/.cache`; always absolute.

    Raises:
        C2LLMError: There is no such place, as for a user without a home directory.
    """
    own, shared = map(os.environ.get, _VARIABLES)
    if own:
        return _resolved("C2LLM_HOME", own)
    return (_resolved("XDG_CACHE_HOME", shared) if shared else _user_home() / ".cache") / "c2llm"


def settle() -> None:
    """Write what the variables mean here into the environment.

    A relative folder, or one of `~`, then stays the same one for child processes, which may run
    elsewhere, and after a change of the working directory.
    """
    for name in _VARIABLES:
        value = os.environ.get(name)
        if value and not Path(value).is_absolute():
            os.environ[name] = str(_resolved(name, value))


def child_environment() -> dict[str, str]:
    """What makes a child process find the folder of this one."""
    found = {name: os.environ.get(name) for name in _VARIABLES}
    return {name: str(_resolved(name, value)) for name, value in found.items() if value}


@cache
def _resolved(name: str, value: str) -> Path:
    """What a variable's value meant when it was first asked for."""
    try:
        return Path(value).expanduser().absolute()
    except (RuntimeError, OSError) as error:  # no such user, or no working directory any more
        raise C2LLMError(
            f"{name} is {value!r}, which leads nowhere here; set it to an absolute path."
        ) from error


def _user_home() -> Path:
    try:
        home = Path.home()
    except RuntimeError:
        home = Path()
    if not home.is_absolute():
        raise C2LLMError(
            "This user has no home directory; set C2LLM_HOME to a folder for the indexes."
        )
    return home
