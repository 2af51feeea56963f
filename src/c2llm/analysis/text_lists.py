"""Fields of a request that are lists of texts, of which a single text is as good as one."""

from __future__ import annotations

from collections.abc import Sequence

from c2llm.errors import UsageError
from c2llm.printable import quoted


def settle_texts(request: object, *names: str) -> None:
    """Make tuples of fields of a frozen dataclass.

    Raises:
        UsageError: One is no list of texts that are not empty.
    """
    for name in names:
        value = getattr(request, name)
        values = (value,) if isinstance(value, str) else value
        if not isinstance(values, Sequence) or not all(
            isinstance(one, str) and one for one in values
        ):
            raise UsageError(f"{name} must be a list of texts, not {quoted(value)}.")
        object.__setattr__(request, name, tuple(values))
