"""JSON Lines, row by row; read plain or gzipped, each fault named by file and line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from c2llm.errors import DataError


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write beside the target and rename: a reader sees the old file or the whole new one."""
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("w", encoding="utf-8", errors="replace") as stream:
            stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def numbered_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """JSON objects of a .jsonl or .jsonl.gz with their line numbers from 1.

    Raises:
        DataError: naming file and line, for a file that cannot be read or a line that is not a JSON
            object.
    """
    for number, line in numbered_lines(path):
        yield number, parse_line(line, f"{path}:{number}")


def parse_line(line: str | bytes, where: str) -> dict[str, Any]:
    """The JSON object of a line.

    Raises:
        DataError: naming `where`, for a line that is none, or bytes that are not UTF-8.
    """
    try:
        row = json.loads(line.decode("utf-8") if isinstance(line, bytes) else line)
    except UnicodeDecodeError as error:
        raise DataError(f"{where} is not UTF-8 ({error.reason}): convert the file.") from error
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise DataError(f"{where} is not JSON ({reason}): each line is one JSON object.") from error
    if not isinstance(row, dict):
        raise DataError(f"{where} is not a JSON object: each line is one.")
    return row


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers from 1.

    Raises:
        DataError: naming file and line, for a file that cannot be read.
    """
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            for number, raw in enumerate(stream, 1):
                line = raw.decode("utf-8")
                if line.strip():
                    yield number, line
    except IsADirectoryError as error:
        raise DataError(f"{path} is a directory; the file of this name is wanted.") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}:{number} is not UTF-8 ({error.reason}): convert the file."
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} cannot be read after line {number} ({error}): fetch the file again."
        ) from error
