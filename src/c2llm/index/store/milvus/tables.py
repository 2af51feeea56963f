"""The collections of a catalog, and what a row of each has.

`rows`      blobs that whoever opens the catalog reads: its generation, models, repositories
`contents`  the contents as they were cut, packed, each in rows of 45 kB; they wait here
`chunks`    one row a chunk of a content that some repository has: words, facts, text
`vectors…`  one row an embedded text, of one model; an alias names those in use

Each id is a hash of what the row is (`numbers`), so what is written twice is there once.
"""

from __future__ import annotations

from typing import Any

from c2llm.index.store.milvus.connection import MilvusConnection

SCHEMA_VERSION = 1
"""Raised when a collection changes; what an older version wrote is filled anew under new names."""
CHUNK_FACTS = (
    *("content", "start_line", "end_line", "kind", "symbol", "scope", "definitions"),
    "embedded_hash",
)
CHUNK_TEXTS = ("signature", "text", "parts")
_LONGEST = 65_535
"""Bytes of a string: Milvus takes no more."""
_NO_VECTOR = {"unused": [0.0, 0.0]}


class Tables:
    """The collections of one catalog, made when they are first asked for."""

    def __init__(self, connection: MilvusConnection) -> None:
        self._connection = connection
        prefix = f"c2llm_{connection.location.name}_{SCHEMA_VERSION}"
        self.rows, self.contents = f"{prefix}_rows", f"{prefix}_contents"
        self.chunks, self._vectors = f"{prefix}_chunks", f"{prefix}_vectors"
        present = set(connection.ask("list_collections"))
        for name, make in (
            (self.rows, self._make_rows),
            (self.contents, self._make_contents),
            (self.chunks, self._make_chunks),
        ):
            if name not in present:
                make(name)
            connection.ask("load_collection", name)

    def vectors_of(self, model: str, fingerprint: str) -> tuple[str, str]:
        """The collection of a model's vectors, and the alias that names those in use."""
        from c2llm.index.store.milvus.numbers import number

        alias = f"{self._vectors}_{number(model):x}"
        return f"{alias}_{number(fingerprint):x}", alias

    def make_vectors(self, name: str, dim: int) -> None:
        """Make the collection of a model's vectors, if it is not there.

        On a server they are kept in 16 bits; Lite has floats of 32 alone. Either gives the codes
        of `quantized` back exactly, with the step that is kept beside them.
        """
        connection = self._connection
        if connection.ask("has_collection", name):
            return
        types, lite = connection.types, connection.location.lite is not None
        schema = connection.schema()
        schema.add_field("id", types.INT64, is_primary=True)
        schema.add_field("step", types.FLOAT)
        schema.add_field("vector", types.FLOAT_VECTOR if lite else types.FLOAT16_VECTOR, dim=dim)
        kind = {"index_type": "FLAT" if lite else "HNSW", "metric_type": "IP"}
        if not lite:
            kind["params"] = {"M": 16, "efConstruction": 128}
        self._make(name, schema, {"field_name": "vector", **kind})
        connection.ask("load_collection", name)

    def finish(self) -> None:
        """Have everything on the disk and indexed: right after load questions are slow."""
        for name in self._connection.ask("list_collections"):
            if name.startswith((self.rows, self.contents, self.chunks, self._vectors)):
                self._connection.ask("flush", name)
                self._connection.ask("compact", name)
                self._connection.ask("release_collection", name)
                self._connection.ask("load_collection", name)

    # -- the schemas -----------------------------------------------------------------------------

    def _make_rows(self, name: str) -> None:
        types, schema = self._connection.types, self._connection.schema()
        schema.add_field("id", types.INT64, is_primary=True)
        schema.add_field("kind", types.INT8)
        schema.add_field("generation", types.INT64)
        schema.add_field("owner", types.INT64)
        schema.add_field("data", types.VARCHAR, max_length=_LONGEST)
        schema.add_field("unused", types.FLOAT_VECTOR, dim=2)
        self._make(name, schema, _unused(), _scalar("kind"), _scalar("owner"))

    def _make_contents(self, name: str) -> None:
        types, schema = self._connection.types, self._connection.schema()
        schema.add_field("id", types.INT64, is_primary=True)
        schema.add_field("content", types.INT64)
        schema.add_field("piece", types.INT32)
        schema.add_field("pieces", types.INT32)
        schema.add_field("data", types.VARCHAR, max_length=_LONGEST)
        schema.add_field("unused", types.FLOAT_VECTOR, dim=2)
        self._make(name, schema, _unused(), _scalar("content"), _scalar("piece"))

    def _make_chunks(self, name: str) -> None:
        types, schema = self._connection.types, self._connection.schema()
        schema.add_field("id", types.INT64, is_primary=True)
        schema.add_field("repository", types.INT64, is_partition_key=True)
        schema.add_field("content", types.INT64)
        schema.add_field("start_line", types.INT32)
        schema.add_field("end_line", types.INT32)
        for text in ("kind", "symbol", "scope", "definitions", "embedded_hash", "words"):
            schema.add_field(text, types.VARCHAR, max_length=_LONGEST)
        for text in CHUNK_TEXTS:
            schema.add_field(text, types.VARCHAR, max_length=_LONGEST)
        schema.add_field("terms", types.SPARSE_FLOAT_VECTOR)
        terms = {
            "field_name": "terms",
            "index_type": "SPARSE_INVERTED_INDEX",
            "metric_type": "IP",
        }
        self._make(name, schema, terms, _scalar("content"))

    def _make(self, name: str, schema: Any, *indexes: dict[str, Any]) -> None:
        # `Session`: who has written reads what he wrote, without waiting for the whole cluster.
        self._connection.ask(
            "create_collection",
            name,
            schema=schema,
            index_params=self._connection.indexes(*indexes),
            consistency_level="Session",
        )


def without_vector(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a collection that has no vectors, though Milvus wants one in each."""
    return row | _NO_VECTOR


def _unused() -> dict[str, Any]:
    return {"field_name": "unused", "index_type": "FLAT", "metric_type": "L2"}


def _scalar(field: str) -> dict[str, Any]:
    return {"field_name": field, "index_type": "INVERTED"}
