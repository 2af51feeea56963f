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
from threading import Lock
from typing import Any, Literal, TextIO

from c2llm.printable import printable

Form = Literal["text", "json"]


class ServeLog:
    """Writes events.

    Args:
        form: One sentence a line, or one JSON object.
        stream: Where to; standard error as it is now when None.
    """

    def __init__(self, form: Form = "text", stream: TextIO | None = None) -> None:
        self._form = form
        self._stream = stream or sys.stderr
        self._lock = Lock()

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
        with self._lock:
            try:
                self._stream.write(line + "\n")
                self._stream.flush()
            except (OSError, ValueError):  # nobody reads it any more; the server goes on
                pass
