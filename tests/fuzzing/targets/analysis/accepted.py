"""The files of what is known and accepted, and the values of the options beside them."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path

from c2llm.analysis.clone_report import baseline as clones
from c2llm.analysis.clone_report.thresholds import parse_allowance, parse_fail_on
from c2llm.analysis.pattern_report import baseline as patterns
from tests.fuzzing.reading import head, headed, text_of
from tests.fuzzing.target import Target

_KINDS = ("clones", "patterns", "fail-on", "allow")


@cache
def _file() -> Path:
    return Path(tempfile.mkdtemp(prefix="c2llm-fuzz-known-")) / "known.json"


def check(data: bytes) -> None:
    """The first line says which."""
    kind, content = headed(data, _KINDS)
    text = text_of(content)
    if kind == "fail-on":
        fail_on = parse_fail_on(text.split("\n"), tells_new=True)
        assert fail_on.percent is None or 0 <= fail_on.percent <= 100
    elif kind == "allow":
        allowance = parse_allowance(text)
        assert 0 <= allowance.percent <= 100 and allowance.glob
    else:
        _file().write_bytes(content)
        if kind == "clones":
            clones.Baseline.read(_file())
        else:
            assert patterns.Baseline.read(_file()).new([]) == []


_SEEDS = [
    head(
        "clones",
        json.dumps(
            {
                "made_by": "c2llm clones",
                "version": 1,
                "classes": [
                    {
                        "id": "a",
                        "type": 1,
                        "members": 2,
                        "whole": True,
                        "lines": "0000000a ffffffff",
                    }
                ],
            }
        ),
    ),
    head(
        "patterns",
        json.dumps(
            {
                "made_by": "c2llm patterns",
                "version": 1,
                "hits": [{"path": "a.py", "pattern": "p", "fingerprint": "f", "count": 2}],
            }
        ),
    ),
    *(head("fail-on", "any\nnew\n5.5%"), head("allow", "tests/**=40")),
]

TARGET = Target(check, _SEEDS)
