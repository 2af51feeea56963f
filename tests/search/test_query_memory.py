"""The vector of a question that was asked before is the one that it had, to the last bit."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from c2llm.index.store.vector_cache import VectorCache
from c2llm.search.code_index import CodeIndex
from c2llm.search.query_memory import QueryMemory
from tests.trees import WordEncoder

QUESTION = "how are failed calls retried"
VECTOR = np.random.default_rng(0).standard_normal(16).astype(np.float32)
VECTOR /= np.linalg.norm(VECTOR)


@dataclass
class Handle:
    """What a memory asks of a model."""

    fingerprint: str = "one"
    signature: str = "files"
    dim: int = 16


def memory(home: Path, question: str | None = QUESTION) -> QueryMemory:
    return QueryMemory(VectorCache.of_user(), question)


def asked(home: Path, question: str = QUESTION, **model: Any) -> Any:
    return memory(home, question).vector(cast(Any, Handle(**model)), question)


def keep(home: Path, question: str = QUESTION, vector: Any = VECTOR, **model: Any) -> None:
    one = memory(home, question)
    one.keep(cast(Any, Handle(**model)), question, vector)
    one.save()


def test_it_is_the_same_to_the_last_bit(home: Path) -> None:
    assert asked(home) is None
    keep(home)
    assert asked(home).tobytes() == VECTOR.tobytes()
    assert memory(home).has(cast(Any, Handle()))


def test_it_is_of_this_question_and_this_model_alone(home: Path) -> None:
    keep(home)
    assert asked(home, "how are failed calls retried?") is None
    assert asked(home, fingerprint="two") is None
    assert asked(home, "code: " + QUESTION) is None
    assert memory(home).vector(cast(Any, Handle()), "another one") is None
    assert not memory(home, None).has(cast(Any, Handle()))


def test_what_is_typed_in_between_is_not_kept(home: Path) -> None:
    one = memory(home)
    one.keep(cast(Any, Handle()), "another one", VECTOR)
    one.save()
    assert asked(home, "another one") is None


def test_of_an_encoder_that_was_given_nothing_is_kept(home: Path, project: Path) -> None:
    keep(home, signature="")
    assert asked(home) is None
    encoder = WordEncoder()
    with CodeIndex.open(project, encoder=encoder, embed="all", question=QUESTION) as index:
        assert index.search(QUESTION)
    assert asked(home, fingerprint=encoder.fingerprint, dim=encoder.dim) is None


def test_the_cache_may_be_switched_off(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C2LLM_CACHE_MB", "0")
    keep(home)
    assert asked(home) is None
    assert not VectorCache.of_user().path.exists()


@pytest.mark.parametrize("wrong", [VECTOR[:8], VECTOR * np.nan, VECTOR * 0, VECTOR * 1e30])
def test_what_is_no_vector_of_the_model_is_not_taken(home: Path, wrong: Any) -> None:
    keep(home, vector=wrong)
    assert asked(home) is None


def test_the_question_itself_is_not_written(home: Path) -> None:
    keep(home)
    files = list(VectorCache.of_user().path.parent.glob("vectors.sqlite*"))
    assert files
    for file in files:
        assert b"retried" not in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
