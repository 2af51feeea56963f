from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from c2llm.encoding.model_folder import open_folder
from c2llm.search.answers.token_budget import tokens_of
from tests.trees import CLIENT, CONFIG, RETRY


@pytest.mark.parametrize(
    "text",
    [
        CLIENT,
        CONFIG,
        RETRY,
        "0x1f, 0x2e, 0x3d, 0x4c, " * 50,
        "1234567890 " * 50,
        "{}();[]<>" * 50,
        "今天天气很好,我们去公园玩。" * 20,
        "привет мир как дела " * 20,
    ],
)
def test_an_estimate_is_on_the_safe_side(text: str) -> None:
    tokenizer = Tokenizer.from_file(str(open_folder("c2llm-mini").path / "tokenizer.json"))
    counted = len(tokenizer.encode(text, add_special_tokens=False).ids)
    assert counted <= tokens_of(text) <= 2 * counted
