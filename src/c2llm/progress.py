"""How long work is shown; the command line brings a bar, everything else shows nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from c2llm.encoding.protocol import Progress

ProgressBar = Callable[[str, int], AbstractContextManager[Progress]]
"""Opens a display: what is done, and of how many steps; `cli.output.progress_bar` is one."""


@contextmanager
def no_progress(description: str, total: int) -> Iterator[Progress]:
    """A display that shows nothing."""
    yield lambda done: None
