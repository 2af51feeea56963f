"""Some lines of one file, for a client that has seen where they are.

No link is followed out of the root, nothing is read that may be a secret or that git keeps for
itself, and no more than a client can use.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from c2llm.codebase.files.confined import NotRegularError, open_file
from c2llm.codebase.files.decoding import decode, readable_head
from c2llm.codebase.files.secret_files import (
    VARIABLE,
    holds_secret,
    includes_secrets,
    is_secret,
    is_secret_directory,
)
from c2llm.codebase.files.walk import MOST_FILE_BYTES, OWN_IGNORE_FILE, list_files
from c2llm.errors import UsageError

MOST_LINES = 2_000
"""Of one request."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Neighbouring lines of a file."""

    start: int
    """Number of the first one, from 1."""
    lines: tuple[str, ...]
    of: int
    """Lines of the whole file."""

    @property
    def end(self) -> int:
        """Number of the last one."""
        return self.start + len(self.lines) - 1


def read_lines(root: Path, path: str, start: int = 1, end: int | None = None) -> Lines:
    """Lines of a file below a root; fewer than asked for at its end, and `MOST_LINES` at most.

    Args:
        root: The root, resolved.
        path: Path of the file below it, with `/`.
        start: The first line, from 1.
        end: The last line; None for as many as there are.

    Raises:
        UsageError: It cannot be read, may hold secrets, is no text, or has not so many lines.
    """
    if start < 1 or (end is not None and end < start):
        asked = f"from {start}" if end is None else f"{start} to {end}"
        raise UsageError(f"There are no lines {asked}; give the smaller number first, from 1.")
    _require_open(root, path)
    try:
        with open_file(str(root), path) as stream:
            content = stream.read(MOST_FILE_BYTES + 1)
    except NotRegularError as error:
        raise UsageError(f"{path!r} is no file; `search` with this path looks into it.") from error
    except FileNotFoundError as error:
        raise UsageError(
            f"There is no file {path!r} in {root}, or a link stands there; paths are as `search` "
            "shows them."
        ) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{path!r} cannot be read ({why}).") from error
    if not includes_secrets() and holds_secret(content):
        raise UsageError(_secret(path))
    if len(content) > MOST_FILE_BYTES:
        raise UsageError(
            f"{path!r} has more than {MOST_FILE_BYTES / 1e6:.0f} MB; `search` for what matters."
        )
    if content and readable_head(content) is None:
        raise UsageError(f"{path!r} is no text.")
    lines = decode(content).split("\n")
    if lines and not lines[-1]:
        lines.pop()
    if start > max(1, len(lines)):
        raise UsageError(f"{path!r} has {len(lines)} lines, not {start}.")
    last = min(len(lines), start + MOST_LINES - 1, len(lines) if end is None else end)
    shown = tuple(line.rstrip("\r") for line in lines[start - 1 : last])
    return Lines(start, shown, len(lines))


def _require_open(root: Path, path: str) -> None:
    """Refuse what is never told to a client, by its name or since its user has left it out."""
    *folders, name = path.split("/")
    if ".git" in (part.lower() for part in (*folders, name)):
        raise UsageError(f"{path!r} belongs to git, and is not read here.")
    if not includes_secrets():
        below = "".join(f"{folder}/" for folder in folders)
        if (
            any(map(is_secret_directory, folders))
            or is_secret(name, below)
            or is_secret(name, f"{root.name}/{below}")
        ):
            raise UsageError(_secret(path))
    if _below_own_ignore_file(root, folders):
        for skipped in list_files(root).skipped:
            if skipped.reason == OWN_IGNORE_FILE and f"{path}/".startswith(
                skipped.path.rstrip("/") + "/"
            ):
                raise UsageError(f"{path!r} is left out by {OWN_IGNORE_FILE}, and is not read.")


def _below_own_ignore_file(root: Path, folders: list[str]) -> bool:
    """Whether the root or one of these folders, each in the one before, has such a file.

    A path is a client's choice: what follows a folder that is not there is not looked at.
    """
    above = root
    with suppress(OSError, ValueError):
        for folder in ("", *folders):
            above = above / folder
            if not above.is_dir():
                break
            if (above / OWN_IGNORE_FILE).is_file():
                return True
    return False


def _secret(path: str) -> str:
    return (
        f"{path!r} may hold secrets and is not read; the user alone takes such files in, with "
        f"{VARIABLE}=1 in the environment of the server."
    )
