"""Dates and times as texts whose order is that of time."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?\s?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)


def normalized(text: str) -> str | None:
    """A date or time in ISO 8601, written one way, or None where it is none.

    A time with a zone is that of Greenwich; one without stays as it is, and parts of a second that
    are zero are left out.
    """
    if not _ISO.fullmatch(text):
        return None
    try:
        if len(text) == 10:
            return date.fromisoformat(text).isoformat()
        return written(datetime.fromisoformat(text.replace(" ", "T", 1).replace(" ", "")))
    except (ValueError, OverflowError):
        return None


def written(moment: date) -> str:
    """A date, or a time, as `normalized` writes it."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat()
