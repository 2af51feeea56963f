"""Which column a name means, and the sentence where it means none."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from c2llm.errors import UsageError
from c2llm.index.store.imported.record import OWN_COLUMNS

_NO_SHORTENING = 12
"""Names of columns that a sentence lists at most."""


class UnknownColumnError(UsageError):
    """A request names a column that the records of an index do not have."""


class NoRecordsError(UnknownColumnError):
    """An index has no records at all."""


def resolved(name: str, columns: Iterable[str]) -> str:
    """The column that a name means: that one, or the only one but for upper and lower case.

    Raises:
        UnknownColumnError: There is none.
        UsageError: There are several.
    """
    known = [*columns, *OWN_COLUMNS]
    if name in known:
        return name
    same = sorted({one for one in known if one.casefold() == name.casefold()})
    if len(same) == 1:
        return same[0]
    if same:
        raise UsageError(f"{name} may be {' or '.join(same)}; write the one you mean.")
    named = [one for one in dict.fromkeys(known) if one not in OWN_COLUMNS]
    if not named:
        raise NoRecordsError("No records are imported here; see: c2llm records import --help.")
    folded = {one.casefold(): one for one in known}
    near = [folded[one] for one in get_close_matches(name.casefold(), folded, 2, 0.6)]
    meant = f" (do you mean {' or '.join(map(quoted, near))}?)" if near else ""
    shown = ", ".join(map(quoted, sorted(named)[:_NO_SHORTENING]))
    more = f" and {len(named) - _NO_SHORTENING} more" if len(named) > _NO_SHORTENING else ""
    text = "" if near else " Text is written in single quotes."
    raise UsageError(
        f"The records have no column {name!r:.80}{meant}; there are: {shown}{more}.{text}"
    )


def quoted(name: str) -> str:
    """A column's name as a condition has it."""
    plain = name.isascii() and name.replace("_", "a").replace(".", "a").isalnum()
    if plain and not name[:1].isdigit():
        return name
    return '"' + name.replace('"', '""') + '"'
