"""The rest of an index, made by a process of low priority when a user asks for that.

One process an index: it holds the lock of embedding while it works, and whoever comes later finds
that held and goes. It runs with one thread at the lowest priority, makes way when a user asks for
the same work (`c2llm index --complete`), and ends when all is done or its time is up. What it has
done by then stays, however it ends. Its failures show nowhere: the next search tells how many
vectors are missing, and `c2llm index --complete` what goes wrong.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from c2llm.errors import C2LLMError
from c2llm.index.build.cut_pool import left_alone
from c2llm.index.store.lock import is_held

if TYPE_CHECKING:
    from c2llm.search.code_index import CodeIndex

_MOST_SECONDS = 3_600.0
_LOWEST_PRIORITY = 19


def start(index: CodeIndex) -> bool:
    """Start the process for an index, if there is something to do and nobody does it yet.

    Args:
        index: The index, as a search leaves it.

    Returns:
        Whether one was started. Never waits for it.
    """
    if not index.is_kept or index.is_complete() or is_held(index.file, "embedding"):
        return False
    return left_alone(
        "c2llm.search.background_embedding",
        str(index.root),
        index.model,
        folder=index.file.parent,
        OMP_NUM_THREADS="1",
    )


def main(root: str, model: str) -> None:
    """Embed what has no vector yet, until nothing is left, time is up or somebody else wants to."""
    from c2llm.search.code_index import CodeIndex

    with suppress(OSError, AttributeError):  # not on every system
        os.nice(_LOWEST_PRIORITY)
    end = time.monotonic() + _MOST_SECONDS

    with CodeIndex.open(root, model, embed="candidates", preload=False, threads=1) as index:
        index.complete(lambda: time.monotonic() > end or is_held(index.file, "wanted"))
        index.build_graphs()


if __name__ == "__main__":
    with suppress(C2LLMError, KeyboardInterrupt):
        main(*sys.argv[1:])
