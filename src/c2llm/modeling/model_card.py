"""The card of a model folder: README.md with the block of YAML that the hub reads.

Names are the hub's (`license`, `base_model`, `datasets`, `model-index`). What is not known is left
out: a card says nothing that nobody has said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from c2llm.modeling.config import C2LLMConfig

TAGS = ("sentence-transformers", "feature-extraction", "sentence-similarity", "code", "c2llm")


@dataclass(frozen=True, slots=True)
class TaskScore:
    """A score that was measured."""

    task: str
    """Such as CosQA."""
    dataset: str
    """Its name on the hub."""
    revision: str
    split: str
    value: float
    """NDCG@10, from 0 to 1; the mean over the task's languages."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card says besides what the config knows."""

    name: str = ""
    """Of the model; by default a general title."""
    license: str | None = None
    """As the hub abbreviates it, such as apache-2.0."""
    base_model: str | None = None
    datasets: tuple[str, ...] = ()
    """What it was trained on, by names of the hub."""
    scores: tuple[TaskScore, ...] = ()


def model_card(config: C2LLMConfig, facts: CardFacts = CardFacts()) -> str:
    """The text of README.md."""
    import yaml

    assert config.backbone is not None
    title = facts.name or "A C2LLM code embedding model"
    head: dict[str, Any] = {
        "library_name": "sentence-transformers",
        "pipeline_tag": "feature-extraction",
        "license": facts.license,
        "base_model": facts.base_model,
        "datasets": list(facts.datasets),
        "tags": list(TAGS),
        "model-index": _index(facts, title),
    }
    block = yaml.safe_dump(
        {name: value for name, value in head.items() if value}, sort_keys=False, allow_unicode=True
    )
    return f"""---
{block}---

# {title}

{config.backbone.model_type} backbone, {config.embedding_dim}-dimensional vectors, at most \
{config.max_tokens} tokens at once.

```python
from c2llm import Encoder

encoder = Encoder.load("path/to/this/folder")
encoder.encode_queries(["parse a toml file"]) @ encoder.encode_documents(["def f(): ..."]).T
```

No file of this folder is code. Python's package `c2llm` knows the model type, so that
sentence-transformers and transformers open it without `trust_remote_code`:

```python
import c2llm  # makes the model type known
from sentence_transformers import SentenceTransformer

SentenceTransformer("path/to/this/folder").encode_query(["parse a toml file"])
```
{_table(facts)}"""


def _index(facts: CardFacts, title: str) -> list[dict[str, Any]]:
    if not facts.scores:
        return []
    results = [
        {
            "task": {"type": "retrieval"},
            "dataset": {
                "type": score.dataset,
                "name": f"MTEB {score.task}",
                "split": score.split,
                "revision": score.revision,
            },
            "metrics": [{"type": "ndcg_at_10", "value": round(100 * score.value, 3)}],
        }
        for score in facts.scores
    ]
    return [{"name": title, "results": results}]


def _table(facts: CardFacts) -> str:
    if not facts.scores:
        return ""
    rows = "\n".join(f"| {score.task} | {100 * score.value:.2f} |" for score in facts.scores)
    return f"""
## Scores

NDCG@10 in percent, mean over a task's languages, measured by `c2llm eval mteb`.

| task | NDCG@10 |
|---|---:|
{rows}
"""
