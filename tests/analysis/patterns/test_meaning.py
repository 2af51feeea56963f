"""Meaning decides between what harms and what only looks like it."""

from __future__ import annotations

import pytest

from c2llm.analysis.patterns.allowed import reason
from c2llm.analysis.patterns.checking import failures
from c2llm.analysis.patterns.find import find_in_text, fingerprint
from c2llm.analysis.patterns.writing import as_yaml, with_threshold
from tests.analysis.patterns.samples import (
    MEANING,
    NO_TIMEOUT,
    SWALLOWED,
    finding,
    read,
    sample,
)

LOOP = """\
def load_forever(session, address):
    while True:
        try:
            return session.get(address)
        except ConnectionError:
            continue


def area(width, height):
    return width * height
"""


def test_without_a_filter_meaning_alone_decides_and_the_hit_says_so() -> None:
    [hit] = find_in_text([read(MEANING)], LOOP, "python")
    assert (hit.start_line, hit.end_line, hit.symbol) == (1, 6, "load_forever")
    assert hit.basis == "meaning" and 0.65 < hit.score <= 1


def test_a_hit_much_nearer_to_a_negative_example_is_none() -> None:
    harmful, harmless = "eval(request.body)\n", "literal_eval(settings_text)\n"
    pattern = sample(
        positive=[{"language": "python", "code": harmful}],
        negative=[{"language": "python", "code": harmless}],
        find={"regex": "eval"},
    )
    assert [hit.basis for hit in find_in_text([pattern], harmful, "python")] == ["filter"]
    assert find_in_text([pattern], harmless, "python") == []
    forced = finding("eval")
    assert len(find_in_text([forced], harmless, "python")) == 1


def test_a_library_is_held_against_its_examples() -> None:
    good = [read(SWALLOWED), read(NO_TIMEOUT), read(MEANING)]
    assert failures(good) == []
    bad = sample(
        negative=[{"language": "python", "code": "eval(text)\n"}],
        positive=[
            {"language": "python", "code": "call(text)\n"},
            {"language": "java", "code": "eval();\n"},
        ],
        languages=["python"],
        find={"regex": "eval"},
        threshold=-1,
    )
    told = [(one.example, one.number, one.why) for one in failures([bad])]
    assert told == [
        ("positive", 0, "is not found"),
        ("positive", 1, "is not found: the pattern does not look into java"),
        ("negative", 0, "is found"),
    ]


@pytest.mark.parametrize(
    ("scores", "least", "most"),
    [
        ([0.9, 0.88, 0.7, 0.69, 0.68], 0.65, 0.65),
        ([], 0.65, 0.65),
        ([0.99, 0.98], 0.65, 0.65),
        ([0.91, 0.9, 0.89, *(0.7 + n / 1000 for n in range(40))], 0.74, 0.88),
        ([0.7 + n / 1000 for n in range(40)], 0.74, 0.95),
    ],
)
def test_a_threshold_lies_between_what_is_alike_and_the_rest(
    scores: list[float], least: float, most: float
) -> None:
    threshold = with_threshold(sample(), scores).threshold
    assert threshold is not None and least <= threshold <= most


@pytest.mark.parametrize("text", [SWALLOWED, MEANING], ids=["filter", "meaning"])
def test_what_is_written_is_read_again(text: str) -> None:
    pattern = read(text)
    again = read(as_yaml(with_threshold(pattern, [0.9, 0.7])))
    assert (again.name, again.positive, again.negative) == (
        pattern.name,
        pattern.positive,
        pattern.negative,
    )
    assert again.find == pattern.find and again.threshold is not None


COMMENTS = {
    "# c2llm: allow eval-used - the text is ours": "the text is ours",
    "# c2llm: allow eval-used: the text is ours": "the text is ours",
    "// c2llm: allow other, eval-used -- the text is ours": "the text is ours",
    "/* c2llm: allow eval-used (the text is ours) */": "the text is ours",
    "<!-- c2llm:allow eval-used the text is ours -->": "the text is ours",
    "# c2llm: allow eval-used": "",
    "# c2llm: allow eval": None,
    "# c2llm: allow eval-used-else - no": None,
    "# allow eval-used - the text is ours": None,
}


@pytest.mark.parametrize(("line", "expected"), COMMENTS.items())
def test_a_comment_allows_a_hit_and_gives_a_reason(line: str, expected: str | None) -> None:
    assert reason(["a", line, "eval(x)"], 3, 3, "eval-used") == expected
    assert reason([line, "a", "eval(x)"], 3, 3, "eval-used") is None
    assert reason(["a", "eval(", line, ")"], 2, 4, "eval-used") == expected


def test_a_fingerprint_is_of_the_code_and_not_of_its_place() -> None:
    assert fingerprint("a", ["  x = 1", ""]) == fingerprint("a", ["x  =  1"])
    assert fingerprint("a", ["x = 1"]) != fingerprint("a", ["x = 2"])
    assert fingerprint("a", ["x = 1"]) != fingerprint("b", ["x = 1"])
