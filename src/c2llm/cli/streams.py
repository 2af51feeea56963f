"""The standard streams as a command meets them: closed, full, cut off, in any encoding."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from contextlib import suppress
from typing import Any

from c2llm.errors import C2LLMError, UsageError

_ESCAPED = "c2llm.escaped"


class OutputError(C2LLMError):
    """Standard output takes no more: the disk is full, or it was closed before we began."""


class ReaderGone(Exception):
    """Nobody reads standard output any more: `head` or `less` has seen enough."""


def prepare() -> None:
    """Open what is closed, and let nothing that is printed fail for its encoding."""
    codecs.register_error(_ESCAPED, _escaped)
    if os.name == "posix":
        _occupy()
        if sys.stdin is None:
            sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        if sys.stderr is None:
            sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        if sys.stdout is None or sys.stdout is sys.__stdout__:
            sys.stdout = _guarded(sys.stdout)
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_ESCAPED)


def abandon_output() -> None:
    """Let what is still to be written to standard output vanish."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)


def is_colored() -> bool:
    """Whether standard output shows colours and its reader wants them."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") in ("dumb", "unknown")
    return sys.stdout.isatty() and not plain


def pasted() -> str:
    """The query that stands on standard input, in whatever encoding; its beginning if very long.

    Raises:
        UsageError: there is none.
    """
    from c2llm.search.request import MOST_CHARACTERS

    text = read_stdin(4 * MOST_CHARACTERS)[:MOST_CHARACTERS]
    if not text.strip():
        raise UsageError("Nothing came from standard input.")
    return text


def read_stdin(most_bytes: int | None = None) -> str:
    """Text from standard input, in whatever encoding.

    Raises:
        C2LLMError: it cannot be read.
    """
    try:
        stream = getattr(sys.stdin, "buffer", sys.stdin)
        content = stream.read() if most_bytes is None else stream.read(most_bytes)
    except OSError as error:
        raise C2LLMError(f"Standard input cannot be read: {error.strerror}.") from error
    return content if isinstance(content, str) else decoded(content)


def as_text(argument: str) -> str:
    """An argument that is no path, where its bytes are not in the encoding of the locale."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return decoded(argument.encode("utf-8", "surrogateescape"))
    return argument


def decoded(content: bytes) -> str:
    """Text as a file with these bytes has it; of a character that is cut at the end, nothing."""
    from c2llm.codebase.files.decoding import decode

    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(content)
    except UnicodeDecodeError:
        return decode(content)
    return decode(content[: len(content) - len(decoder.getstate()[0])])


def _occupy() -> None:
    """Give the numbers of closed streams away, lest a file of ours be opened under one.

    Standard output is opened for reading, so that whoever writes to it is told.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, mode)  # the lowest number that is free: this one
            os.set_inheritable(opened, True)


class _Output(io.FileIO):
    """Standard output, whose failures are told apart from those of other files."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError as error:
            raise ReaderGone from error
        except OSError as error:
            why = "it is closed" if error.errno == errno.EBADF else str(error.strerror)
            raise OutputError(f"Standard output takes no more: {why}.") from error


def _guarded(stream: Any) -> io.TextIOWrapper:
    """What writes where the stream does."""
    raw = _Output(1, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=None if stream is None else stream.encoding,
        line_buffering=raw.isatty(),
    )


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """What an encoding lacks, as JSON spells it, which is right in JSON and readable elsewhere."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = (units[at : at + 2].hex() for at in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs), error.end
