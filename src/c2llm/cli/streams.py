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
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BY_NULS = (("utf-32-le", 4, 0), ("utf-32-be", 4, 3), ("utf-16-le", 2, 0), ("utf-16-be", 2, 1))
"""An encoding, how wide its units are, and at which byte of a unit ASCII stands."""


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
            sys.stdin = open(0, closefd=False)  # noqa: SIM115
        if sys.stderr is None:
            sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
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
    """Text by its mark, by where its NULs stand, as UTF-8, or as what was usual before that.

    A character that is cut at the end is left out.
    """
    head = content[:4096]
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "")
    if not encoding and b"\0" in head:
        encoding = next((row[0] for row in _BY_NULS if _has_units(head, *row[1:])), "")
    for name in (encoding, "utf-8", "cp1252"):
        if name:
            try:
                text = codecs.getincrementaldecoder(name)().decode(content)
            except UnicodeDecodeError:
                continue
            return text.replace("\r\n", "\n").replace("\r", "\n")
    return content.decode("latin-1")


def _has_units(head: bytes, width: int, ascii_at: int) -> bool:
    """Whether most units of this width hold a character of ASCII and zeros."""
    units = [head[at : at + width] for at in range(0, len(head) - width + 1, width)]
    plain = sum(
        1 for unit in units if unit[ascii_at] and not any(unit[:ascii_at] + unit[ascii_at + 1 :])
    )
    return 2 * plain > len(units)


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
