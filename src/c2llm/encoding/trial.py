"""Models of unknown origin are loaded by another process before they are loaded by this one.

The checks of a folder find what is wrong by its numbers; what a library does with a graph or a
tokenizer shows when it does it, and a library that aborts, or allocates all there is, takes the
process along. So the first use of a folder that does not come with the package is a trial in a
child process with limits on processor time, memory and time (`trial_run.py`). It is remembered by
the files' sizes, times and numbers: a folder is tried once, and again when a file changes.

C2LLM_TRUST_MODELS=1 leaves it out.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

from c2llm.encoding.model_folder import ModelFolder, shipped_models
from c2llm.errors import C2LLMError, ModelError
from c2llm.home import child_environment, home_folder

TRUSTED = "C2LLM_TRUST_MODELS"
RULES = 2
"""Raised when the trial finds more than it did."""
PASSED = 0
REFUSED = 3
"""How the child ends when it has a sentence to say; any other way, the model has ended it."""
SECONDS = 20
SECONDS_PER_GIGABYTE = 100
"""C2LLM-0.5B as a graph of 0.38 GB takes 14 seconds on a core of a server."""
PATIENCE = 4
"""The wall clock's limit over that of the processor: the machine may have other work."""
_LONGEST_SENTENCE = 4000


def require_tried(folder: ModelFolder) -> None:
    """Try a folder that neither comes with the package nor was tried before.

    Raises:
        ModelError: with what is wrong with it.
    """
    if os.environ.get(TRUSTED) == "1" or folder.path in shipped_models().values():
        return
    record = _record(folder)
    if record is not None and record.exists():
        return
    _try(folder)
    if record is not None and record == _record(folder):  # no file was replaced meanwhile
        _remember(record)


def seconds_for(folder: ModelFolder) -> int:
    """The processor time that a trial may take."""
    return SECONDS + int(SECONDS_PER_GIGABYTE * _gigabytes(folder))


def bytes_for(folder: ModelFolder) -> int:
    """The address space that a trial may take, most of which a library reserves and never uses."""
    return (8 + 4 * int(_gigabytes(folder))) << 30


def _gigabytes(folder: ModelFolder) -> float:
    """Of the files that a trial reads."""
    if folder.engine == "torch":
        return 0  # only its tokenizer runs
    return sum(status.st_size for _, status in _stats(folder.path)) / (1 << 30)


def _try(folder: ModelFolder) -> None:
    package = str(Path(__file__).resolve().parents[2])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | child_environment() | {"PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-P", "-m", "c2llm.encoding.trial_run"]
    try:
        done = subprocess.run(
            [*command, os.fspath(folder.path.absolute()), folder.engine],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=PATIENCE * seconds_for(folder),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelError(
            f"{folder.path} was tried and did not end; copy the model again, or take another."
        ) from None
    except OSError as error:
        raise ModelError(
            f"{folder.path} cannot be tried ({error.strerror}); set {TRUSTED}=1 if you trust it."
        ) from error
    if done.returncode == PASSED:
        return
    said = done.stdout[:_LONGEST_SENTENCE].decode("utf-8", "surrogateescape").strip()
    if done.returncode == REFUSED and said:
        raise ModelError(said)
    raise ModelError(
        f"{folder.path} was tried and took more time or memory than {seconds_for(folder)} seconds "
        f"and {bytes_for(folder) >> 30} GiB, or crashed (exit {done.returncode}); copy the model "
        f"again, or set {TRUSTED}=1 if you trust it."
    )


def _stats(path: Path) -> list[tuple[str, os.stat_result]]:
    """Names and states of a folder's files, in order.

    Raises:
        ModelError: if a pipe or a device lies among them, which a graph could name as its weights.
    """
    files: list[tuple[str, os.stat_result]] = []
    with os.scandir(path) as entries:
        for entry in entries:
            try:
                status = entry.stat()
            except OSError:
                continue  # a link that leads nowhere
            if stat.S_ISREG(status.st_mode):
                files.append((entry.name, status))
            elif not stat.S_ISDIR(status.st_mode):
                raise ModelError(f"{entry.path} is not a regular file; copy the model again.")
    return sorted(files, key=lambda pair: pair[0])


def _record(folder: ModelFolder) -> Path | None:
    """The file that says of these very files that they were tried; None without a home."""
    stamps = [
        (name, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino, s.st_dev)
        for name, s in _stats(folder.path)
    ]
    state = repr((RULES, os.fspath(folder.path.absolute()), folder.engine, sys.version, stamps))
    key = hashlib.sha256(state.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    try:
        return home_folder() / "tried-models" / key
    except C2LLMError:
        return None


def _remember(record: Path) -> None:
    try:
        record.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        record.parent.mkdir(mode=0o700, exist_ok=True)
        record.touch(mode=0o600)
    except OSError:
        pass  # a home that cannot be written: it is tried again the next time
