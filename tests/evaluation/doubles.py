"""What the evaluation is tested with: an encoder of words, and small data files."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from pathlib import Path

import numpy as np


class WordEncoder:
    """Counts of hashed words, of unit length: two texts are near when they share words."""

    def __init__(self, name="words", dim=256):
        self.name = name
        self.fingerprint = f"{name}-fingerprint"
        self.dim = dim
        self.encoded = 0

    def encode_queries(self, texts, *, progress=None):
        return self._encode(texts, progress)

    def encode_documents(self, texts, *, progress=None):
        return self._encode(texts, progress)

    def _encode(self, texts, progress):
        vectors = np.full((len(texts), self.dim), 1e-6, dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in re.findall(r"[a-z]+", text.lower()):
                row[zlib.crc32(word.encode()) % self.dim] += 1.0
        self.encoded += len(texts)
        if progress is not None:
            progress(len(texts))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def write_jsonl(path: Path, rows) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def write_beir(folder: Path, split="test") -> Path:
    write_jsonl(
        folder / "corpus.jsonl.gz",
        [
            {"_id": "d1", "title": "", "text": "def read_json(path): return json.load(open(path))"},
            {"_id": "d2", "title": "sort", "text": "def quick_sort(items): ..."},
            {"_id": "d3", "title": "", "text": "def send_mail(to, body): ..."},
        ],
    )
    write_jsonl(
        folder / f"queries.{split}.jsonl",
        [
            {"_id": "q1", "text": "read a json file from a path"},
            {"_id": "q2", "text": "sort items"},
        ],
    )
    (folder / f"qrels.{split}.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\nq2\td3\t0\n", encoding="utf-8"
    )
    return folder


def pair(id, query, doc, **fields):
    return {"id": id, "query": query, "doc": doc, **fields}
