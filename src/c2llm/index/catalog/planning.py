"""What of a repository is to be read: its source files, and which of their contents are new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from c2llm.codebase.files.secret_files import includes_secrets
from c2llm.codebase.git import Git
from c2llm.codebase.languages import detect_language
from c2llm.codebase.revisions.listing import Blob, blobs_of, source_files, texts_of
from c2llm.index.build.refresh import CHUNKER_VERSION
from c2llm.index.catalog.stages import ReadTask, WantedBlob
from c2llm.index.catalog.tips import Tip
from c2llm.index.store.catalog.records import content_key

MOST_FILES = 300_000
"""Of one repository."""
_BLOBS_OF_A_TASK = 200
_BYTES_OF_A_TASK = 1_000_000


@dataclass(slots=True)
class Listing:
    """The source files of a repository as it is now."""

    name: str
    commit: str
    folder: str
    tree: dict[str, bytes]
    """Path and key of each."""
    wanted: dict[bytes, tuple[WantedBlob, int]]
    """By key one place that has the content, and its bytes."""


def rules() -> str:
    """What decides, beside a commit, which files a repository has and how they are cut."""
    return f"{CHUNKER_VERSION}{'+secrets' if includes_secrets() else ''}"


def list_repository(tip: Tip) -> Listing:
    """List the files of a repository's last commit; nothing is read but files of rules.

    Raises:
        DataError: Git does not list them, or there are too many.
    """
    git = Git(Path(tip.folder), bare=True)
    found: dict[str, Blob] = {}
    if tip.commit:
        blobs = blobs_of(git, tip.commit, most=MOST_FILES)
        found, _ = source_files(blobs, partial(texts_of, git))
    listing = Listing(tip.entry.name, tip.commit, tip.folder, {}, {})
    for path, blob in found.items():
        key = content_key(blob.name, _kind(path, blob))
        listing.tree[path] = key
        wanted = WantedBlob(path, blob.name, key, blob.taken_back)
        listing.wanted.setdefault(key, (wanted, blob.size))
    return listing


def tasks_of(listing: Listing, keys: Sequence[bytes]) -> Iterator[ReadTask]:
    """Some contents of a repository, some at a time."""
    part: list[WantedBlob] = []
    size = 0
    for key in keys:
        wanted, its = listing.wanted[key]
        part.append(wanted)
        size += its
        if len(part) >= _BLOBS_OF_A_TASK or size >= _BYTES_OF_A_TASK:
            yield ReadTask(listing.name, listing.folder, tuple(part))
            part, size = [], 0
    if part:
        yield ReadTask(listing.name, listing.folder, tuple(part))


def _kind(path: str, blob: Blob) -> str:
    """What the name of a file makes of its bytes, and the rules that cut it."""
    name = path.rpartition("/")[2]
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    language = detect_language(name) or "text"
    return f"{CHUNKER_VERSION} {language} {extension}{' taken back' if blob.taken_back else ''}"
