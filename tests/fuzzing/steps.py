"""Small changes that turn a good input into a hostile one, the same for all drivers.

A change is three numbers: which kind, where, how much. Hypothesis draws them; for atheris they are
drawn at random (`by_coverage.py`). What a step does to an input depends on nothing else.
"""

from __future__ import annotations

import codecs
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

Step = tuple[int, int, int]

MOST_BYTES = 200_000
"""An input grows no further; what is to be found in larger ones is named by tests of their own."""

HOSTILE = (
    *(b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"\xc3", b"\x1b[31m", b"\x0c", b"\r", b"\r\n", b"\t"),
    *("\u2028\x85\u200b\u202e".encode(), "İßſ\u0345中é\U0001f600".encode(), codecs.BOM_UTF8),
    *(b"(", b")", b"[", b"]", b"{", b"}", b'"', b"'", b"`", b'"""', b"/*", b"*/", b"<!--", b"-->"),
    *(b"\\", b"#", b"//", b"--", b";", b":", b",", b"=", b"%", b"$", b"@", b"!", b"*", b"?", b"~"),
    *(b"0x" + b"f" * 4_500, b"9" * 4_500, b"\xff\xff\xff\xff", b"\0\0\0\0"),
    *(b"../", b"/", b"-", b"0", b"-1", b"1e999", b"NaN", b"9" * 40, b"0x", b"null", b"true"),
)
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**64), 10**40, 0.5, -0.0, 1e308),
    *(float("nan"), float("inf"), float("-inf")),
    *("", " ", "a", "\0", "\ud800", "é中", "../..", "a" * 3_000, "1", "-1", "null", "\n", "[", "{"),
    *([], [[]], [None], [""], ["a", "a"], [0], [{}], {}, {"": ""}, {"a": None}, {"a": {"a": {}}}),
)


def changed(data: bytes, steps: Sequence[Step], tokens: Sequence[bytes] = ()) -> bytes:
    """An input after some steps.

    Args:
        data: The input.
        steps: What is done to it, in order.
        tokens: What is put into it besides what is hostile to all.
    """
    put = (*tokens, *HOSTILE)
    for kind, where, amount in steps:
        after = _KINDS[kind % len(_KINDS)](data, where, amount, put)
        if len(after) <= MOST_BYTES:
            data = after
    return data


def inputs(seeds: Sequence[bytes], tokens: Sequence[bytes] = ()) -> st.SearchStrategy[bytes]:
    """Seeds after a few steps, and now and then bytes that come from nowhere."""
    number = st.integers(0, 2**16)
    steps = st.lists(st.tuples(st.integers(0, len(_KINDS) - 1), number, number), max_size=8)
    made = st.builds(changed, st.sampled_from(list(seeds)), steps, st.just(tuple(tokens)))
    return st.one_of(made, made, made, made, made, made, made, st.binary(max_size=64))


def random_steps(random_source: random.Random) -> list[Step]:
    """A few steps for a driver that draws by itself."""
    count = random_source.choice((1, 1, 1, 2, 2, 3, 5))
    draw = random_source.randrange
    return [(draw(len(_KINDS)), draw(2**16), draw(2**16)) for _ in range(count)]


def _at(data: bytes, where: int) -> int:
    return where % (len(data) + 1)


def _put(data: bytes, where: int, amount: int, put: Sequence[bytes]) -> bytes:
    at = _at(data, where)
    return data[:at] + put[amount % len(put)] + data[at:]


def _put_often(data: bytes, where: int, amount: int, put: Sequence[bytes]) -> bytes:
    """Deep nesting, and lines that are very long."""
    at = _at(data, where)
    token = put[amount % len(put)]
    return data[:at] + token * (2 ** (amount % 13)) + data[at:]


def _replace(data: bytes, where: int, amount: int, put: Sequence[bytes]) -> bytes:
    at = _at(data, where)
    return data[:at] + put[amount % len(put)] + data[at + 1 + amount % 7 :]


def _delete(data: bytes, where: int, amount: int, put: Sequence[bytes]) -> bytes:
    at = _at(data, where)
    return data[:at] + data[at + 1 + amount % 30 :]


def _cut_off(data: bytes, where: int, amount: int, put: Sequence[bytes]) -> bytes:
    return data[: _at(data, where)]


def _flip(data: bytes, where: int, amount: int, put: Sequence[bytes]) -> bytes:
    at = _at(data, where)
    return data[:at] + bytes([data[at] ^ (1 << amount % 8)]) + data[at + 1 :] if data[at:] else data


def _repeat(data: bytes, where: int, amount: int, put: Sequence[bytes]) -> bytes:
    at = _at(data, where)
    return data[:at] + data[at : at + amount % 60] * (amount % 9) + data[at:]


def _lines(change: Callable[[list[bytes], int, int], object]) -> Callable[..., bytes]:
    def apply(data: bytes, where: int, amount: int, put: Sequence[bytes]) -> bytes:
        lines = data.split(b"\n")
        change(lines, where % len(lines), amount)
        return b"\n".join(lines)

    return apply


def _swap(lines: list[bytes], at: int, amount: int) -> None:
    other = amount % len(lines)
    lines[at], lines[other] = lines[other], lines[at]


def _indent(lines: list[bytes], at: int, amount: int) -> None:
    marks = (b" ", b"\t", b"    ", b" \t", b"\t" * 50, b" " * 300)
    for row in range(at, min(len(lines), at + 1 + amount % 5)):
        lines[row] = marks[amount % len(marks)] + lines[row]


def _dedent(lines: list[bytes], at: int, amount: int) -> None:
    for row in range(at, min(len(lines), at + 1 + amount % 5)):
        lines[row] = lines[row].lstrip()


def _join(lines: list[bytes], at: int, amount: int) -> None:
    lines[at : at + 2 + amount % 5] = [b" ".join(lines[at : at + 2 + amount % 5])]


def _line_twice(lines: list[bytes], at: int, amount: int) -> None:
    lines[at:at] = [lines[at]] * (1, 2, 3, 300)[amount % 4]


def _line_away(lines: list[bytes], at: int, amount: int) -> None:
    del lines[at : at + 1 + amount % 3]


def _line_ends(data: bytes, where: int, amount: int, put: Sequence[bytes]) -> bytes:
    return data.replace(b"\n", (b"\r\n", b"\r", b"\n\n", b"\n\r", b"\0", b" ")[amount % 6])


def _encoded(data: bytes, where: int, amount: int, put: Sequence[bytes]) -> bytes:
    encoding = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp1252", "shift_jis")[amount % 6]
    return data.decode("utf-8", "replace").encode(encoding, "replace")


def _json(data: bytes, where: int, amount: int, put: Sequence[bytes]) -> bytes:
    """Another value in one place of a JSON text, or in that of one of its lines."""
    lines = data.split(b"\n")
    at = where % len(lines)
    for begin, end in ((0, len(lines)), (at, at + 1), (1, len(lines))):
        try:
            tree = [json.loads(b"\n".join(lines[begin:end]))]
        except (ValueError, RecursionError):
            continue
        places = list(_places(tree))
        holder, key = places[where // 7 % len(places)]
        how = amount % 8
        if how == 0 and len(places) > 1 and holder is not tree:
            del holder[key]
        elif how == 1:
            holder[key] = [holder[key]] * (1 + amount // 8 % 40)
        elif how == 2:
            holder[key] = {"a": holder[key]}
        else:
            holder[key] = _VALUES[amount // 8 % len(_VALUES)]
        written = json.dumps(tree[0], ensure_ascii=bool(amount & 1))
        lines[begin:end] = [written.encode("utf-8", "surrogatepass")]
        return b"\n".join(lines)
    return _put(data, where, amount, put)


def _places(tree: Any) -> Any:
    """All places of a tree of JSON that may be written to."""
    waiting = [tree]
    while waiting:
        holder = waiting.pop()
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            yield holder, key
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])


_KINDS: tuple[Callable[[bytes, int, int, Sequence[bytes]], bytes], ...] = (
    *(_put, _put_often, _replace, _delete, _cut_off, _flip, _repeat, _json, _json),
    *(_lines(_swap), _lines(_indent), _lines(_dedent), _lines(_join), _lines(_line_twice)),
    *(_lines(_line_away), _line_ends, _encoded),
)
