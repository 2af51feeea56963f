"""`c2llm embed`: lines or files in, vectors out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import click

from c2llm.cli.options.devices import device_options
from c2llm.cli.output import note, print_json, progress_bar
from c2llm.cli.streams import read_stdin
from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.errors import C2LLMError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from c2llm.encoding.encoder import Encoder

BATCH = 512


class Item(NamedTuple):
    """A text and where it came from: `FILE` for a whole file, `FILE:LINE` for a line."""

    source: str
    text: str


@click.command("embed")
@click.argument("paths", nargs=-1, metavar="[FILE]...")
@click.option("--lines", is_flag=True, help="Every non-empty line is a text (stdin always is).")
@click.option(
    "--as",
    "role",
    type=click.Choice(["document", "query"]),
    default="document",
    show_default=True,
    help="Which prompt of the model goes in front.",
)
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Model name or folder.")
@device_options()
@click.option(
    "--long-texts",
    type=click.Choice(["window", "truncate"]),
    help="Read a text above the model's length in windows, or only its beginning.  "
    "[default: window, where the model can]",
)
@click.option("--out", type=click.Path(dir_okay=False), help="Write a float32 .npy, or .jsonl.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    paths: tuple[str, ...],
    lines: bool,
    role: str,
    model: str,
    long_texts: Literal["window", "truncate"] | None,
    out: str | None,
    as_json: bool,
) -> None:
    """Turn files, or lines of files or of stdin, into unit vectors.

    Without --out every vector is one JSON line on stdout: {"source", "vector"}.

    \b
    c2llm embed src/*.py --out vectors.npy
    printf 'parse toml\nretry a request\n' | c2llm embed --as query
    c2llm embed --lines queries.txt --as query --out queries.jsonl
    """
    if out and Path(out).suffix not in (".npy", ".jsonl"):
        raise UsageError(f"--out {out} must end in .npy or .jsonl.")
    if not paths and sys.stdin.isatty():
        raise UsageError("Nothing to embed: name files, or pipe lines into stdin.")
    from c2llm.encoding.encoder import Encoder

    encoder = Encoder.load(model, long_texts=long_texts)
    items = list(_read(paths, lines))
    vectors = _encode(encoder, items, role)
    if out:
        _write(Path(out), items, vectors)
        note(f"{len(items)} vectors of length {encoder.dim} written to {out}")
    if as_json:
        payload: dict[str, object] = {
            "model": encoder.name,
            "dim": encoder.dim,
            "count": len(items),
            "out": out,
        }
        if not out:
            payload["vectors"] = list(_rows(items, vectors))
        print_json(payload)
    elif not out:
        for row in _rows(items, vectors):
            print_json(row)


def _read(paths: tuple[str, ...], lines: bool) -> Iterator[Item]:
    if not paths:
        yield from _lines("-", read_stdin())
    for path in paths:
        try:
            text = Path(path).read_bytes().decode("utf-8", "replace")
        except OSError as error:
            raise UsageError(f"Cannot read {path}: {error.strerror}.") from error
        if lines:
            yield from _lines(path, text)
        else:
            yield Item(path, text)


def _lines(source: str, text: str) -> Iterator[Item]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield Item(f"{source}:{number}", line.rstrip("\r"))


def _encode(encoder: Encoder, items: list[Item], role: str) -> NDArray[np.float32]:
    import numpy as np

    encode = encoder.encode_queries if role == "query" else encoder.encode_documents
    vectors = np.empty((len(items), encoder.dim), dtype=np.float32)
    with progress_bar("embedding", len(items)) as advance:
        pending, start = iter(items), 0
        while batch := [item.text for item in islice(pending, BATCH)]:
            vectors[start : start + len(batch)] = encode(batch, progress=advance)
            start += len(batch)
    return vectors


def _rows(items: list[Item], vectors: NDArray[np.float32]) -> Iterator[dict[str, object]]:
    for item, vector in zip(items, vectors, strict=True):
        yield {"source": item.source, "vector": [round(float(x), 6) for x in vector]}


def _write(out: Path, items: list[Item], vectors: NDArray[np.float32]) -> None:
    import numpy as np

    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as stream:
            if out.suffix == ".npy":
                np.save(stream, vectors)
            else:
                for row in _rows(items, vectors):
                    stream.write((json.dumps(row, ensure_ascii=False) + "\n").encode())
        part.replace(out)
    except OSError as error:
        raise C2LLMError(f"Cannot write {out}: {error.strerror}.") from error
