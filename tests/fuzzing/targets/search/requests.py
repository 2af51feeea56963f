"""The fields of a request, whoever gives them: in bounds, or refused in a sentence."""

from __future__ import annotations

import json
from dataclasses import fields

from c2llm.search.request import SearchRequest
from tests.fuzzing.target import Target

_NAMES = {one.name for one in fields(SearchRequest)}


def check(data: bytes) -> None:
    """A JSON object with the fields."""
    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(given, dict):
        return
    request = SearchRequest(**({"query": "x"} | {k: v for k, v in given.items() if k in _NAMES}))
    assert request.query.strip() or request.asks_records
    assert 1 <= request.limit <= 10_000 and request.offset >= 0
    assert isinstance(request.languages, tuple) and isinstance(request.include, tuple)
    hash(request)


_SEEDS = [
    json.dumps(
        {
            "query": "parse toml",
            "k": 5,
            "mode": "lexical",
            "granularity": "file",
            "languages": ["go"],
        }
    ).encode(),
    json.dumps({"query": "a", "include": ["src/**"], "exclude": ["{a,b}/*"], "offset": 1}).encode(),
    json.dumps(
        {"query": " ", "where": "a > 1", "sort": "-a", "among": 9, "group_by": "b"}
    ).encode(),
    json.dumps({"query": "a", "pattern": "^x", "symbol": True, "max_tokens": 100}).encode(),
]

TARGET = Target(check, _SEEDS)
