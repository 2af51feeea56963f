"""A pattern in YAML that anybody may have written: read, written, and read again the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from c2llm.analysis.patterns.pattern import pattern_of
from c2llm.analysis.patterns.writing import as_yaml
from c2llm.analysis.patterns.yaml_text import MOST_BYTES, read_yaml
from tests.fuzzing.reading import tokens
from tests.fuzzing.target import Target

_SHIPPED = Path(__file__).parents[4] / "src" / "c2llm" / "analysis" / "patterns" / "shipped"


def check(data: bytes) -> None:
    """What is written of a pattern says the same."""
    pattern = pattern_of(read_yaml(data, "a.yaml"), "a.yaml")
    written = as_yaml(pattern).encode()
    if len(written) <= MOST_BYTES:
        again = pattern_of(read_yaml(written, "a.yaml"), "a.yaml")
        told = replace(pattern, hint=False, measured=None, references=(), tags=())
        assert again == told, written
        assert again.digest == pattern.digest
    assert pattern.positive
    for language in ("python", "tsx", "text"):
        pattern.speaks_of(language)


_SEEDS = [
    *(path.read_bytes() for path in sorted(_SHIPPED.glob("*.yaml"))[:8]),
    b"name: a-b\ntitle: A\ndescription: D\nseverity: low\npositive:\n  - language: python\n"
    b"    code: |\n      x = 1\nfind:\n  regex: x\n  unless:\n    - regex: y\n      within: file\n",
]
_TOKENS = tokens(
    r"""
    &a\x20 *a !!python/object:os.system\x20 <<:\x20 -\x20 |\n >-\n ?\x20 %YAML\x201.1\n ---\n
    ...\n 0o17 1_000 .inf .nan 1:30:00 !!binary\x20 ' "\\ud800" threshold:\x200.5\n
    measured:\x20{precision:\x201,\x20hits:\x203,\x20data:\x20x}\n languages:\x20[c++,\x20js]\n
    ~
    """
)

TARGET = Target(check, _SEEDS, _TOKENS)
