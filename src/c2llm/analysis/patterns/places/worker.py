"""A process that asks filters of files: requests on stdin, answers on stdout.

Run by `pool`, never by hand. The first message holds the filters and how many seconds each has for
a file; each of the others a file, and which filters are asked. Before anything that may take long
it says what that is; a clock that the work cannot hold up ends the process, and so the one that
asks knows of what it died. The clock counts processor time, so that what is found does not depend
on the load of the machine.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from typing import IO, Any

from c2llm.index.build.cut_worker import receive, send

SECONDS = 2.0
"""What a filter is given for a file, beside what honest ones need for its size."""
_CHARACTERS_PER_SECOND = 1_000_000
BEGUN, DONE, TROUBLE = 0, 1, 2
"""What a message is: a step that begins, with its number; a file's places; a filter's trouble."""


def main() -> None:
    """Answer until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks decides when to end
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not stand between the answers
    serve(sys.stdin.buffer, answers)


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until there are no more."""
    from c2llm.analysis.patterns.places.matcher import places_in
    from c2llm.analysis.patterns.places.predicates import QueryTrouble

    first: list[Any] = receive(requests)
    rows, least = first
    at = -1

    def announce(number: int) -> None:
        nonlocal at
        at = number
        send(answers, [BEGUN, number])
        _give(seconds)

    while True:
        try:
            text, language, numbers = receive(requests)
        except EOFError:
            return
        seconds = least + len(text) / _CHARACTERS_PER_SECOND
        try:
            found = places_in(text, language, [(one, rows[one]) for one in numbers], announce)
            answer = [DONE, [(one, list(map(tuple, places))) for one, places in found.items()]]
        except QueryTrouble as error:
            answer = [TROUBLE, at, str(error)]
        _give(0)
        try:
            send(answers, answer)
        except BrokenPipeError:
            return


def _give(seconds: float) -> None:
    """Have this process ended after so much more time; 0 for never."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, seconds)
    elif seconds:
        faulthandler.dump_traceback_later(seconds, exit=True)
    else:
        faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main()
