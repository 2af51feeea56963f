"""The rest of a large tree, read by a process of low priority after a first answer.

One process an index: it holds the lock of reading, and whoever comes later finds that held and
goes. Searches and refreshes go on beside it. It ends when all is read, when the index is removed or
when its time is up; what it has done by then stays, however it ends, and the next search starts
another one for the rest. It only reads: embedding with the large model is asked for by `index
--complete` or `search --background`. C2LLM_BACKGROUND=0 forbids it where no process may stay.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

from c2llm.errors import C2LLMError
from c2llm.index.build.cut_pool import left_alone
from c2llm.index.store.lock import is_held

if TYPE_CHECKING:
    from c2llm.index.build.indexed_tree import IndexedTree

OWNER_VARIABLE = "C2LLM_READING_OWNER"
"""Id of a process with which the reading ends: of a server that has to leave none behind."""
_MOST_SECONDS = 3_600.0
_LOWEST_PRIORITY = 19
_OWNER_SECONDS = 1.0


def start(index: IndexedTree) -> bool:
    """Start the process for an index, if there is something to read and nobody does it yet.

    Returns:
        Whether somebody reads the rest. Never waits for it.
    """
    forbidden = os.environ.get("C2LLM_BACKGROUND") == "0"
    if forbidden or not index.unread_files or not index.is_kept or not sys.executable:
        return False
    if is_held(index.file, "reading"):
        return True
    return left_alone(
        "c2llm.index.build.background_reading",
        str(index.root),
        index.model,
        folder=index.file.parent,
    )


def main(root: str, model: str) -> None:
    """Read what is not read yet, until nothing is left or time is up."""
    from c2llm.index.build.indexed_tree import IndexedTree

    with suppress(OSError, AttributeError):  # not on every system
        os.nice(_LOWEST_PRIORITY)
    end = time.monotonic() + _MOST_SECONDS
    if owner := int(os.environ.get(OWNER_VARIABLE, "0")):
        Thread(target=_end_with, args=(owner,), daemon=True).start()
    with IndexedTree.open(root, model, refresh=False, preload=False) as index:
        index.read_on(lambda: time.monotonic() > end)


def _end_with(owner: int) -> None:
    """End this process once another one of the same user is gone, where the system tells that."""
    with suppress(ProcessLookupError):
        while sys.platform != "win32":
            os.kill(owner, 0)
            time.sleep(_OWNER_SECONDS)
        return
    os._exit(0)  # what was read by then is whole: each part is one transaction


if __name__ == "__main__":
    with suppress(C2LLMError, KeyboardInterrupt):
        main(*sys.argv[1:])
