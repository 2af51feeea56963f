"""Where the command line writes: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c2llm.printable import UNSEEN, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars

    from c2llm.encoding.protocol import Progress

_PATIENCE_SECONDS = 0.5
"""What is done sooner needs no bar, nor the import of what draws it."""


def print_line(text: str = "") -> None:
    """Write one line to stdout, `printable`."""
    sys.stdout.write(printable(text) + "\n")


def print_text(text: str) -> None:
    """Write lines of ours to stdout, each `printable`: what is put into them has no line breaks."""
    sys.stdout.write("\n".join(map(printable, text.split("\n"))))


def print_painted(text: str) -> None:
    """Write to stdout what has colours; the parts of it went through `printable`."""
    sys.stdout.write(text)


def print_data(text: str) -> None:
    """Write to stdout what another program reads, such as CSV, and what must stay as it is."""
    sys.stdout.write(text)


def print_json(payload: dict[str, Any]) -> None:
    """Write one JSON object and a newline to stdout.

    It loses nothing and is valid in every locale: what `printable` would escape, and what the
    encoding of stdout has not, stands there in JSON's own escapes.
    """
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False)
    if not text.isprintable():
        text = UNSEEN.sub(_json_escaped, text)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = json.dumps(payload, allow_nan=False).replace("\x7f", "\\u007f")
    sys.stdout.write(text + "\n")


def note(message: str) -> None:
    """Write one line of log to stderr, `printable`."""
    sys.stderr.write(printable(message) + "\n")


def shell_quoted(path: str | Path) -> str:
    """A path for a command that can be pasted into a shell, whatever its name is."""
    text = str(path)
    if not UNSEEN.search(text):
        return shlex.quote(text)
    seen = "".join(
        f"\\x{byte:02x}" if byte < 0x20 or byte >= 0x7F or byte in b"'\\" else chr(byte)
        for byte in os.fsencode(text)
    )
    return f"$'{seen}'"


def _json_escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1] if found[0] != "\x7f" else "\\u007f"


def stderr_console() -> Console:
    """A rich console on stderr; rich is imported here because most searches never need it."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def quiet_libraries() -> None:
    """Keep what torch, transformers and onnxruntime remark to themselves off the user's screen."""
    import logging
    import warnings

    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()


@contextmanager
def training_libraries(what: str) -> Iterator[None]:
    """Around the import of what needs torch.

    Raises:
        UsageError: naming the library that is not installed.
    """
    from c2llm.errors import UsageError

    try:
        quiet_libraries()
        yield
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{what} needs {error.name}: install it with pip install 'c2llm[train]'."
        ) from error


def bars(*columns: str, transient: bool = True) -> Bars:
    """Progress bars on stderr: what is done, a bar, how much of it, the time left.

    Args:
        columns: rich templates of further columns, such as `{task.fields[loss]}`.
        transient: whether they vanish at the end.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    return Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        *(TextColumn(column) for column in columns),
        console=stderr_console(),
        transient=transient,
    )


def _moves_its_cursor() -> bool:
    """Whether stderr is a terminal that can draw a bar, which those of Emacs's buffers are not."""
    plain = os.environ.get("TERM") in ("dumb", "unknown")
    plain = plain or ",compile" in os.environ.get("INSIDE_EMACS", "")
    return sys.stderr.isatty() and not plain


@contextmanager
def progress_bar(description: str, total: int) -> Iterator[Progress]:
    """A progress bar on stderr while the block runs, if that takes long; on a terminal alone."""
    if not _moves_its_cursor():
        yield lambda done: None
        return
    with ExitStack() as stack:
        begun, so_far = time.monotonic(), 0
        shown: Progress | None = None

        def advance(done: int) -> None:
            nonlocal shown, so_far
            so_far += done
            if shown is not None:
                shown(done)
            elif time.monotonic() - begun > _PATIENCE_SECONDS:
                bar = stack.enter_context(bars())
                shown = partial(
                    bar.advance, bar.add_task(description, total=total, completed=so_far)
                )

        yield advance


@contextmanager
def stage_bars() -> Iterator[Callable[[str, int], Progress]]:
    """Progress of work in several stages: call with a stage's name and size when it begins.

    On a terminal each stage has a bar; elsewhere its beginning is one line of log.
    """
    if not _moves_its_cursor():

        def announce(what: str, total: int) -> Progress:
            note(f"{what}: {total:,}")
            return lambda done: None

        yield announce
        return
    with bars() as bar:

        def begin(what: str, total: int) -> Progress:
            task = bar.add_task(what, total=total)
            return lambda done: bar.advance(task, done)

        yield begin


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things in words; `many` where that is not `one` with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
