"""The vectors of a catalog in Milvus: one collection a model, searched there.

What is near is Milvus's to say; how near is computed from the codes that every store keeps.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from c2llm.index.store.milvus.connection import MOST_HITS
from c2llm.index.store.milvus.numbers import number, vector_number
from c2llm.index.store.milvus.packed import damaged
from c2llm.index.store.milvus.questions import MilvusQuestions
from c2llm.index.store.milvus.state import FORMER_MODEL, MODEL
from c2llm.index.store.quantized import packed_size, unpack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_KEPT = 200_000
"""Packed vectors that are kept in memory."""


class Model(NamedTuple):
    """A model whose vectors are there."""

    name: str
    fingerprint: str
    dim: int

    @property
    def number(self) -> int:
        """It stands for one name and one fingerprint for ever."""
        return number("model", self.name, self.fingerprint)


class MilvusVectors(MilvusQuestions):
    """The part of the store that keeps vectors, searches them and gives them back."""

    _packed: dict[str, dict[int, bytes]]
    _present: dict[str, set[int]]
    _absent: tuple[int, dict[str, set[int]]]
    _models: tuple[int, dict[str, Model], list[Model]]

    # -- which models there are ------------------------------------------------------------------

    def model_id(self, name: str) -> tuple[int, str] | None:
        """The number and the fingerprint of a model that has vectors here."""
        model = self._in_use().get(name)
        return None if model is None else (model.number, model.fingerprint)

    def _in_use(self) -> dict[str, Model]:
        """The models that answer, by name."""
        return self._all_models()[0]

    def _all_models(self) -> tuple[dict[str, Model], list[Model]]:
        """The models that answer, by name, and former ones whose vectors are still there."""
        generation = self.generation()
        if self._models[0] != generation:
            in_use: dict[str, Model] = {}
            former: list[Model] = []
            for row in self._connection.every(
                self._tables.rows, f"kind in [{MODEL}, {FORMER_MODEL}]", ["kind", "data"]
            ):
                model = _model(row["data"])
                if int(row["kind"]) == MODEL:
                    in_use[model.name] = model
                else:
                    former.append(model)
            self._models = generation, in_use, former
        return self._models[1:]

    def _numbered(self, model_id: int) -> Model | None:
        return next((one for one in self._in_use().values() if one.number == model_id), None)

    def _collection(self, model: Model) -> str:
        return self._tables.vectors_of(model.name, model.fingerprint)[0]

    # -- which chunks have vectors ---------------------------------------------------------------

    def lacks_vectors(self, model_id: int) -> bool:
        """Whether some chunk has no vector of the model; of a number that no model has, False."""
        model = self._numbered(model_id)
        return model is not None and bool(self._missing(model))

    def embedded(self, model: str) -> int:
        """How many chunks have a vector of the model of this name."""
        known = self._in_use().get(model)
        if known is None:
            return 0
        missing = self._missing(known)
        of_vector = self._contents().of_vector
        return sum(len(ids) for each, ids in of_vector.items() if each not in missing)

    def _missing(self, model: Model) -> set[int]:
        """The numbers of what is in answers and has no vector of a model."""
        generation = self.generation()
        if self._absent[0] != generation:
            self._absent = generation, {}
        collection = self._collection(model)
        missing = self._absent[1].get(collection)
        if missing is None:
            present = self._present.setdefault(collection, set())
            unknown = self._contents().of_vector.keys() - present
            found = self._connection.get(collection, unknown, ["id"])
            there = {int(row["id"]) for row in found}
            present |= there
            missing = self._absent[1][collection] = unknown - there
        return missing

    # -- vectors ---------------------------------------------------------------------------------

    def vectors(self, model_id: int, only: Iterable[int] | None = None) -> list[tuple[int, bytes]]:
        """Id and packed vector of each chunk, or each of these, that has one of the model."""
        model = self._numbered(model_id)
        if model is None:
            return []
        vector_of = self._contents().vector_of
        ids = vector_of.keys() if only is None else vector_of.keys() & set(only)
        packed = self._packed_of(model, {vector_of[chunk_id] for chunk_id in ids})
        return [
            (chunk_id, packed[vector_of[chunk_id]])
            for chunk_id in sorted(ids)
            if vector_of[chunk_id] in packed
        ]

    def sampled(self, model_id: int, limit: int) -> list[tuple[int, bytes]]:
        """Id and packed vector of some chunks: ids are hashes, so the lowest are of anything."""
        return self.vectors(model_id, heapq.nsmallest(limit, self._contents().vector_of))

    def _packed_of(self, model: Model, numbers: Collection[int]) -> dict[int, bytes]:
        """The packed vectors that have these numbers; such a one never changes."""
        collection = self._collection(model)
        known = self._packed.setdefault(collection, {})
        unknown = set(numbers) - known.keys()
        if len(known) + len(unknown) > max(_MOST_KEPT, len(numbers)):
            known.clear()
            unknown = set(numbers)
        if unknown:
            for row in self._connection.get(collection, unknown, ["step", "vector"]):
                known[int(row["id"])] = _packed(model, row["step"], row["vector"])
        return {each: known[each] for each in numbers if each in known}

    def nearest(
        self, model_id: int, query: Callable[[], NDArray[np.float32]], limit: int
    ) -> list[tuple[int, float]] | None:
        """Ids and cosines of the chunks nearest to a query, the nearest first, ties by id."""
        model = self._numbered(model_id)
        if model is None or limit <= 0:
            return []
        vector = query()
        of_vector = self._contents().of_vector
        take = min(limit, MOST_HITS)
        while True:
            (hits,) = self._connection.search(
                self._collection(model), "vector", [self._asked(vector)], take
            )
            numbers = [each for each, _, _ in hits if each in of_vector]
            if len(hits) < take or take == MOST_HITS or len(numbers) > limit // 2:
                break
            take = min(4 * take, MOST_HITS)  # most are of what is in no answer any more
        packed = self._packed_of(model, numbers)
        numbers = [each for each in numbers if each in packed]
        cosines = unpack([packed[each] for each in numbers])
        if not numbers:
            return []
        found = [
            (chunk_id, float(cosine))
            for each, cosine in zip(numbers, cosines.dot(vector), strict=True)
            for chunk_id in of_vector[each]
        ]
        found.sort(key=lambda pair: (-pair[1], pair[0]))
        return found[:limit]

    def _asked(self, vector: NDArray[np.float32]) -> Any:
        """A query as the field's type wants it."""
        import numpy as np

        return vector.tolist() if self.location.lite is not None else vector.astype(np.float16)

    # -- what is written -------------------------------------------------------------------------

    def put_vectors_of(
        self, model: str, fingerprint: str, hashes: Sequence[bytes], packed: Sequence[bytes]
    ) -> None:
        """Add packed vectors of what was embedded, by its hash.

        Those of a new fingerprint have a collection of their own, which is asked from then on. The
        old one stays, and the alias with it, until the new one is whole or the next `sweep`: who
        reads by the alias has all vectors of one model at any moment.
        """
        if not packed:
            return
        new = Model(model, fingerprint, len(packed[0]) - packed_size(0))
        old = self._in_use().get(model)
        collection, alias = self._tables.vectors_of(model, fingerprint)
        self._tables.make_vectors(collection, new.dim)
        if old is not None and old.fingerprint != fingerprint:
            self._put_row(_former_id(old), FORMER_MODEL, 0, data=json.dumps(old))
        elif old is None:
            self._name(alias, collection)
        self._connection.put(collection, self._vector_rows(hashes, packed))
        if old != new:
            self._put_row(number("model", model), MODEL, 0, data=json.dumps(new))
            self._connection.remove(self._tables.rows, "id", [_former_id(new)])
        self._present.setdefault(collection, set()).update(map(vector_number, hashes))
        self._raise_generation()
        if any(one.name == model for one in self._all_models()[1]) and not self._missing(new):
            self._drop_former(new)

    def _vector_rows(self, hashes: Sequence[bytes], packed: Sequence[bytes]) -> list[Any]:
        import numpy as np

        codes = unpack(packed)
        kind = np.float32 if self.location.lite is not None else np.float16
        rows = codes.restored().astype(kind)
        return [
            {
                "id": vector_number(hashed),
                "step": float(step),
                "vector": row.tolist() if kind is np.float32 else row,
            }
            for hashed, step, row in zip(hashes, codes.steps, rows, strict=True)
        ]

    def _drop_former(self, model: Model) -> None:
        """Have the alias name the vectors of a model, and drop those that it had before."""
        collection, alias = self._tables.vectors_of(model.name, model.fingerprint)
        self._name(alias, collection)
        for old in [one for one in self._all_models()[1] if one.name == model.name]:
            former = self._collection(old)
            self._connection.ask("drop_collection", former)
            self._connection.remove(self._tables.rows, "id", [_former_id(old)])
            for kept in (self._packed, self._present):
                kept.pop(former, None)
        self._raise_generation()

    def _name(self, alias: str, collection: str) -> None:
        """Have an alias name a collection, whatever it named before."""
        named = self._connection.ask("list_aliases").get("aliases", [])
        self._connection.ask("alter_alias" if alias in named else "create_alias", collection, alias)

    def _settle_models(self) -> None:
        """Drop the vectors of all former models."""
        in_use, former = self._all_models()
        for name in sorted({one.name for one in former} & in_use.keys()):
            self._drop_former(in_use[name])

    def _forget_vectors(self, numbers: Collection[int]) -> None:
        """Delete vectors of what is in no answer."""
        for model in self._in_use().values():
            collection = self._collection(model)
            self._connection.remove(collection, "id", numbers)
            self._present.get(collection, set()).difference_update(numbers)
            for each in numbers:
                self._packed.get(collection, {}).pop(each, None)


def _former_id(model: Model) -> int:
    return number("former model", model.name, model.fingerprint)


def _model(data: str) -> Model:
    try:
        name, fingerprint, dim = json.loads(data)
        return Model(str(name), str(fingerprint), int(dim))
    except (ValueError, TypeError, RecursionError) as error:
        raise damaged() from error


def _packed(model: Model, step: float, vector: Any) -> bytes:
    """A vector as `quantized.pack` wrote it: its components are the codes times the step."""
    import numpy as np

    exact = np.float32(step)
    if isinstance(vector, list | tuple) and vector and isinstance(vector[0], bytes):
        vector = vector[0]
    if isinstance(vector, bytes):
        row = np.frombuffer(vector, "<f2").astype(np.float32)
    else:
        row = np.asarray(vector, np.float32)
    if len(row) != model.dim:
        raise damaged()
    codes = np.rint(row / exact) if exact > 0 else np.zeros_like(row)
    packed: bytes = exact.astype("<f4").tobytes() + codes.astype(np.int8).tobytes()
    return packed
