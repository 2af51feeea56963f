"""C2LLM: code embeddings with Pooling by Multihead Attention, and the search built on them.

    from c2llm import CodeIndex, Encoder, SearchRequest

    hits = CodeIndex.open("path/to/repo").search("parse a toml file", k=10)

Importing this package is cheap: each name loads on first use, and only `C2LLMModel` loads torch. It
also makes the model type known to transformers and sentence-transformers (`c2llm/autoload.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from c2llm.autoload import register
from c2llm.errors import C2LLMError
from c2llm.privacy import report_nothing

if TYPE_CHECKING:
    from c2llm.encoding.encoder import Encoder
    from c2llm.modeling.model import C2LLMModel
    from c2llm.search.answer import Hit, SearchAnswer
    from c2llm.search.code_index import CodeIndex
    from c2llm.search.request import SearchRequest

__version__ = "0.2.0"
__all__ = [
    "C2LLMError",
    "C2LLMModel",
    "CodeIndex",
    "Encoder",
    "Hit",
    "SearchAnswer",
    "SearchRequest",
    "__version__",
]

_LAZY = {
    "Encoder": "c2llm.encoding.encoder",
    "C2LLMModel": "c2llm.modeling.model",
    "CodeIndex": "c2llm.search.code_index",
    "Hit": "c2llm.search.answer",
    "SearchAnswer": "c2llm.search.answer",
    "SearchRequest": "c2llm.search.request",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'c2llm' has no attribute {name!r}")


report_nothing()
register()
