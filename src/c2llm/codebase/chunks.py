"""Files to chunks, and a chunk to the text that is embedded for it."""

from __future__ import annotations

from pathlib import PurePosixPath

from c2llm.codebase.chunk import Chunk
from c2llm.codebase.identifiers import split_identifier

# Directories that nearly every repository has say nothing about a file.
_PLAIN_DIRECTORIES = frozenset(
    {".", "java", "kotlin", "lib", "main", "scala", "source", "sources", "src"}
)
_PATH_WORDS = 16


def header(path: str, scope: str, signature: str) -> str:
    """The line above the code in what is embedded: words of the path, scope, signature.

    Training pairs and the index both come here, so a model is asked about what it has learned from.

    Example:
        >>> header("src/net/httpClient.py", "Session", "def get(self, url)")
        'net http client | Session | def get(self, url)'
    """
    pure = PurePosixPath(path)
    words = [
        word
        for part in pure.parts[:-1]
        if part not in _PLAIN_DIRECTORIES
        for word in split_identifier(part.replace("-", "_").replace(".", "_"))
    ]
    words += split_identifier(pure.stem.replace("-", "_").replace(".", "_"))
    words = list(dict.fromkeys(words))[-_PATH_WORDS:]
    parts = [" ".join(words), scope, signature]
    return " | ".join(part for part in parts if part)


def embedding_text(chunk: Chunk) -> str:
    """What is embedded for a chunk: its header, a newline, its code."""
    line = header(chunk.path, chunk.scope, chunk.signature or chunk.symbol)
    return f"{line}\n{chunk.text}" if line else chunk.text
