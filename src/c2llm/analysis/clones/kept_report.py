"""A whole report, kept until a file of it changes: what is asked again is answered at once.

It is kept beside the first of the indexes, one of the request as it is by default and one of any
other. Its key is all that it depends on: the files' labels, paths, languages and contents, the
request, the model's files and the version of what makes a report.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from c2llm.analysis.clones.clone_class import CloneClass, CloneReport, Member
from c2llm.analysis.clones.reading import FORMS_VERSION, ChosenFiles
from c2llm.analysis.clones.request import ClonesRequest
from c2llm.encoding.encoder_handle import DEFAULT_TABLE, table_handle
from c2llm.index.store.caches.kept_results import KeptResults

_VERSION = 3
"""A change in what is found of the same forms, or in how a report is kept, raises it."""
_MOST_BYTES = 64 << 20
_DAMAGED = (zlib.error, ValueError, TypeError, KeyError, IndexError)


@dataclass(frozen=True, slots=True)
class KeptReport:
    """Where the report of a request for some files is kept."""

    chosen: ChosenFiles
    request: ClonesRequest

    def get(self) -> CloneReport | None:
        """The report, None where none is kept of these files as they are."""
        if not self._is_kept:
            return None
        key = self._key()
        with KeptResults(self.chosen.parts[0].index.file) as kept:
            packed = kept.get(self._kind, [key]).get(key)
        try:
            return None if packed is None else _unpacked(packed)
        except _DAMAGED:
            return None

    def put(self, report: CloneReport) -> None:
        """Keep a report in place of the one before, unless some file of it is still unread."""
        if not self._is_kept:
            return
        packed = _packed(report)
        if len(packed) > _MOST_BYTES:
            return
        key = self._key()
        with KeptResults(self.chosen.parts[0].index.file) as kept:
            kept.put(self._kind, {key: packed})
            kept.keep_only(self._kind, [key], family=self._family)

    @property
    def _is_kept(self) -> bool:
        indexes = [part.index for part in self.chosen.parts]
        return bool(indexes) and all(one.is_kept and not one.unread_files for one in indexes)

    @property
    def _family(self) -> str:
        return "report default" if self.request == ClonesRequest() else "report other"

    @property
    def _kind(self) -> str:
        return f"{self._family} {_VERSION}"

    def _key(self) -> bytes:
        handle = table_handle(DEFAULT_TABLE, alone=True)
        digest = hashlib.blake2b(digest_size=16)
        for said in (FORMS_VERSION, self.request, "" if handle is None else handle.signature):
            digest.update(f"{said!r}\n".encode())
        for part in self.chosen.parts:
            digest.update(f"{part.index.label!r}\n".encode())
            for file in part.files:
                key = part.keys.get(file.path, b"")
                digest.update(f"{file.path!r} {key.hex()}\n".encode())
        return digest.digest()


def _packed(report: CloneReport) -> bytes:
    """A table of members, each once however many classes it is in, and classes of their numbers."""
    numbers: dict[Member, int] = {}
    classes = [
        [
            one.id,
            one.type,
            one.similarity,
            [numbers.setdefault(member, len(numbers)) for member in one.members],
            one.tokens,
            one.saved_lines,
            one.role,
        ]
        for one in (*report.classes, *report.apart)
    ]
    content = {
        "members": list(_rows(numbers)),
        "classes": classes,
        "told": len(report.classes),
        "counts": [report.files, report.lines, report.duplicated_lines],
        "notes": report.notes,
    }
    return zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 1)


def _rows(members: dict[Member, int]) -> Iterator[list[Any]]:
    for one in members:
        yield [one.path, one.start_line, one.end_line, one.language, one.symbol, one.repository]


def _unpacked(packed: bytes) -> CloneReport:
    content = json.loads(zlib.decompress(packed))
    members = [Member(*row) for row in content["members"]]
    classes = [_class(members, row) for row in content["classes"]]
    told = int(content["told"])
    files, lines, duplicated = map(int, content["counts"])
    return CloneReport(
        tuple(classes[:told]),
        tuple(classes[told:]),
        files,
        lines,
        duplicated,
        tuple(content["notes"]),
    )


def _class(members: Sequence[Member], row: Sequence[Any]) -> CloneClass:
    id_, kind, similarity, numbers, tokens, saved, role = row
    places = tuple([members[number] for number in numbers])
    return CloneClass(id_, kind, similarity, places, tokens, saved, role)
