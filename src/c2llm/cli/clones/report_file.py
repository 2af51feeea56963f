"""The file that a report goes to: written whole or not at all, and never over something else."""

from __future__ import annotations

import os
import re
from pathlib import Path

from c2llm.errors import C2LLMError, UsageError

_OURS = re.compile(
    rb"\s*\d+  type [1-4] |No (new )?duplicates|[\d,]+ files?, "
    rb"|\{\"files\": |\{\s*\"\$schema\": \"https://json.schemastore.org/sarif"
    rb"|<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta http-equiv"
)
"""How a report of ours begins, in each form."""


def require_report(path: Path, of: str = "clones") -> None:
    """Make sure before any work that a report may be written to a path.

    Args:
        path: Where it is to be.
        of: What it is a report of, for the message.

    Raises:
        UsageError: Something else stands there, or its folder is not there.
    """
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent} for {path.name}.")
    if not os.path.lexists(path) or path.is_char_device() or path.is_fifo():
        return
    if not path.is_file():
        raise UsageError(f"{path} is no file; name another one for the report.")
    try:
        with path.open("rb") as stream:
            head = stream.read(200)
    except OSError as error:
        raise UsageError(f"{path} cannot be replaced ({error.strerror}).") from error
    if head.strip() and not _OURS.match(head):
        raise UsageError(f"{path} is no report of {of}; name another file, or remove it.")


def write_report(path: Path, text: str) -> None:
    """Write a report; a regular file is replaced at once.

    Raises:
        C2LLMError: It cannot be written.
    """
    content = text.encode("utf-8", "backslashreplace")
    part = path.with_name(f".{path.name}.part")
    try:
        if path.is_char_device() or path.is_fifo():
            path.write_bytes(content)
            return
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise C2LLMError(
            f"{path} cannot be written ({error.strerror}); name another file."
        ) from error
