"""A recipe of training in YAML, with overrides: a checked configuration or one sentence."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from c2llm.training.run.recipe import TrainConfig, load_config
from tests.fuzzing.reading import head, text_of, tokens
from tests.fuzzing.target import Target


@cache
def _file() -> Path:
    return Path(tempfile.mkdtemp(prefix="c2llm-fuzz-recipe-")) / "recipe.yaml"


def check(data: bytes) -> None:
    """The first line is an override, the rest the file."""
    override, _, content = data.partition(b"\n")
    _file().write_bytes(content)
    config = load_config(_file(), [text_of(override)] if override else [])
    assert TrainConfig.from_dict(config.to_dict()) == config
    config.validate()


_RECIPE = (Path(__file__).parents[4] / "recipes" / "c2llm-0.5b.yaml").read_text(encoding="utf-8")
_SEEDS = [
    head("optim.steps=200", _RECIPE),
    head(
        "", "data:\n  sources:\n    - file: a.jsonl\noptim:\n  steps: 10\n  learning_rate: 3e-5\n"
    ),
    head("model.pooling=mean", "loss:\n  temperature: 0.05\n"),
    head("data.sources=[]", "{}"),
]
_TOKENS = tokens(
    r"""
    &a\x20[*a] &a\x20{b:\x201}\nc:\x20*a !!python/name:os\x20 2024-99-99 <<:\x20[1]
    ?\x20[a]\n:\x20b\n .inf -1 1e400 -\x20 0x 1_0 { [ optim. = 1:1:1 !!set\x20{a} !!binary\x20x
    !!timestamp\x201 ~ ' | ---\n \t
    """
)

TARGET = Target(check, _SEEDS, _TOKENS)
