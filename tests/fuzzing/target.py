"""What a target is, and where all of them are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from c2llm.errors import C2LLMError
from tests.fuzzing import targets

_LONGEST_SENTENCE = 2_000
"""Characters of an error: what it quotes of an input has to be cut."""


@dataclass(frozen=True)
class Target:
    """One reader of hostile input."""

    check: Callable[[bytes], None]
    """Raises what breaks: an `AssertionError`, or whatever the reader should not have raised."""
    seeds: Sequence[bytes]
    """Inputs that are read to the end, which all others are made from."""
    tokens: Sequence[bytes] = ()
    """What means something to the reader; put in anywhere."""
    answers: tuple[type[Exception], ...] = (C2LLMError,)
    """Exceptions that say no, and are no finding."""
    quick: int = 30
    """Inputs in the ordinary suite; 0 where the library alone takes too long to import."""
    seconds: float = 10.0
    """Of the processor for one input; more is a hang."""

    def run(self, data: bytes) -> None:
        """Check one input; an error that is an answer must be a sentence."""
        try:
            self.check(data)
        except self.answers as error:
            if isinstance(error, C2LLMError):
                assert_sentence(str(error))


def assert_sentence(text: str) -> None:
    """That an error says something, and does not quote a whole input; the doors escape the rest."""
    assert text.strip(), "an error says nothing"
    assert len(text) <= _LONGEST_SENTENCE, f"an error of {len(text)} characters: {text[:200]!r}"


def all_targets() -> dict[str, Target]:
    """Every target by its name: the path of its file below `targets/`, as `codebase/chunks`."""
    return {name: load(name) for name in names()}


def names() -> list[str]:
    """The names of all targets; none of them is imported."""
    prefix = f"{targets.__name__}."
    found = pkgutil.walk_packages(targets.__path__, prefix)
    return sorted(
        module.name.removeprefix(prefix).replace(".", "/") for module in found if not module.ispkg
    )


def load(name: str) -> Target:
    """The target of that name."""
    module = importlib.import_module(f"{targets.__name__}.{name.replace('/', '.')}")
    target: Target = module.TARGET
    return target
