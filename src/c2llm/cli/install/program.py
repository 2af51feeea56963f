"""How a client starts this very c2llm, which may not be on the PATH that the client has."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from c2llm.errors import C2LLMError

_TEMPORARY = re.compile(r"/uv/(archive|builds)-v0/|/pipx/\.cache/|/\.cache/pipx/")


def program() -> list[str]:
    """The command as absolute words: the script beside this Python, or the module.

    Raises:
        C2LLMError: it lies in a folder whose name is no text.
    """
    python = Path(sys.executable).absolute()  # a link into a virtual environment stays one
    names = ("c2llm.exe", "c2llm") if os.name == "nt" else ("c2llm",)
    called = Path(sys.argv[0])
    places = [called] if called.is_absolute() and called.name in names else []
    places += [python.parent / name for name in names]
    found = next((str(one) for one in places if one.is_file() and os.access(one, os.X_OK)), None)
    words = [found] if found is not None else [str(python), "-m", "c2llm"]
    for word in words:
        try:
            word.encode("utf-8")
        except UnicodeEncodeError:
            raise C2LLMError(
                "c2llm is installed in a folder whose name is not in UTF-8, which no client's "
                "configuration can hold; install it elsewhere."
            ) from None
    return words


def is_temporary(words: list[str]) -> bool:
    """Whether a tool made this installation for one command (`uvx`, `pipx run`)."""
    return _TEMPORARY.search(words[0].replace("\\", "/")) is not None
