"""What c2llm-nano starts from: a vocabulary of the pairs, each token where a teacher puts it.

    python recipes/data/static_start.py DATA/mined.jsonl DATA/problems.jsonl ... \\
        --teacher c2llm-mini --vocabulary 26000 --dim 384 --out runs/nano-start

`c2llm.training.static_start` does the work; here the pairs are read. Of a file with rows of the
split `train` the others are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from c2llm.encoding.encoder import Encoder
from c2llm.training.data.pair_loading import row_format
from c2llm.training.data.pair_sources import rows_of
from c2llm.training.run.recipe import DataConfig, SourceConfig
from c2llm.training.static_start import write_static_start


def texts(files: list[Path]) -> Iterator[str]:
    """Queries and documents of all training rows."""
    config = DataConfig()
    for source in (SourceConfig(str(path)) for path in files):
        rows = row_format(source, config)
        splits = {row.get("split") for _, row in rows_of(source, Path())}
        for where, row in rows_of(source, Path()):
            if row.get("split") == "train" or "train" not in splits:
                pair = rows.parse(row, where)
                yield pair.query
                yield from pair.positives


def main() -> None:
    """Read, learn and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("pairs", nargs="+", type=Path, help="JSONL, also .gz, or Parquet")
    parser.add_argument("--teacher", default="c2llm-mini", help="a shipped name, or a folder")
    parser.add_argument("--vocabulary", type=int, default=26_000, help="tokens at most")
    parser.add_argument("--dim", type=int, default=384, help="width, at most the teacher's")
    parser.add_argument("--out", type=Path, required=True, help="for model.backbone of a recipe")
    arguments = parser.parse_args()
    folder = write_static_start(
        arguments.out,
        lambda: texts(arguments.pairs),
        Encoder.load(arguments.teacher),
        vocabulary=arguments.vocabulary,
        dim=arguments.dim,
    )
    print(f"{folder}: start of {arguments.dim} dimensions, from {arguments.teacher}")


if __name__ == "__main__":
    main()
