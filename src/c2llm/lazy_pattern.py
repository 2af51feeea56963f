"""Regular expressions that are compiled when they are first used, not when a module is imported.

A warm search imports some two hundred expressions and uses a tenth of them; compiling the others
would take longer than looking for its answer.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


def lazy_pattern(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What `re.compile` gives, compiled when one of its attributes is first asked for.

    Its methods are those of the compiled one from then on, at the cost of an attribute. A mistake
    in the expression shows at the first use too; `tests/test_lazy_pattern.py` compiles all.
    """
    return cast("re.Pattern[AnyStr]", _LazyPattern(pattern, flags))


class _LazyPattern:
    def __init__(self, pattern: Any, flags: int) -> None:
        self._source = pattern, flags

    def __getattr__(self, name: str) -> Any:
        """Of the compiled expression; kept, so that Python asks here once a name."""
        found = getattr(re.compile(*self._source), name)  # `re` remembers what it has compiled
        setattr(self, name, found)
        return found
