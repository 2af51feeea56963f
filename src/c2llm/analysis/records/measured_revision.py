"""The code that was measured, where the results say at which revision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from c2llm.codebase.chunk import NOTEBOOK
from c2llm.codebase.files.decoding import decode
from c2llm.codebase.git import Git
from c2llm.codebase.languages import detect_language
from c2llm.errors import DataError
from c2llm.index.store.imported.placing import named, outline
from c2llm.index.store.imported.record import Key

_SECONDS = 60.0


def code_hashes_at(root: Path, keys: Sequence[Key]) -> dict[Key, bytes]:
    """The hash of the code of each key at its revision; one that git does not have is not there.

    A notebook is laid out in another way by git, so that it cannot be compared.
    """
    keys_at: dict[tuple[str, str], list[Key]] = defaultdict(list)
    for key in keys:
        if not key.path.endswith(NOTEBOOK) and "\n" not in key.path:
            keys_at[key.revision, key.path].append(key)
    places = sorted(keys_at)
    if not places:
        return {}
    asked = "".join(f"{revision}:./{path}\n" for revision, path in places).encode(errors="replace")
    try:
        said = Git(root, seconds=_SECONDS).run("cat-file", "--batch", given=asked)
    except DataError:
        return {}
    found: dict[Key, bytes] = {}
    for (revision, path), source in zip(places, _blobs(said), strict=False):
        if source is None:
            continue
        text = decode(source)
        language = detect_language(path, text[:512].encode(errors="replace")) or ""
        known = outline(text.split("\n"), path, language)
        for key in keys_at[revision, path]:
            if meant := named(key.symbol, known):
                found[key] = bytes.fromhex(meant[0].code_hash)
    return found


def _blobs(said: bytes) -> Iterator[bytes | None]:
    """What `git cat-file --batch` says of each, in order; None of what is not there."""
    start = 0
    while start < len(said):
        end = said.index(b"\n", start)
        head = said[start:end].rsplit(b" ", 2)
        start = end + 1
        if len(head) != 3 or not head[2].isdigit():
            yield None
            continue
        size = int(head[2])
        yield said[start : start + size] if head[1] == b"blob" else None
        start += size + 1
