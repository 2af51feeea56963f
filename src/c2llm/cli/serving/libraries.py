"""The import of what serves, which is an extra of the installation."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

from c2llm.errors import UsageError


@contextmanager
def imports_of_serving(verb: str) -> Iterator[None]:
    """Around the import of what serves.

    Raises:
        UsageError: Naming the library that is not installed.
    """
    # Each of their thousand models of messages would have pydantic look for plugins, and the
    # garbage collector for what is none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.disable()
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "c2llm":
            raise
        raise UsageError(
            f"c2llm {verb} needs {error.name}: install it with pip install 'c2llm[serve]'."
        ) from error
    finally:
        gc.enable()
        gc.freeze()
