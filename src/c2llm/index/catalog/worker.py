"""A process that does tasks for another: requests on stdin, answers on stdout.

Run by `local_runner`, never by hand, with the name of the table model or nothing.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import IO, TYPE_CHECKING

from c2llm.index.build.cut_worker import receive, send
from c2llm.index.catalog.reading import embed, pack_done, read_task, unpack_task

if TYPE_CHECKING:
    from c2llm.encoding.protocol import TextEncoder


def main() -> None:
    """Answer until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks decides when to end
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not stand between the answers
    table: TextEncoder | None = None
    if len(sys.argv) > 1:
        from c2llm.encoding.encoder_handle import EncoderHandle

        table = EncoderHandle(sys.argv[1], threads=1).get()
    serve(sys.stdin.buffer, answers, table)


def serve(requests: IO[bytes], answers: IO[bytes], table: TextEncoder | None) -> None:
    """Do tasks until there are no more."""
    gc.disable()  # as in `cut_worker`
    send(answers, [])
    while True:
        try:
            task = unpack_task(receive(requests))
        except EOFError:
            return
        done = read_task(task)
        if table is not None:
            embed(done, table)
        try:
            send(answers, pack_done(done))
        except BrokenPipeError:
            return
        gc.collect(0)


if __name__ == "__main__":
    main()
