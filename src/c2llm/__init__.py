"""C2LLM: code embeddings with Pooling by Multihead Attention, and the search built on them.

    from c2llm import Encoder, CodeIndex

    hits = CodeIndex.open("path/to/repo").search("parse a toml file", k=10)

Importing this package is cheap: `Encoder` and `CodeIndex` load on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from c2llm.errors import C2LLMError

if TYPE_CHECKING:
    from c2llm.encoding.encoder import Encoder
    from c2llm.index.code_index import CodeIndex
    from c2llm.index.search import Hit

__version__ = "0.1.0"
__all__ = ["C2LLMError", "CodeIndex", "Encoder", "Hit", "__version__"]

_LAZY = {
    "Encoder": "c2llm.encoding.encoder",
    "CodeIndex": "c2llm.index.code_index",
    "Hit": "c2llm.index.search",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'c2llm' has no attribute {name!r}")
