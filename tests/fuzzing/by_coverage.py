"""Inputs that reach lines of ours which no other has reached, found by atheris (libFuzzer)."""

from __future__ import annotations

import importlib.util
import os
import random
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from tests.fuzzing.steps import MOST_BYTES, changed, random_steps
from tests.fuzzing.target import Target

LONGEST_INPUT_SECONDS = 1_200
"""libFuzzer's own limit stays out of the way of ours."""


def why_not() -> str:
    """Why atheris cannot run here, "" if it can."""
    if importlib.util.find_spec("atheris") is None:
        return "atheris is not installed (it has wheels for Linux and macOS, Python 3.11 to 3.13)"
    return ""


def instrument() -> None:
    """Count the lines of ours that are reached, in every module that is imported from now on."""
    import atheris

    atheris.instrument_imports(include=["c2llm"]).__enter__()


def search(
    target: Target,
    corpus: Path,
    try_input: Callable[[bytes], None],
    at_end: Callable[[], None],
    seconds: float,
) -> None:
    """Try inputs until the time is up, then end the process: libFuzzer does not give it back.

    Args:
        target: What reads them; imported after `instrument`.
        corpus: Where inputs are kept that led somewhere new; those that are there come first.
        try_input: Tries one; it raises nothing.
        at_end: What remains to be done then.
        seconds: How long.
    """
    import atheris

    until = monotonic() + seconds
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(data)

    def one(data: bytes) -> None:
        if monotonic() > until:
            at_end()
            os._exit(0)
        try_input(data)

    def mutate(data: bytes, most_bytes: int, number: int) -> bytes:
        source = random.Random(number)
        if source.random() < 0.3:
            mutated: bytes = atheris.Mutate(data, most_bytes)
            return mutated
        return changed(data, random_steps(source), target.tokens)[:most_bytes]

    options = [f"-max_len={MOST_BYTES}", f"-timeout={LONGEST_INPUT_SECONDS}", "-verbosity=0"]
    options += ["-rss_limit_mb=0", "-print_final_stats=0", "-handle_int=0"]
    atheris.Setup(["fuzz", *options, str(corpus)], one, custom_mutator=mutate)
    atheris.Fuzz()
