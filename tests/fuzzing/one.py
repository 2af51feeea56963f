"""The process that tries one target: `python -m tests.fuzzing.one codebase/chunks strategy 30`."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.fuzzing import by_coverage, by_strategy
from tests.fuzzing.findings import Findings
from tests.fuzzing.limits import limit_memory
from tests.fuzzing.target import load
from tests.fuzzing.watched import Watched

MEMORY_GIGABYTES = 4.0
CORPUS = "C2LLM_FUZZ_CORPUS"
"""In the environment: the folder that is kept between runs."""


def corpus_folder() -> Path:
    """Where inputs and findings are kept, outside of any repository."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "c2llm-fuzz"
    return Path(os.environ.get(CORPUS) or default)


def findings_folder(name: str) -> Path:
    """Where what broke a target is kept."""
    return corpus_folder() / "findings" / name


def main(name: str, driver: str, seconds: float) -> None:
    """Try one target for so many seconds by one driver."""
    apart_from_the_user()
    if driver == "coverage":
        by_coverage.instrument()
    target = load(name)
    findings = Findings(name, target, findings_folder(name))
    watched = Watched(corpus_folder() / "now" / f"{name.replace('/', '-')}-{driver}")
    watched.clear()
    limit_memory(MEMORY_GIGABYTES)
    findings.replay()
    inputs = corpus_folder() / "inputs" / name

    def try_input(data: bytes) -> None:
        watched.begin(data)
        findings.try_input(data)

    if driver == "coverage":
        by_coverage.search(target, inputs, try_input, findings.shrink, seconds)
        return
    kept = [file.read_bytes() for file in inputs.iterdir()] if inputs.is_dir() else []
    by_strategy.search(target, kept, try_input, seconds)
    findings.shrink()


def apart_from_the_user(set_variable: Callable[[str, str], None] = os.environ.__setitem__) -> None:
    """Read and write nothing of the user's: an index home of its own, no settings."""
    set_variable("C2LLM_HOME", tempfile.mkdtemp(prefix="c2llm-fuzz-home-"))
    set_variable("C2LLM_CONFIG", "")
    set_variable("C2LLM_TRUST_MODELS", "1")
    set_variable("C2LLM_BACKGROUND", "0")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
