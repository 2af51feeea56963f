"""Which files are of a version that the same tree has a newer one of: `v3/` beside `v4/`.

Such folders are kept for those who have not moved on yet, and hold nearly the same names. The newer
one is what a question means that names neither. Where the newer one is the folder above (`v1/` of a
package that keeps its first version inside the second), the files that have their like up there
tell.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_FOLDER = re.compile(r"v(\d{1,3})", re.IGNORECASE)
_BELOW_ONE = re.compile(r"(?:^|/)v\d{1,3}/", re.IGNORECASE)
_SPELLED = re.compile(r"(?<![^\W_])v(?:ersion\s?)?(\d{1,3})(?!\d)", re.IGNORECASE)
_FIRST = 1
"""Versions up to this may be older than the folder above them. A `v2/` there is newer: so Go has
it."""
_LEAST_LIKE = 3
"""Files of a folder that have their like above it."""
_LEAST_SHARE = 1 / 3
"""And of its files this share at least. The paths are those of one question's candidates, where the
like of a file need not be among them."""


def older_versions(paths: Iterable[str], query: str) -> frozenset[str]:
    """Those of the paths that are of an older version, but for versions that the query spells."""
    files = frozenset(paths)
    folders_of = {path: _versions(path) for path in files if _BELOW_ONE.search(path)}
    if not folders_of:
        return frozenset()
    numbers: dict[str, int] = {}
    newest: dict[str, int] = {}
    for folders in folders_of.values():
        for folder, above, number in folders:
            numbers[folder] = number
            newest[above] = max(newest.get(above, 0), number)
    spelled = {int(number) for number in _SPELLED.findall(query)}
    like: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for path, folders in folders_of.items():
        for folder, above, _ in folders:
            held[folder] += 1
            like[folder] += _joined(above, path[len(folder) + 1 :]) in files
    older = {
        folder
        for folder, number in numbers.items()
        if number not in spelled
        and (
            number < newest[folder.rpartition("/")[0]]
            or (number <= _FIRST and like[folder] >= max(_LEAST_LIKE, _LEAST_SHARE * held[folder]))
        )
    }
    return frozenset(
        path
        for path, folders in folders_of.items()
        if any(folder in older for folder, _, _ in folders)
    )


def _versions(path: str) -> list[tuple[str, str, int]]:
    """Of each folder of a path that is named by a version: itself, what is above, the number."""
    parts = path.split("/")
    return [
        ("/".join(parts[: at + 1]), "/".join(parts[:at]), int(named[1]))
        for at, part in enumerate(parts[:-1])
        if (named := _FOLDER.fullmatch(part))
    ]


def _joined(folder: str, rest: str) -> str:
    return f"{folder}/{rest}" if folder else rest
