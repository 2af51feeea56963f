"""One file to what the index keeps of it: read, judged, cut, and its words counted out.

Nothing here knows the index, so that other processes can do it (`cut_pool`); what they send back is
plain tuples.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from c2llm.codebase.chunk import NOTEBOOK, Chunk, Part
from c2llm.codebase.files.confined import NotRegularError
from c2llm.codebase.files.decoding import decode
from c2llm.codebase.files.walk import (
    MAX_FILE_BYTES,
    Skipped,
    SourceFile,
    inode_of,
    inspect,
    unreadable,
)
from c2llm.codebase.words import lexicon_row

if TYPE_CHECKING:
    from c2llm.codebase.chunks import Cut


@dataclass(frozen=True, slots=True)
class CutChunk:
    """A chunk with what is looked up by it."""

    chunk: Chunk
    embedded_hash: bytes
    """Hash of the text that is embedded for it."""
    lexicon: tuple[str, str, str]
    """Its columns of the lexical index."""


@dataclass(frozen=True, slots=True)
class CutFile:
    """What became of one file."""

    path: str
    language: str
    digest: bytes = b""
    """Hash of its bytes; empty when they could not be read."""
    chunks: tuple[CutChunk, ...] = ()
    skipped: str = ""
    """Why it is left out, or ""."""
    steady: bool = True
    """Its size and time were those of the listing before it was read and after."""
    gone: bool = False
    """It is there no more."""
    imports: tuple[str, ...] = ()
    """The modules that it imports, as `codebase.imports` writes them."""


def cut_file(file: SourceFile, known_digest: bytes = b"") -> CutFile:
    """Read a file and cut it, unless its bytes are those that are known."""
    path, language = file.path, file.language
    try:
        content, steady = _read(file)
    except FileNotFoundError:
        return CutFile(path, language, skipped="vanished", gone=True)
    except NotRegularError as error:
        return CutFile(path, language, skipped=unreadable(error), steady=False)
    except OSError as error:
        return CutFile(path, language, skipped=unreadable(error))
    return cut_content(file, content, known_digest, steady=steady)


def cut_content(
    file: SourceFile, content: bytes, known_digest: bytes = b"", *, steady: bool = True
) -> CutFile:
    """Cut a file that has been read, unless its bytes are those that are known.

    Args:
        file: What was listed; its size may be larger than what is allowed.
        content: Its bytes.
        known_digest: Hash of bytes that need not be cut again.
        steady: It kept still while it was read.
    """
    path, language = file.path, file.language
    digest = content_hash(content)
    if len(content) > max(file.size, MAX_FILE_BYTES):  # it has grown since
        return CutFile(path, language, digest, skipped="too large", steady=False)
    verdict = inspect(file, content)
    if isinstance(verdict, Skipped):
        return CutFile(path, language, digest, skipped=verdict.reason, steady=steady)
    if digest == known_digest:
        return CutFile(path, language, digest, steady=steady)
    from c2llm.codebase.chunks import embedding_text

    try:
        language, cut = _cut(verdict, decode(content))
        chunks = tuple(
            CutChunk(chunk, text_hash(embedding_text(chunk)), lexicon_row(path, chunk))
            for chunk in cut.chunks
        )
    except _LeftOutError as error:
        return CutFile(path, language, digest, skipped=str(error), steady=steady)
    except Exception as error:  # one hostile file must not stop the index; it is counted instead
        reason = f"cannot be cut ({type(error).__name__})"
        return CutFile(path, language, digest, skipped=reason, steady=steady)
    return CutFile(path, language, digest, chunks, steady=steady, imports=cut.imports)


class _LeftOutError(Exception):
    """A file turns out to be none to be indexed; the message is the reason."""


def _cut(file: SourceFile, text: str) -> tuple[str, Cut]:
    """The language of a file and its chunks."""
    from c2llm.codebase.chunks import cut_text

    if file.language == "markdown" and file.path.lower().endswith((".rmd", ".qmd")):
        from c2llm.codebase.notebooks.literate import cut_literate

        return file.language, cut_literate(file.path, text)
    if not file.path.endswith(NOTEBOOK):
        return file.language, cut_text(file.path, text, file.language)
    from c2llm.codebase.notebooks.cells import NotebookError, read_notebook
    from c2llm.codebase.notebooks.cutting import cut_notebook

    try:
        notebook = read_notebook(text)
    except NotebookError as error:
        raise _LeftOutError("broken notebook") from error
    if notebook.size > file.max_bytes:
        raise _LeftOutError("too large")
    return notebook.language, cut_notebook(file.path, notebook)


def same_content(file: SourceFile, digest: bytes) -> bool:
    """Whether a file still has the bytes of this hash; False when it cannot be read."""
    try:
        content = _read(file)[0]
    except OSError:
        return False
    return content_hash(content) == digest


def text_hash(text: str) -> bytes:
    """The hash that a vector is kept by, 16 bytes."""
    return content_hash(text.encode("utf-8", "surrogateescape"))


def content_hash(content: bytes) -> bytes:
    """The hash that a file is known by, 16 bytes."""
    return hashlib.blake2b(content, digest_size=16).digest()


def _read(file: SourceFile) -> tuple[bytes, bool]:
    """The file's bytes, one more than allowed at most, and whether it kept still meanwhile."""
    with file.open() as stream:
        before = os.fstat(stream.fileno())
        content = stream.read(max(file.size, MAX_FILE_BYTES) + 1)
        after = os.fstat(stream.fileno())
    listed = (file.size, file.mtime_ns, file.inode)
    steady = _place(before) == _place(after) == listed
    return content, steady


def _place(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, inode_of(status)


# -- over a pipe -----------------------------------------------------------------------------------


def pack_request(files: Sequence[SourceFile], known: dict[str, bytes]) -> list[Any]:
    """Files to be cut as plain tuples."""
    return [(*file, known.get(file.path, b"")) for file in files]


def unpack_request(request: list[Any]) -> list[tuple[SourceFile, bytes]]:
    """The files, each with the hash that is known of it."""
    return [(SourceFile(*fields), known) for *fields, known in request]


def pack_answer(files: Sequence[CutFile]) -> list[Any]:
    """What became of files as plain tuples."""
    return [
        (
            file.path,
            file.language,
            file.digest,
            [_packed_chunk(cut) for cut in file.chunks],
            file.skipped,
            file.steady,
            file.gone,
            file.imports,
        )
        for file in files
    ]


def unpack_answer(answer: list[Any]) -> list[CutFile]:
    """What became of files."""
    return [
        CutFile(
            path,
            language,
            digest,
            tuple(_unpacked_chunk(path, language, row) for row in rows),
            *rest,
        )
        for path, language, digest, rows, *rest in answer
    ]


def _packed_chunk(cut: CutChunk) -> tuple[Any, ...]:
    chunk = cut.chunk
    return (
        chunk.start_line,
        chunk.end_line,
        chunk.kind,
        chunk.symbol,
        chunk.scope,
        chunk.signature,
        chunk.definitions,
        chunk.text,
        tuple(map(tuple, chunk.parts)),
        cut.embedded_hash,
        cut.lexicon,
    )


def _unpacked_chunk(path: str, language: str, row: tuple[Any, ...]) -> CutChunk:
    start, end, *rest, parts, embedded_hash, lexicon = row
    rest.append(tuple(map(Part._make, parts)))
    return CutChunk(Chunk(path, start, end, language, *rest), embedded_hash, lexicon)
