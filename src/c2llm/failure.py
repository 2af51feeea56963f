"""What nobody foresaw, told in one sentence; the traceback goes to a file that it names."""

from __future__ import annotations

import errno
import os
import platform
import tempfile
import traceback
from pathlib import Path

from c2llm import __version__

LOG = "last-error.log"


def sentence(error: BaseException) -> str:
    """What happened, and what helps or where more is written."""
    if _is_about_memory(error):
        return "There is not enough memory; close other programs, or raise the limit (ulimit -v)."
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return "Too many files are open; raise the limit (ulimit -n)."
    if isinstance(error, FileNotFoundError) and not _has_directory():
        return "The working directory is gone; change into one that is there."
    told = " ".join(str(error).split())[:300]
    what = f"{type(error).__name__}{': ' if told else ''}{told}".rstrip(".")
    try:
        log = _write(error)
    except OSError:
        return f"This should not have happened ({what}), and no log of it could be written."
    return f"This should not have happened ({what}); please report it with {log}."


def _is_about_memory(error: BaseException | None) -> bool:
    """Whether memory ran out, also for a library's code that could not be loaded."""
    while error is not None:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        if isinstance(error, ImportError) and "failed to map segment" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _has_directory() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _write(error: BaseException) -> Path:
    """Write the traceback where only its owner reads it."""
    told = "".join(traceback.format_exception(error))
    content = f"c2llm {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
    content += told
    try:
        from c2llm.index.store.location import cache_home

        folder = cache_home().parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = _written(content, folder)
        return part.replace(folder / LOG)
    except Exception:  # whatever is wrong with it may be what is told here
        return _written(content, None)


def _written(content: str, folder: Path | None) -> Path:
    number, name = tempfile.mkstemp(prefix="c2llm-error-", suffix=".log", dir=folder)  # 0600
    with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(content)
    return Path(name)
