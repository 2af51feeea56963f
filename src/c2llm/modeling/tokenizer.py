"""The model's tokenizer: one `tokenizer.json` that training and serving both read.

An uncased vocabulary loses camelCase: `getHTTPResponse` becomes `geth ##ttp ##res ##pon ##se`.
Identifiers are therefore split *inside* the tokenizer's normaliser, before lower-casing. So the
rule travels with the model folder, costs Rust time instead of Python time, and character offsets
still point into the text as it was given.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.modeling.model_json import LARGEST_TOKENIZER, read_json

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# fooBar -> foo Bar | HTTPServer -> HTTP Server | snake_case -> snake case (leading __ stays)
IDENTIFIER_BOUNDARY = (
    r"(?<=[a-z0-9])(?=[A-Z])"
    r"|(?<=[A-Z])(?=[A-Z][a-z])"
    r"|(?<=[A-Za-z0-9])_+(?=[A-Za-z0-9])"
)


def derive_tokenizer(folder: str | Path, *, split_identifiers: bool) -> Tokenizer:
    """The tokenizer of a backbone without padding and truncation, optionally splitting identifiers.

    Args:
        folder: model folder with a `tokenizer.json`.
        split_identifiers: put camelCase and snake_case splitting in front of its normaliser.
    """
    from tokenizers import Regex, Tokenizer, normalizers

    fields = read_json(Path(folder) / "tokenizer.json", LARGEST_TOKENIZER)
    fields["padding"] = fields["truncation"] = None  # batches are padded where they are made
    tokenizer: Tokenizer = Tokenizer.from_str(json.dumps(fields))
    if split_identifiers:
        split = normalizers.Replace(Regex(IDENTIFIER_BOUNDARY), " ")
        steps = [split] if tokenizer.normalizer is None else [split, tokenizer.normalizer]
        tokenizer.normalizer = normalizers.Sequence(steps)
    return tokenizer
