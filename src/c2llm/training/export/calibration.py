"""Texts of many kinds on which int8 export measures the range of each channel.

`calibration_texts.json` holds code in the usual languages, questions, prose, other scripts and the
shortest texts, on which special tokens weigh most. None is a probe of the parity check. Whoever
exports a model for other texts gives some of his own beside them (`c2llm export --calibrate FILE`).
"""

from __future__ import annotations

import json
from pathlib import Path

_TEXTS = json.loads(Path(__file__).with_name("calibration_texts.json").read_text(encoding="utf-8"))
_CODE: list[str] = _TEXTS["code"]

LONG = ("\n\n\n".join(_CODE), "\n\n\n".join(reversed(_CODE)))
"""Up to the length that the model reads: some channels only grow in long texts."""

CALIBRATION_TEXTS: tuple[str, ...] = (*_TEXTS["short"], *_TEXTS["prose"], *_CODE, *LONG)
"""All of them, some 5,000 tokens."""

LARGE_MODEL_TEXTS: tuple[str, ...] = (*_TEXTS["short"][::2], *_TEXTS["prose"][::2], *_CODE[::2])
"""For a model of which a core reads some hundred tokens a second: all kinds, half of each."""
LARGE_MODEL_TOKENS = 64
"""Of each of those, behind its prompt; the texts of whoever exports are read whole."""
