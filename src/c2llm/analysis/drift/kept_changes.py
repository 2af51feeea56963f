"""Changes between two versions of a function, kept by what both say.

Comparing two large functions takes longer than reading both; a check that runs at every push, or
with every key that is pressed, meets the same two again and again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from c2llm.analysis.changes.change import Change, Effect
from c2llm.analysis.trees.code_tree import Function
from c2llm.index.store.caches.kept_results import KeptResults

VERSION = 2
"""Raised whenever `changes` tells a difference in another way."""
_KIND = "drift"
_LEAST_CHARACTERS = 4_000
"""Of both versions together; less is compared sooner than it is looked up."""
_MOST_KEPT = 20_000


class KeptChanges:
    """Changes by the content of two functions.

    Args:
        index: The file of an index that they lie beside; None keeps nothing.
    """

    def __init__(self, index: Path | None) -> None:
        self._results = KeptResults(index)
        self._kind = f"{_KIND} {VERSION}"
        self._known: dict[bytes, bytes] = {}
        self._new: dict[bytes, bytes] = {}
        self._is_used = index is not None

    def key(
        self,
        before: Function,
        after: Function,
        renamed: Mapping[str, str],
        extracted: Sequence[Function],
        inlined: Sequence[Function],
    ) -> bytes:
        """What two versions are kept by, b"" where they are not kept."""
        if not self._is_used or len(before.text) + len(after.text) < _LEAST_CHARACTERS:
            return b""
        return _key(before, after, renamed, extracted, inlined)

    def load(self, keys: Collection[bytes]) -> None:
        """Look up what will be asked for."""
        if any(keys):
            with self._results as results:
                self._known = results.get(self._kind, keys)

    def get(self, key: bytes, before: Function, after: Function) -> tuple[Change, ...] | None:
        """What was kept of two versions, None where nothing was."""
        packed = self._known.get(key)
        if packed is None:
            return None
        try:
            return tuple(_change(row, before, after) for row in json.loads(packed))
        except (ValueError, TypeError, RecursionError):
            return None

    def put(self, key: bytes, before: Function, after: Function, changes: Sequence[Change]) -> None:
        """Remember changes until `write`."""
        if key and len(self._new) < _MOST_KEPT:
            rows = [_row(change, before, after) for change in changes]
            self._new[key] = json.dumps(rows).encode()

    def write(self) -> None:
        """Keep what is new; what nobody asked for goes."""
        if not self._new:
            return
        with self._results as results:
            asked = {*self._known, *self._new}
            results.put(self._kind, self._new)
            results.keep_only(self._kind, asked, family=f"{_KIND} ")
        self._known |= self._new
        self._new = {}


def _key(
    before: Function,
    after: Function,
    renamed: Mapping[str, str],
    extracted: Sequence[Function],
    inlined: Sequence[Function],
) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for functions in ((before,), (after,), extracted, inlined):
        digest.update(b"%d" % len(functions))
        for one in functions:
            for text in (one.language, one.scope, one.name, one.text):
                digest.update(text.encode(errors="surrogatepass") + b"\0")
    digest.update(json.dumps(sorted(renamed.items())).encode())
    return digest.digest()


def _row(change: Change, before: Function, after: Function) -> list[object]:
    return [
        int(change.effect),
        change.what,
        change.name,
        change.before,
        change.after,
        change.line_before - before.start_line,
        change.line_after - after.start_line,
        change.weight,
    ]


def _change(row: Sequence[object], before: Function, after: Function) -> Change:
    effect, what, name, old, new, line, other, weight = row
    return Change(
        Effect(int(str(effect))),
        str(what),
        str(name),
        str(old),
        str(new),
        before.start_line + int(str(line)),
        after.start_line + int(str(other)),
        float(str(weight)),
    )
