"""What a file says is believed only where it is what it has to be, and refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.analysis.patterns.library import (
    OWN_FOLDER,
    chosen,
    library_for,
    read_library,
    shipped_patterns,
)
from c2llm.analysis.patterns.pattern import pattern_of
from c2llm.analysis.patterns.writing import as_yaml
from c2llm.analysis.patterns.yaml_text import MOST_BYTES, read_yaml
from c2llm.errors import C2LLMError, DataError, UsageError
from tests.analysis.patterns.samples import MEANING, NO_TIMEOUT, SWALLOWED, fields, read, sample
from tests.trees import write_tree

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "Not So"}, "name must be lower case"),
    ({"name": "../../etc/passwd"}, "name must be lower case"),
    ({"name": "a" * 61}, "61 characters"),
    ({"title": None}, "title is missing"),
    ({"title": 3}, "title must be text"),
    ({"severity": "grave"}, "low, medium, high"),
    ({"severity": ["high"]}, "low, medium, high"),
    ({"languages": ["klingon"]}, "no language that is known"),
    ({"positive": []}, "an example at least"),
    ({"positive": [{"language": "python", "code": "x" * 4_001}]}, "4,001 characters"),
    ({"positive": [{"language": "python", "code": "x", "why": "y"}]}, "unknown key 'why'"),
    ({"positive": [{"language": "python", "code": "x"}] * 41}, "at most 40"),
    ({"negative": "eval"}, "must be a list"),
    ({"find": {}}, "regex or a query"),
    ({"find": {"regex": "a" * 1_001}}, "1,001 characters"),
    ({"find": {"regex": {"python": 1}}}, "must be text"),
    ({"find": {"query": "(call)"}}, "mapping of languages"),
    ({"find": {"regex": "a", "unless": [{"within": "match"}]}}, "regex or a query"),
    ({"find": {"regex": "a", "unless": [{"regex": "b", "within": "here"}]}}, "one of function"),
    ({"threshold": "high"}, "must be a number"),
    ({"threshold": True}, "must be a number"),
    ({"threshold": float("nan")}, "-1 to 1"),
    ({"threshold": 2}, "-1 to 1"),
    ({"hint": "yes"}, "true or false"),
    ({"measured": {"precision": 0.9}}, "data is missing"),
    ({"severty": "low"}, "unknown key 'severty'; there are: name, title"),
]


@pytest.mark.parametrize(("changed", "why"), WRONG, ids=[why for _, why in WRONG])
def test_what_is_wrong_is_told_in_one_sentence(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(DataError) as raised:
        pattern_of(fields(**changed), "own/sample.yaml")
    said = str(raised.value)
    assert why in said and said.startswith("own/sample.yaml: ") and said.endswith(".")
    assert "\n" not in said


HOSTILE = {
    "aliases": "a: &a [x]\nb: *a\n",
    "laughter": "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n",
    "merge": "a: &a {x: 1}\nb: {<<: *a}\n",
    "python tag": "name: !!python/object/apply:os.system [true]\n",
    "tag": "name: !thing x\n",
    "set": "name: !!set {a, b}\n",
    "twice": "name: a\nname: b\n",
    "key of a list": "? [a, b]\n: c\n",
    "documents": "name: a\n---\nname: b\n",
    "deep flow": "[" * 5_000,
    "deep block": "\n".join(" " * n + "a:" for n in range(2_000)),
    "not yaml": "name: 'a\n",
    "control": "name: \x00\n",
    "long number": "threshold: " + "9" * 5_000,
    "sexagesimal": "threshold: 1:" + "59:" * 2_000 + "1",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_yaml_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(DataError) as raised:
        pattern_of(read_yaml(text.encode(), "a.yaml"), "a.yaml")
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 600


def test_what_is_no_utf8_or_too_large_is_refused() -> None:
    with pytest.raises(DataError, match="UTF-8"):
        read_yaml(b"name: \xff\n", "a.yaml")
    with pytest.raises(DataError, match="64,000"):
        read_yaml(b"#" * (MOST_BYTES + 1), "a.yaml")


def test_scalars_are_what_they_look_like() -> None:
    said = read_yaml(b"a: 2020-01-01\nb: no\nc: 0.5\nd: ~\ne: <<\n", "a.yaml")
    assert said == {"a": "2020-01-01", "b": False, "c": 0.5, "d": None, "e": "<<"}


@pytest.mark.slow
@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_pattern_or_an_error_of_ours(content: bytes) -> None:
    try:
        pattern_of(read_yaml(content, "a.yaml"), "a.yaml")
    except C2LLMError as error:
        assert "\n" not in str(error)


@pytest.mark.slow
@settings(max_examples=100)
@given(
    st.dictionaries(
        st.sampled_from([*fields(), "find", "threshold", "measured", "languages", "tags"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=9), inner, max_size=3)
            ),
            max_leaves=8,
        ),
    )
)
def test_any_values_are_a_pattern_or_an_error_of_ours(changed: dict[str, Any]) -> None:
    try:
        pattern_of(fields() | changed, "a.yaml").digest  # noqa: B018
    except DataError as error:
        assert str(error).startswith("a.yaml: ")


def test_the_digest_is_of_what_decides() -> None:
    one = sample()
    assert sample(title="Other", advice="Other", hint=True).digest == one.digest
    for changed in (
        {"threshold": 0.5},
        {"languages": ["python"]},
        {"negative": [{"language": "python", "code": "x"}]},
        {"find": {"regex": "eval"}},
    ):
        assert sample(**changed).digest != one.digest


def test_rows_serve_several_languages_and_the_rest() -> None:
    pattern = sample(find={"regex": {"javascript, typescript": "a", "common": "b"}})
    assert pattern.find is not None
    assert pattern.find.regex == {"javascript": "a", "typescript": "a", "common": "b"}
    only = sample(find={"query": {"typescript": "(call_expression) @match"}})
    assert only.speaks_of("tsx") and only.speaks_of("typescript")
    assert not only.speaks_of("javascript")


def test_a_library_is_read_whole(tmp_path: Path) -> None:
    write_tree(tmp_path, {"swallowed.yaml": SWALLOWED, "by-meaning.yml": MEANING, "README": "x"})
    assert [one.name for one in read_library(tmp_path)] == ["by-meaning", "swallowed"]
    (tmp_path / "other.yaml").write_text(NO_TIMEOUT)
    with pytest.raises(DataError, match=r"call the file no-timeout\.yaml"):
        read_library(tmp_path)
    with pytest.raises(UsageError, match="no folder of patterns"):
        read_library(tmp_path / "none")


def test_a_tree_adds_patterns_and_replaces_none(tmp_path: Path) -> None:
    own = tmp_path / OWN_FOLDER
    write_tree(own, {"swallowed.yaml": SWALLOWED})
    names = {one.name for one in library_for([tmp_path])}
    assert names == {"swallowed"} | {one.name for one in shipped_patterns()}
    name = shipped_patterns()[0].name
    write_tree(own, {f"{name}.yaml": SWALLOWED.replace("name: swallowed", f"name: {name}")})
    with pytest.raises(DataError, match="give it another one"):
        library_for([tmp_path])


def test_no_link_of_a_tree_is_followed(tmp_path: Path) -> None:
    outside = write_tree(tmp_path / "outside", {"swallowed.yaml": SWALLOWED})
    linked, file = tmp_path / "linked", tmp_path / "file"
    (linked / ".c2llm").mkdir(parents=True)
    (linked / OWN_FOLDER).symlink_to(outside)
    assert library_for([linked]) == shipped_patterns()
    (file / OWN_FOLDER).mkdir(parents=True)
    (file / OWN_FOLDER / "swallowed.yaml").symlink_to(outside / "swallowed.yaml")
    with pytest.raises(DataError, match="cannot be read"):
        library_for([file])


def test_patterns_are_chosen_by_name_and_severity() -> None:
    library = [read(SWALLOWED), read(NO_TIMEOUT), read(MEANING)]
    assert [one.name for one in chosen(library, ["high", "by-meaning"], [])] == [
        "swallowed",
        "by-meaning",
    ]
    assert [one.name for one in chosen(library, [], ["low", "swallowed"])] == ["no-timeout"]
    with pytest.raises(UsageError, match="There is no pattern 'sallowed'"):
        chosen(library, ["sallowed"], [])
    with pytest.raises(UsageError, match="No pattern is left"):
        chosen(library, ["high"], ["swallowed"])


@pytest.mark.parametrize(
    "code",
    [
        "func f() {\n\tdefer g() \n\n\tif x {\n\t\treturn\n\t}\n}\n",
        "def f():\n    pass  \n  \n",
        "a: |\n  - b # c\n--- x\n",
        "é = '\U0001f600'\nx",
    ],
)
def test_code_is_written_line_by_line(code: str) -> None:
    written = as_yaml(sample(positive=[{"language": "go", "code": code}]))
    assert "code: |" in written
    assert read(written).positive[0].code == code


@pytest.mark.parametrize(
    "code",
    [
        "\n\tx\n",
        "\t\n\tx\n",
        "  a\nb\n",
        "a\x0bb\nc\n",
        "a\r\nb\r\n",
        "a\u2028b\nc",
        "\x7f\n\x1b[1m\n",
    ],
)
def test_what_no_block_can_hold_comes_back_as_it_was(code: str) -> None:
    assert (
        read(as_yaml(sample(positive=[{"language": "c", "code": code}]))).positive[0].code == code
    )
