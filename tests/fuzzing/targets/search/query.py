"""A query as it is typed, and the filters in it."""

from __future__ import annotations

from c2llm.search.query.query_parsing import parse_query
from c2llm.search.query.typed_filters import parse_typed, quoted
from tests.fuzzing.reading import text_of, tokens
from tests.fuzzing.target import Target

_FILTERS = ("lang", "path", "repo", "sym", "like", "where", "sort")
_TYPED = 4_000


def check(data: bytes) -> None:
    """Terms and names say something; filters lie in the text, and what is put in is read again."""
    text = text_of(data)
    query = parse_query(text)
    assert parse_query.__wrapped__(text) == query
    assert all(query.terms) and len(set(query.terms)) == len(query.terms)
    assert all(0 < name.strength <= 1 and name.key for name in query.names)
    assert all(place.line is None or place.line >= 0 for place in query.places)
    assert 0 <= query.left_out <= len(text)
    typed = parse_typed(text)
    at = 0
    for one in typed.filters:
        assert at <= one.start < one.end <= len(text) and one.name in _FILTERS and one.value
        at = one.end
    for one in typed.filters[:3]:
        if len(text) < _TYPED - 200:
            without = typed.toggled(one.name, one.value, excludes=one.excludes)
            assert one not in parse_typed(without).filters
            alone = parse_typed(f"x {one.name}:{quoted(one.value)}")
            assert alone.values(one.name) == (one.value,), one
            assert alone.query == "x"
    for sign in {one.excludes for one in typed.filters}:
        for name in _FILTERS:
            assert len(set(typed.values(name, excludes=sign))) <= len(typed.filters)


_SEEDS = [
    *(
        b"how are failed retries backed off",
        b"sym: Foo::bar",
        b"src/net/retry.py:42",
        b"code: x = 1",
    ),
    *(b'retry lang:go -path:tests repo:"my api" where:"a > 1 and b = \'x\'" sort:-a like:a.py:3',),
    b'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    g()\nValueError: no\n',
    b"Exception in thread main\n\tat com.a.B.c(B.java:42)\nCaused by: x\n",
    b"for (int i = 0; i < n; i++) {\n  f(i);\n}\n",
    *("где читается конфигурация".encode(), "設定ファイルを読む関数 parse_toml".encode()),
    b"panicked at src/main.rs:3:5:\nindex out of bounds\n   0: std::panic\n",
]
_TOKENS = tokens(
    r"""
    lang: -path: where:" sym: code: \\" :1 \x20line\x203 :: -> ",\x20line\x209 \n\x20\x20at\x20
    (a.ts:1:2) #L12 webpack:// %20 \\\\ a/b/c.py
    """
)

TARGET = Target(check, _SEEDS, _TOKENS, answers=())
