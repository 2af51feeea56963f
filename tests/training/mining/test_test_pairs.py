"""A test and what it tests, in the ways that languages write tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from c2llm.training.mining.comment_pairs import mine_pairs
from c2llm.training.mining.mined_pair import MinedPair

PYTHON = "def back_off(attempt):\n    delay = 2 ** attempt\n    return delay\n"
CASES = {
    "python": (
        {"retry.py": PYTHON},
        {"tests/test_retry.py": "def test_back_off_grows():\n    assert back_off(2) == 4\n"},
        "back_off",
    ),
    "javascript": (
        {"src/retry.js": "export function backOff(n) {\n  const d = 2 ** n;\n  return d;\n}\n"},
        {
            "test/retry.test.js": "describe('backOff', () => {\n  it('grows', () => {\n"
            "    expect(backOff(2)).toBe(4);\n  });\n});\n"
        },
        "backOff",
    ),
    "go": (
        {"retry.go": "package r\n\nfunc BackOff(n int) int {\n\td := 1 << n\n\treturn d\n}\n"},
        {
            "retry_test.go": "package r\n\nfunc TestBackOff(t *testing.T) {\n"
            "\tif BackOff(2) != 4 {\n\t\tt.Fatal()\n\t}\n}\n"
        },
        "BackOff",
    ),
    "java": (
        {
            "src/main/Retry.java": "class Retry {\n int backOff(int n) {\n  int d = 1 << n;\n"
            "  return d;\n }\n}\n"
        },
        {
            "src/test/RetryTest.java": "class RetryTest {\n @Test\n void backOffGrows() {\n"
            "  assertEquals(4, new Retry().backOff(2));\n }\n}\n"
        },
        "backOff",
    ),
    "ruby": (
        {"lib/retry.rb": "def back_off(n)\n  d = 2**n\n  d\nend\n"},
        {
            "spec/retry_spec.rb": "describe '#back_off' do\n  it 'grows' do\n"
            "    expect(subject.back_off(2)).to eq 4\n  end\nend\n"
        },
        "back_off",
    ),
    "elixir": (
        {
            "lib/retry.ex": "defmodule R do\n  def back_off(n) do\n    d = n * 2\n    d\n"
            "  end\nend\n"
        },
        {
            "test/retry_test.exs": 'defmodule RTest do\n  test "back off grows" do\n'
            "    assert R.back_off(2) == 4\n  end\nend\n"
        },
        "back_off",
    ),
    "cpp": (
        {"src/retry.cc": "int BackOff(int n) {\n  int d = 1 << n;\n  return d;\n}\n"},
        {"src/retry_test.cc": "TEST(Retry, BackOff)\n{\n  EXPECT_EQ(BackOff(2), 4);\n}\n"},
        "BackOff",
    ),
}


def mined(root: Path, *trees: dict[str, str]) -> list[MinedPair]:
    for name, text in [item for tree in trees for item in tree.items()]:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(mine_pairs(root, kinds=["test"]))


@pytest.mark.parametrize("language", CASES)
def test_a_test_is_paired_with_what_it_tests(tmp_path: Path, language: str) -> None:
    source, tests, name = CASES[language]
    (pair,) = mined(tmp_path, source, tests)
    assert (pair.dataset, pair.language, pair.symbol) == ("test", language, name)
    assert pair.path == next(iter(source))
    assert "4" in pair.query  # the whole test, not its title
    assert not pair.query.startswith(" ")
    assert pair.query not in pair.positive


def test_rust_has_both_in_one_file(tmp_path: Path) -> None:
    code = (
        "pub fn back_off(n: u32) -> u32 {\n    let d = 2u32;\n    d.pow(n)\n}\n\n"
        "#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn back_off_grows() {\n"
        "        assert_eq!(back_off(2), 4);\n    }\n}\n"
    )
    (pair,) = mined(tmp_path, {"src/retry.rs": code})
    assert pair.symbol == "back_off"
    assert pair.query.startswith("#[test]\nfn back_off_grows()")


def test_a_name_that_is_only_called_or_only_said_is_no_link(tmp_path: Path) -> None:
    tests = (
        "def test_limits():\n    assert back_off(2) == 4\n\n"
        "def test_back_off_is_documented():\n    assert documented\n"
    )
    assert mined(tmp_path, {"retry.py": PYTHON, "tests/test_all.py": tests}) == []


def test_of_two_functions_of_one_name_neither_is_guessed(tmp_path: Path) -> None:
    test = {"tests/test_retry.py": CASES["python"][1]["tests/test_retry.py"]}
    other = PYTHON.replace("2", "3")
    assert mined(tmp_path, {"retry.py": PYTHON, "other.py": other}, test) == []


def test_the_longest_name_is_the_tested_one(tmp_path: Path) -> None:
    source = PYTHON + "\n\n" + PYTHON.replace("back_off", "back_off_twice")
    test = (
        "def test_back_off_twice():\n    first = back_off(1)\n"
        "    assert back_off_twice(1) == first\n"
    )
    (pair,) = mined(tmp_path, {"retry.py": source, "tests/test_retry.py": test})
    assert pair.symbol == "back_off_twice"
