"""Catalogs for tests, filled from texts as a refresh fills them from git."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from c2llm.codebase.chunks import cut_text, embedding_text
from c2llm.codebase.languages import detect_language
from c2llm.codebase.words import lexicon_row
from c2llm.encoding.protocol import TextEncoder
from c2llm.index.build.cutting import CutChunk, CutFile, text_hash
from c2llm.index.store.catalog.catalog_store import CatalogStore
from c2llm.index.store.catalog.records import Content, Place, content_key
from c2llm.index.store.quantized import pack

Trees = Mapping[str, Mapping[str, str]]
"""For each repository the text of each path."""


def content_of(repository: str, path: str, text: str) -> Content:
    """A file, read from a repository."""
    language = detect_language(path, text[:512].encode()) or "text"
    cut = cut_text(path, text, language)
    chunks = tuple(
        CutChunk(chunk, text_hash(embedding_text(chunk)), lexicon_row(path, chunk))
        for chunk in cut.chunks
    )
    digest = hashlib.sha1(text.encode()).hexdigest()
    file = CutFile(path, language, bytes.fromhex(digest)[:16], chunks, imports=cut.imports)
    return Content(content_key(digest, language), Place(repository, path), file)


def fill(store: CatalogStore, trees: Trees, table: TextEncoder | None = None) -> None:
    """Put repositories into a catalog's store, with the vectors of a table model."""
    for repository, files in trees.items():
        contents = [content_of(repository, path, text) for path, text in files.items()]
        store.put_contents(contents)
        chunks = {one.embedded_hash: one.chunk for each in contents for one in each.cut.chunks}
        if table is not None and chunks:
            texts = [embedding_text(chunk) for chunk in chunks.values()]
            packed = pack(table.encode_documents(texts))
            store.put_vectors_of(table.name, table.fingerprint, list(chunks), packed)
        tree = {one.first.path: one.key for one in contents}
        store.put_repository(repository, f"commit of {repository} {sorted(files)}", tree)
