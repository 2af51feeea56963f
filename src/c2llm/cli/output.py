"""Where the command line writes: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars

    from c2llm.encoding.protocol import Progress

_PATIENCE_SECONDS = 0.5
"""What is done sooner needs no bar, nor the import of what draws it."""


def print_json(payload: dict[str, Any]) -> None:
    """Write one JSON object and a newline to stdout."""
    sys.stdout.write(json.dumps(payload, ensure_ascii=False, allow_nan=False) + "\n")


def note(message: str) -> None:
    """Write one line of log to stderr."""
    sys.stderr.write(message + "\n")


def stderr_console() -> Console:
    """A rich console on stderr; rich is imported here because most searches never need it."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def quiet_libraries() -> None:
    """Keep what torch, transformers and onnxruntime remark to themselves off the user's screen."""
    import logging
    import os
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


@contextmanager
def progress_bar(description: str, total: int) -> Iterator[Progress]:
    """A progress bar on stderr while the block runs, if that takes long; on a terminal alone."""
    if not sys.stderr.isatty():
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
    if not sys.stderr.isatty():

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
