"""A process that cuts files for another: requests on stdin, answers on stdout.

Run by `cut_pool`, never by hand. A message is its length in four bytes and a list in `marshal`'s
form, which holds numbers, strings and tuples only. The end of stdin, as when the process that asks
is killed, ends this one too.
"""

from __future__ import annotations

import gc
import marshal
import os
import signal
import struct
import sys
from typing import IO, Any

LENGTH = struct.Struct("<I")


def send(stream: IO[bytes], message: list[Any]) -> None:
    """Write one message."""
    content = marshal.dumps(message)
    stream.write(LENGTH.pack(len(content)) + content)
    stream.flush()


def receive(stream: IO[bytes]) -> list[Any]:
    """Read one message.

    Raises:
        EOFError: The other process is gone.
    """
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    (size,) = LENGTH.unpack(head)
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    message: list[Any] = marshal.loads(content)
    return message


def main() -> None:
    """Answer until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks decides when to end
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not stand between the answers
    serve(sys.stdin.buffer, answers)


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until there are no more."""
    from c2llm.index.build.cutting import cut_file, pack_answer, unpack_request

    gc.disable()
    send(answers, [])
    while True:
        try:
            request = receive(requests)
        except EOFError:
            return
        try:
            send(answers, pack_answer([cut_file(*item) for item in unpack_request(request)]))
        except BrokenPipeError:
            return
        # Cutting makes next to no cycles. Looked for among what a request has left, and not in the
        # middle of it, those cost nothing instead of a twentieth of the time.
        gc.collect(0)


if __name__ == "__main__":
    main()
