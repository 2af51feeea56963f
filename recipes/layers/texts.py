"""Texts for `distill.py`: both sides of the pairs of a recipe, and chunks of repositories.

    python recipes/layers/texts.py recipes/layers/mini-layers.yaml --data DATA \
      --repositories CLONES... --out DATA/texts.jsonl.gz

Chunks are written as the index embeds them. What repeats an evaluation set of the recipe is left
out by the rules of `c2llm train`, and so is what its sources hold out.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from c2llm.codebase.chunks import cut_text, embedding_text
from c2llm.codebase.git import Git
from c2llm.codebase.languages import detect_language
from c2llm.codebase.revisions.listing import blobs_of, texts_of
from c2llm.codebase.vendored import is_vendored
from c2llm.errors import DataError
from c2llm.training.data.decontamination import Contamination
from c2llm.training.data.pair_loading import evaluation_texts, load_pairs
from c2llm.training.run.recipe import DataConfig, load_config

LEAST_CHARACTERS = {"document": 80, "query": 12}
MOST_CHARACTERS = {"document": 4000, "query": 400}
MOST_BYTES = 200_000
BLOCK = 2000


def of_repository(folder: Path, files: int, chunks: int, draw: random.Random) -> Iterator[str]:
    """Some chunks of some files, as text with its header."""
    git = Git(folder, bare=True)
    blobs = {
        path: blob
        for path, blob in blobs_of(git, "HEAD").items()
        if blob.size <= MOST_BYTES and not is_vendored(path) and detect_language(path)
    }
    paths = draw.sample(sorted(blobs), min(files, len(blobs)))
    texts = texts_of(git, [blobs[path].name for path in paths])
    found = []
    for path in paths:
        text = texts.get(blobs[path].name, "")
        cut = cut_text(path, text, detect_language(path)).chunks
        found += draw.sample(cut, min(6, len(cut)))
    for chunk in draw.sample(found, min(chunks, len(found))):
        yield embedding_text(chunk)


def of_pairs(config: DataConfig) -> Iterator[tuple[str, str, str]]:
    """(dataset, "query" or "document", text) of the pairs of a recipe, filtered as for training."""
    pairs, _ = load_pairs(config, seed=0)
    for pair in pairs:
        yield pair.dataset, "query", pair.query
        yield pair.dataset, "document", "\n".join(filter(None, (pair.header, pair.document)))


def clean(
    texts: Iterator[tuple[str, str]], evaluation: Contamination, counts: Counter[str]
) -> Iterator[tuple[str, str]]:
    """What is long enough and repeats no evaluation text."""
    waiting: list[tuple[str, str]] = []

    def judged() -> Iterator[tuple[str, str]]:
        sets = evaluation.sources([text for _, text in waiting], [True] * len(waiting))
        for one, repeated in zip(waiting, sets, strict=True):
            counts[f"repeats {repeated}" if repeated else one[0]] += 1
            if not repeated:
                yield one
        waiting.clear()

    for kind, text in texts:
        if len(text.strip()) >= LEAST_CHARACTERS[kind]:
            waiting.append((kind, text.strip()[: MOST_CHARACTERS[kind]]))
        if len(waiting) == BLOCK:
            yield from judged()
    yield from judged()


def main() -> None:
    """Write the texts, and print how many of each kind there are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("recipe", help="of which `data` is read")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--repositories", type=Path, nargs="*", default=[], help="bare clones")
    parser.add_argument("--files", type=int, default=150, help="of a repository, drawn")
    parser.add_argument("--chunks", type=int, default=300, help="of a repository, drawn")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    config = load_config(args.recipe, [f"data.root={args.data}"]).data
    evaluation = evaluation_texts(config, args.data)
    draw, counts, seen = random.Random(0), Counter[str](), set[str]()
    with gzip.open(args.out, "wt", encoding="utf-8") as out:

        def write(source: str, texts: Iterator[tuple[str, str]]) -> None:
            for kind, text in clean(texts, evaluation, counts):
                if text not in seen:
                    seen.add(text)
                    out.write(json.dumps({"kind": kind, "source": source, "text": text}) + "\n")

        for dataset, rows in groupby(of_pairs(config), key=itemgetter(0)):
            write(dataset, (row[1:] for row in rows))
        print(args.recipe, dict(counts), flush=True)
        for folder in args.repositories:
            try:
                texts = list(of_repository(folder, args.files, args.chunks, draw))
            except DataError as error:
                print(error, flush=True)
                continue
            write(str(folder), (("document", text) for text in texts))
            print(folder, dict(counts), flush=True)


if __name__ == "__main__":
    main()
