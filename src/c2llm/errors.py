"""What c2llm raises: one sentence with the numbers and the cure, and an exit code."""

from __future__ import annotations

LONGEST_SENTENCE = 2_000
"""Characters; what a file or a request says is quoted in it, and may be a megabyte."""
_CUT = " … "
_KEPT_END = 600
"""Of a longer one so much of its end stays, where the cure is."""


class C2LLMError(Exception):
    """A failure the user can act on; the command line prints it and exits with `exit_code`."""

    exit_code = 1

    def __str__(self) -> str:
        """The sentence, of a very long one its beginning and its end."""
        said = super().__str__()
        if len(said) <= LONGEST_SENTENCE:
            return said
        return said[: LONGEST_SENTENCE - _KEPT_END - len(_CUT)] + _CUT + said[-_KEPT_END:]


class UsageError(C2LLMError):
    """The request itself is wrong (an unknown model, k = 0, a path that is not there)."""

    exit_code = 2


class ModelError(C2LLMError):
    """A model folder is incomplete, damaged, or not what its config says."""


class NothingToIndexError(C2LLMError):
    """A directory holds no file that could be searched."""


class IndexCorruptError(C2LLMError):
    """An index file exists but cannot be read as one; it is never replaced without being asked."""


class IndexWriteError(C2LLMError):
    """The disk does not let an index be written; what is in it may still be read."""


class ModelReplacedError(C2LLMError):
    """Another process has put a newer version of the model in the place of the one in use."""


class DataError(C2LLMError):
    """Training or evaluation data breaks its format; the message names file and line."""
