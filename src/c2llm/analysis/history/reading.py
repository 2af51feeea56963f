"""Facts of all edits of a history: those that are kept, and the others read from git and kept.

What is kept of an edit depends on the two contents alone, so that a branch, a rebased commit or
another clone of the same index finds it again; work that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.clones.forms.lexing import words_of
from c2llm.analysis.history.commits import Commit, FileEdit, Repository
from c2llm.analysis.history.edit_facts import FACTS_VERSION, EditFacts, facts_of, hashes_of
from c2llm.analysis.history.kinds import is_name
from c2llm.analysis.history.patches import read_patches
from c2llm.codebase.files.decoding import decode, readable_head
from c2llm.codebase.git import Git
from c2llm.codebase.revisions.objects import read_objects
from c2llm.encoding.encoder_handle import DEFAULT_TABLE, EncoderHandle, table_handle
from c2llm.index.store.caches.kept_results import KeptResults
from c2llm.index.store.location import index_file
from c2llm.progress import ProgressBar, no_progress

LEAST_PAST = 5
"""Earlier commits of a file, below which nothing is said of the next."""
_AT_ONCE = 100
"""Commits that are read, embedded and kept together."""
_MOST_EDITS = 50_000
"""Edits of code that are read, of the newest commits; of one commit a tenth of them."""
_CONTENTS_AT_ONCE = 200
_MOST_CONTENT_BYTES = 1_000_000
_MOST_EMBEDDED = 12_000
"""Characters of a whole file that its meaning is told from."""
_LEAST_EMBEDDED = 20
"""Characters of added code, below which there is no meaning to tell."""
_MOST_NAMES = 20_000


@dataclass(frozen=True, slots=True)
class ContentFacts:
    """A file as it was when its history begins."""

    names: NDArray[np.uint32]
    """Hashes of the names in it."""
    vector: NDArray[np.int8] | None


@dataclass(slots=True)
class Facts:
    """All that was read of the contents of a history."""

    edits: dict[bytes, EditFacts] = field(default_factory=dict)
    contents: dict[str, ContentFacts] = field(default_factory=dict)
    unread: int = 0
    """Edits whose contents git does not have."""
    left_out: int = 0
    """Edits that were too many."""

    def of(self, edit: FileEdit) -> EditFacts | None:
        """Of an edit, None where it is no edit of code, or could not be read."""
        language = edit.language
        return None if language is None else self.edits.get(edit_key(edit, language))


def edit_key(edit: FileEdit, language: str) -> bytes:
    """What the facts of an edit are kept by."""
    said = f"{edit.before} {edit.after} {language}".encode()
    return hashlib.blake2b(said, digest_size=16).digest()


def file_starts(commits: Iterable[Commit]) -> dict[str, str]:
    """Object name and language of what each file with a past begins with in a history.

    Args:
        commits: The history, the oldest commit first.
    """
    first: dict[str, tuple[str, str]] = {}
    counts: Counter[str] = Counter()
    for commit in commits:
        for edit in commit.edits:
            language = edit.language
            if language is None or not edit.after:
                continue
            if edit.path != edit.old_path and edit.old_path in first:
                first[edit.path] = first[edit.old_path]
                counts[edit.path] = counts[edit.old_path]
            first.setdefault(edit.path, (edit.before or edit.after, language))
            counts[edit.path] += 1
    return dict(first[path] for path, count in counts.items() if count > LEAST_PAST)


def read_facts(
    repository: Repository,
    commits: Sequence[Commit],
    starts: Mapping[str, str],
    progress: ProgressBar = no_progress,
) -> Facts:
    """Facts of the edits of code in commits.

    Args:
        repository: Whose they are.
        commits: The commits, the oldest first.
        starts: `file_starts` of them.
        progress: Shows how many commits are read.

    Raises:
        DataError: Git is not there, or takes too long.
    """
    # Loaded when there is something to embed: what is kept needs no more than its fingerprint.
    model = table_handle(DEFAULT_TABLE, alone=True)
    kind = f"history {FACTS_VERSION} {model.fingerprint if model else ''}"
    with KeptResults(index_file(Path(repository.git.root))) as kept:
        work = _Work(repository.git, kept, kind, model, Facts())
        work.read_edits(commits, progress)
        work.read_contents(starts)
    return work.facts


@dataclass(slots=True)
class _Work:
    git: Git
    kept: KeptResults
    kind: str
    model: EncoderHandle | None
    facts: Facts

    def read_edits(self, commits: Sequence[Commit], progress: ProgressBar) -> None:
        languages = self._to_read(commits)
        wanted = {key for key, _ in languages.values()}
        for key, packed in self.kept.get(self.kind, wanted).items():
            with suppress(ValueError):
                self.facts.edits[key] = EditFacts.unpack(packed)
        missing = [
            commit.id
            for commit in commits
            if any(
                (edit.before, edit.after) in languages
                and languages[edit.before, edit.after][0] not in self.facts.edits
                for edit in commit.edits
            )
        ]
        with progress("Reading commits", len(commits)) as advance:
            advance(len(commits) - len(missing))
            for start in range(0, len(missing), _AT_ONCE):
                some = missing[start : start + _AT_ONCE]
                new: dict[bytes, EditFacts] = {}
                for _, patches in read_patches(self.git, some):
                    for patch in patches:
                        key, language = languages.get((patch.before, patch.after), (b"", ""))
                        if key and key not in self.facts.edits and key not in new:
                            new[key] = facts_of(patch, language)
                self._embed(list(new.values()))
                self.kept.put(self.kind, {key: facts.pack() for key, facts in new.items()})
                self.facts.edits |= new
                advance(len(some))
        self.facts.unread = len(wanted - self.facts.edits.keys())

    def _to_read(self, commits: Sequence[Commit]) -> dict[tuple[str, str], tuple[bytes, str]]:
        """Key and language of each edit that is read, by its two contents."""
        languages: dict[tuple[str, str], tuple[bytes, str]] = {}
        for commit in reversed(commits):
            room = min(_MOST_EDITS // 10, _MOST_EDITS - len(languages))
            for edit in commit.edits:
                # What is new has no past, and of what is gone nothing is left to be wrong.
                if not edit.before or not edit.after or edit.before == edit.after:
                    continue
                language = edit.language
                if language is None:
                    continue
                if room > 0:
                    languages[edit.before, edit.after] = edit_key(edit, language), language
                    room -= 1
                else:
                    self.facts.left_out += 1
        return languages

    def read_contents(self, starts: Mapping[str, str]) -> None:
        """What files begin with, by the names of the objects, with their languages."""
        keys = {
            hashlib.blake2b(f"{name} {language}".encode(), digest_size=16).digest(): name
            for name, language in starts.items()
        }
        for key, packed in self.kept.get(self.kind, keys).items():
            with suppress(ValueError):
                self.facts.contents[keys[key]] = _unpacked(packed)
        missing = [(key, name) for key, name in keys.items() if name not in self.facts.contents]
        for start in range(0, len(missing), _CONTENTS_AT_ONCE):
            some = missing[start : start + _CONTENTS_AT_ONCE]
            texts = list(_texts(self.git, [name for _, name in some]))
            vectors = self._vectors([text[:_MOST_EMBEDDED] for text in texts])
            new: dict[bytes, bytes] = {}
            for (key, name), text, vector in zip(some, texts, vectors, strict=False):
                words = {word for word in words_of(text, starts[name]) if is_name(word)}
                names = np.unique(hashes_of(sorted(words)[:_MOST_NAMES]))
                content = ContentFacts(names, vector)
                self.facts.contents[name] = content
                new[key] = _packed(content)
            self.kept.put(self.kind, new)

    def _embed(self, edits: Sequence[EditFacts]) -> None:
        for edit, vector in zip(edits, self._vectors([edit.text for edit in edits]), strict=True):
            edit.vector = vector

    def _vectors(self, texts: Sequence[str]) -> list[NDArray[np.int8] | None]:
        found: list[NDArray[np.int8] | None] = [None] * len(texts)
        places = [place for place, text in enumerate(texts) if len(text) >= _LEAST_EMBEDDED]
        if self.model is not None and places:
            vectors = self.model.get().encode_documents([texts[place] for place in places])
            for place, vector in zip(places, vectors, strict=True):
                found[place] = np.clip(np.rint(vector * 127), -127, 127).astype(np.int8)
        return found


def _packed(content: ContentFacts) -> bytes:
    vector = b"" if content.vector is None else content.vector.tobytes()
    names = content.names.astype("<u4")
    return len(names).to_bytes(4, "little") + names.tobytes() + vector


def _unpacked(packed: bytes) -> ContentFacts:
    count = int.from_bytes(packed[:4], "little")
    names = np.frombuffer(packed, "<u4", count, 4).astype(np.uint32)
    rest = packed[4 + 4 * count :]
    return ContentFacts(names, np.frombuffer(rest, np.int8) if rest else None)


def _texts(git: Git, names: Sequence[str]) -> Iterator[str]:
    """The texts of objects, "" of what is too large, no text, or not there."""
    for one in read_objects(git, names, _MOST_CONTENT_BYTES):
        is_text = one.is_whole and readable_head(one.content) is not None
        yield decode(one.content) if is_text else ""
