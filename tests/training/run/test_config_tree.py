"""A recipe that is no YAML, or not the one that was meant, is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from c2llm.errors import UsageError
from c2llm.training.run.recipe import load_config

NINE = "".join(
    f"{a}: &{a} [*{b}, *{b}, *{b}, *{b}]\n"
    for a, b in zip("bcdefghijklm", "abcdefghijkl", strict=True)
)
BOMB = f"a: &a [x, x]\n{NINE}"


@pytest.mark.parametrize(
    "text",
    [
        *("a: 2024-99-99", "a: " + "9" * 5_000, "[" * 3_000, "a: !!timestamp x", "? [a]\n: b"),
        *("optim: {learning_rate: 1" + "0" * 400 + "}", "optim: {steps: 9223372036854775808}"),
        *("optim: 0x" + "f" * 5_000, f"optim: {{steps: 0x{'f' * 5_000}}}", BOMB, "optim: [1]"),
        *("a: !!python/name:os.system", "x" * 10_000, "- a", "\t", "a: !!binary x\n", "<<: 1"),
    ],
    ids=lambda text: text[:24],
)
def test_what_is_no_recipe_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_config(file)
    assert len(str(caught.value)) < 1_000 and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "override",
    [
        "optim.steps=2024-99-99",
        "optim.steps=" + "[" * 3_000,
        "x" * 10_000,
        "optim.steps=0x" + "f" * 5_000,
    ],
    ids=lambda text: text[:24],
)
def test_what_is_no_override_is_refused_in_a_sentence(tmp_path: Path, override: str) -> None:
    (tmp_path / "recipe.yaml").write_text("{}")
    with pytest.raises(UsageError) as caught:
        load_config(tmp_path / "recipe.yaml", [override])
    assert len(str(caught.value)) < 1_000
