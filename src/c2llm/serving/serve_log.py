"""What a server tells of its work: a line an event on standard error, for people or for programs.

No line has a question, a path of an answer or a key. A question is told where its operator asks for
that.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from queue import Full, Queue
from threading import Thread
from typing import Any, Literal, TextIO

from c2llm.printable import printable

Form = Literal["text", "json"]
_MOST_WAITING = 10_000
_LAST_SECONDS = 2.0


class ServeLog:
    """Writes events, in a thread: who reads too slowly holds no answer up, and misses lines.

    Args:
        form: One sentence a line, or one JSON object.
        stream: Where to; standard error as it is now when None.
    """

    def __init__(self, form: Form = "text", stream: TextIO | None = None) -> None:
        self._form = form
        self._stream = stream or sys.stderr
        self._lines: Queue[str | None] = Queue(_MOST_WAITING)
        self._missed = 0
        self._thread = Thread(target=self._write, name="c2llm-log", daemon=True)
        self._thread.start()

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Write an event; its `failure`, an exception, is told with its traceback."""
        told = {name: value for name, value in event.items() if value is not None}
        failure = told.pop("failure", None)
        if isinstance(failure, BaseException):
            told["failure"] = "".join(traceback.format_exception(failure))
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if self._form == "json":
            line = json.dumps({"time": now, **told})
        else:
            what = told.pop("event", "event")
            parts = [f"{name}={value}" for name, value in told.items()]
            line = printable(f"{now} {what} {' '.join(parts)}")
        try:
            self._lines.put_nowait(line)
        except Full:
            self._missed += 1

    def close(self) -> None:
        """Write what is left, if somebody reads it."""
        with suppress(Full):
            self._lines.put_nowait(None)
            self._thread.join(_LAST_SECONDS)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            if self._missed:
                missed, self._missed = self._missed, 0
                line = f"{line}\n{json.dumps({'event': 'missed', 'lines': missed})}"
            with suppress(OSError, ValueError):  # nobody reads it any more; the server goes on
                self._stream.write(line + "\n")
                self._stream.flush()
