"""A process that looks for a pattern in texts: requests on stdin, answers on stdout.

Run by `pattern`, never by hand, with the standard library alone. A message is a value in
`marshal`'s form: first the pattern and its seconds, then lists of texts, each answered by the
positions of those that match, or by a sentence where the pattern cannot be compiled. The end of
stdin, as when the process that asks is killed, ends this one; so does its own clock, which the
matching cannot hold up.
"""

from __future__ import annotations

import faulthandler
import marshal
import re
import sys
import time

_CHARACTERS_PER_SECOND = 5_000_000
"""Honest patterns are faster: so much more time is given for what there is to be searched."""


def main() -> None:
    """Answer until stdin ends or the time is up."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    text, left = marshal.load(requests)
    faulthandler.dump_traceback_later(left, exit=True)
    begun = time.monotonic()
    pattern: re.Pattern[str] | None = None
    trouble = ""
    try:
        pattern = re.compile(text, re.MULTILINE)
    except (re.error, RecursionError, OverflowError, MemoryError) as error:
        trouble = str(error) or "it is too large"
    while True:
        left -= time.monotonic() - begun
        faulthandler.cancel_dump_traceback_later()  # while the other one reads its index
        try:
            texts: list[str] = marshal.load(requests)
        except EOFError:
            return
        begun = time.monotonic()
        left += sum(map(len, texts)) / _CHARACTERS_PER_SECOND
        faulthandler.dump_traceback_later(max(left, 0.001), exit=True)
        found: list[int] | str = trouble
        if pattern is not None:
            found = [position for position, one in enumerate(texts) if pattern.search(one)]
        answers.write(marshal.dumps(found))
        answers.flush()


if __name__ == "__main__":
    main()
