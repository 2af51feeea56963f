"""What is known of one edit of a file by itself, whatever was before; kept by the two contents."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.history.kinds import KINDS, kinds_of
from c2llm.analysis.history.patches import Patch

FACTS_VERSION = 6
"""Raised when the same patch would give other facts."""
_MOST_NAMES = 400
_MOST_SPELLED = 60
_MOST_REGIONS = 20
_MOST_CHARACTERS = 3_000
"""Of added code, that its meaning is told from."""
_CALLED = re.compile(r"([^\W\d][\w$!?.:~]*)\s*[(<\[]")
_DEFINED = re.compile(
    r"\s*(?:(?:pub(?:\([a-z]+\))?|async|export|default|static|private|protected|public|internal"
    r"|override|suspend|inline|final)\s+)*(?:def|fn|func|function|fun|sub|class)\s+"
    r"(?:\([^()]{0,80}\)\s*)?([^\W\d][\w$!?.]*)"
)


@dataclass(slots=True)
class EditFacts:
    """One edit of a file."""

    added: int
    """Lines that are not blank."""
    removed: int
    hunks: int
    """Places where more than comments and layout changed."""
    tokens: int
    """Tokens that went or came."""
    kinds: dict[str, list[str]]
    """As `Kinds.found`."""
    regions: tuple[str, ...]
    """The functions or classes that were touched, as well as git tells them."""
    names: NDArray[np.uint32]
    """Hashes of the names in the lines that were put in, in the order of the names."""
    spelled: tuple[str, ...] = ()
    """The first of these names."""
    text: str = field(default="", repr=False)
    """The longest piece of code that was put in, to be embedded; not kept."""
    vector: NDArray[np.int8] | None = None
    """The meaning of that piece, times 127; None where next to nothing was added."""

    @property
    def is_cosmetic(self) -> bool:
        """Whether no token of code changed."""
        return self.hunks == 0

    def pack(self) -> bytes:
        """As bytes, without `text`."""
        vector = b"" if self.vector is None else self.vector.tobytes()
        head = (
            *(self.added, self.removed, self.hunks, self.tokens, self.kinds, self.regions),
            *(self.spelled, len(self.names)),
        )
        packed = json.dumps(head, separators=(",", ":")).encode()
        return packed + b"\n" + self.names.astype("<u4").tobytes() + vector

    @classmethod
    def unpack(cls, packed: bytes) -> EditFacts:
        """What `pack` made bytes of.

        Raises:
            ValueError: They are damaged.
        """
        head, _, rest = packed.partition(b"\n")
        try:
            added, removed, hunks, tokens, kinds, regions, spelled, count = json.loads(head)
            names = np.frombuffer(rest, "<u4", count).astype(np.uint32)
            vector = np.frombuffer(rest, np.int8, offset=4 * count) if rest[4 * count :] else None
            sizes = (int(added), int(removed), int(hunks), int(tokens))
            found = {str(kind): list(map(str, some)) for kind, some in kinds.items()}
        except (TypeError, AttributeError, RecursionError) as error:
            raise ValueError(str(error)) from error
        if not found.keys() <= set(KINDS):
            raise ValueError("kinds that are none")
        places, first = tuple(map(str, regions)), tuple(map(str, spelled))
        return cls(*sizes, found, places, names, first, vector=vector)


def facts_of(patch: Patch, language: str) -> EditFacts:
    """What a patch says of the edit."""
    kinds = kinds_of(patch.hunks, language)
    removed = [line for hunk in patch.hunks for line in hunk.removed if line.strip()]
    added = [line for hunk in patch.hunks for line in hunk.added if line.strip()]
    regions = dict.fromkeys(
        region
        for hunk in patch.hunks[: 5 * _MOST_REGIONS]
        for region in regions_of(hunk.heading, (*hunk.removed, *hunk.added))
    )
    spelled = sorted(kinds.names)
    pieces: list[list[str]] = [hunk.added for hunk in patch.hunks]
    longest = max(pieces, key=len, default=[])
    return EditFacts(
        len(added),
        len(removed),
        kinds.code_hunks,
        kinds.removed_tokens + kinds.added_tokens,
        kinds.found,
        tuple(list(regions)[:_MOST_REGIONS]),
        hashes_of(spelled)[:_MOST_NAMES],
        tuple(name[:40] for name in spelled[:_MOST_SPELLED]),
        text="\n".join(longest)[:_MOST_CHARACTERS],
    )


def hashes_of(names: Sequence[str]) -> NDArray[np.uint32]:
    """Hashes of names, in their order."""
    hashed = [zlib.crc32(name.encode("utf-8", "replace")) for name in names]
    return np.array(hashed, np.uint32)


def regions_of(heading: str, lines: Sequence[str]) -> list[str]:
    """The functions that lines belong to: those that begin in them, else the one above."""
    begun = [found[1] for line in lines[:400] if (found := _DEFINED.match(line[:200]))]
    if begun:
        return begun
    defined = _DEFINED.match(heading)
    if defined:
        return [defined[1]]
    called = _CALLED.findall(heading[:200])
    return [called[-1] if called else heading.strip(" {:")[:60]]
