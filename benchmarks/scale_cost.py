"""What it takes to index many repositories: rates measured here, and time and cost made of them.

    python benchmarks/scale_cost.py measure REPOSITORY... --json docs/scale-rates.json
    python benchmarks/scale_cost.py tell docs/scale-rates.json docs/scale-duplicates.json

`measure` takes git directories or work trees and does with them, in one process and one thread,
what the refresh of a catalog does: files written out from git, cut, their texts embedded by the
table model, all of it written into a catalog's store; the larger model embeds `--texts` of the
texts, evenly chosen. Rates are per CPU second, children included, since wall time depends on what
else the machine does; each stage runs `--rounds` times and the fastest counts.
`tell` multiplies: CPU hours for so many repositories of the mean size of those that
`duplicate_share.py` (which wrote the second file) has read, and for so many of the size that GitHub
has published for those of its code search (GITHUB below), with nothing shared. Neither the transfer
of repositories nor any GPU is in it.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from c2llm import Encoder
from c2llm.codebase.chunks import embedding_text
from c2llm.codebase.files.walk import list_files
from c2llm.codebase.revisions.unpacked import checked_out
from c2llm.index.build.cutting import CutFile, content_hash, cut_file
from c2llm.index.store.catalog.records import Content, Place
from c2llm.index.store.catalog.sqlite_catalog import SqliteCatalog
from c2llm.index.store.quantized import pack, packed_size

COUNTS = (1_000, 100_000, 1_000_000)
GITHUB = {"repositories": 45e6, "documents": 15.5e9, "bytes": 115e12}
"""https://github.blog/2023-02-06-the-technology-behind-githubs-new-code-search/"""
PRICE = 0.0425
"""Dollars for an hour of one virtual core: c5.4xlarge, 16 of them for 0.68, in the example of
https://docs.amazonaws.cn/en_us/autoscaling/ec2/userguide/weights-spot-price-per-unit-hour-example.html"""
CORES = 64
_FILES_AT_ONCE = 200
_SLICE = 128


@dataclass(frozen=True)
class Sample:
    """What the rates are measured on."""

    folder: Path
    cuts: list[CutFile]
    texts: dict[bytes, str]
    """What is embedded, by its hash."""
    bytes: int

    @property
    def chunks(self) -> int:
        """Of all files."""
        return sum(len(cut.chunks) for cut in self.cuts)


def cpu_seconds() -> float:
    """User and system, of this process and of its children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def fastest(rounds: int, work: Callable[[], object]) -> float:
    """CPU seconds of the fastest round."""
    taken = []
    for _ in range(rounds):
        start = cpu_seconds()
        work()
        taken.append(cpu_seconds() - start)
    return min(taken)


def written_out(repositories: Sequence[Path]) -> None:
    """Write the files of all repositories out and forget them."""
    for repository in repositories:
        with checked_out(repository):
            pass


def read(folders: Sequence[Path]) -> Sample:
    """Cut all files below the folders."""
    cuts: list[CutFile] = []
    texts: dict[bytes, str] = {}
    size = 0
    for folder in folders:
        for file in list_files(folder).files:
            cut = cut_file(file)
            if cut.skipped:
                continue
            cuts.append(cut)
            size += file.size
            for one in cut.chunks:
                texts.setdefault(one.embedded_hash, embedding_text(one.chunk))
    return Sample(folders[0], cuts, texts, size)


def write(sample: Sample, packed: Sequence[bytes], path: Path) -> None:
    """Put the sample into a new store as one repository."""
    path.unlink(missing_ok=True)
    contents = [
        Content(content_hash(cut.digest + cut.language.encode()), Place("sample", cut.path), cut)
        for cut in sample.cuts
    ]
    store = SqliteCatalog(path)
    for start in range(0, len(contents), _FILES_AT_ONCE):
        store.put_contents(contents[start : start + _FILES_AT_ONCE])
    hashes = list(sample.texts)
    for start in range(0, len(hashes), _SLICE * 8):
        part = slice(start, start + _SLICE * 8)
        store.put_vectors_of("c2llm-nano", "measured", hashes[part], packed[part])
    tree = {f"{number}/{one.first.path}": one.key for number, one in enumerate(contents)}
    store.put_repository("sample", "0", tree)
    store.sweep()
    store.close()


def measure(repositories: Sequence[Path], rounds: int, some: int) -> dict[str, Any]:
    """The rates."""
    with ExitStack() as stack:
        folders = [stack.enter_context(checked_out(one)) for one in repositories]
        sample = read(folders)
        told: dict[str, Any] = {
            "repositories": [one.name for one in repositories],
            "files": len(sample.cuts),
            "bytes": sample.bytes,
            "chunks": sample.chunks,
            "texts": len(sample.texts),
        }
        seconds = {
            "written out": fastest(rounds, lambda: written_out(repositories)),
            "cut": fastest(rounds, lambda: read(folders)),
        }
    texts = list(sample.texts.values())
    table = Encoder.load("c2llm-nano", threads=1)
    table.encode_documents(texts[:8])
    packed: list[bytes] = []

    def by_table() -> None:
        packed.clear()
        for start in range(0, len(texts), _SLICE):
            packed.extend(pack(table.encode_documents(texts[start : start + _SLICE])))

    seconds["c2llm-nano"] = fastest(rounds, by_table)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "store.sqlite")
        seconds["written"] = fastest(rounds, lambda: write(sample, packed, path))
        told["store bytes a chunk"] = path.stat().st_size / sample.chunks
    chosen = texts[:: max(1, len(texts) // some)][:some]
    larger = Encoder.load("c2llm-mini", threads=1)
    larger.encode_documents(chosen[:8])
    taken = fastest(rounds, lambda: larger.encode_documents(chosen))
    told["vector bytes"] = {"c2llm-nano": len(packed[0]), "c2llm-mini": packed_size(larger.dim)}
    told["seconds"] = seconds
    told["rates"] = {
        "written out, files": len(sample.cuts) / seconds["written out"],
        "cut, files": len(sample.cuts) / seconds["cut"],
        "cut, bytes": sample.bytes / seconds["cut"],
        "c2llm-nano, texts": len(texts) / seconds["c2llm-nano"],
        "c2llm-mini, texts": len(chosen) / taken,
        "written, chunks": sample.chunks / seconds["written"],
    }
    return told


# -- told ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mix:
    """What a mean repository has."""

    label: str
    files: float
    bytes: float
    chunks: float
    vectors: float


def mixes(told: dict[str, Any], here: dict[str, Any]) -> list[Mix]:
    """The mean repository of those measured, and GitHub's."""
    count = len(here["repositories"])
    files, size = here["counts"]["source files (contents)"], here["counts"]["bytes of source"]
    ours = Mix(
        f"as the {count} measured",
        files["distinct"] / count,
        size["distinct"] / count,
        here["vectors"]["distinct"] / count,
        here["vectors"]["distinct"] / count,
    )
    density = told["chunks"] / told["bytes"]
    size = GITHUB["bytes"] / GITHUB["repositories"]
    documents = GITHUB["documents"] / GITHUB["repositories"]
    theirs = Mix("as GitHub's, nothing shared", documents, size, size * density, size * density)
    return [ours, theirs]


def print_rates(told: dict[str, Any]) -> None:
    """The table of rates."""
    print(
        f"{len(told['repositories'])} repositories, {told['files']:,} files, "
        f"{told['bytes'] / 1e6:,.0f} MB, {told['chunks']:,} chunks\n"
    )
    print("| step | a CPU second |\n|---|--:|")
    for step, rate in told["rates"].items():
        name, _, what = step.partition(", ")
        print(f"| {name} | {rate / 1e6:.2f} MB |" if what == "bytes" else
              f"| {name} | {rate:,.0f} {what} |")  # fmt: skip
    print(
        f"\nThe store takes {told['store bytes a chunk']:,.0f} bytes a chunk, vectors of ", end=""
    )
    print(" and ".join(f"{name} {size}" for name, size in told["vector bytes"].items()), "of them.")


def print_costs(told: dict[str, Any], here: dict[str, Any], price: float) -> None:
    """Hours and money."""
    rates = told["rates"]
    print(
        "\n| repositories | size | chunks | read and cut | nano | write | all but mini | mini "
        f"| store | {CORES} cores: without, with mini | dollars: without, with mini |"
    )
    print("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for mix in mixes(told, here):
        for count in COUNTS:
            seconds = {
                "read": mix.files / rates["written out, files"] + mix.bytes / rates["cut, bytes"],
                "nano": mix.vectors / rates["c2llm-nano, texts"],
                "write": mix.chunks / rates["written, chunks"],
                "mini": mix.vectors / rates["c2llm-mini, texts"],
            }
            hours = {step: count * one / 3600 for step, one in seconds.items()}
            first = hours["read"] + hours["nano"] + hours["write"]
            whole = first + hours["mini"]
            extra = told["vector bytes"]["c2llm-mini"] * mix.vectors
            store = count * (mix.chunks * told["store bytes a chunk"] + extra)
            print(
                f"| {count:,} | {mix.label} | {count * mix.chunks / 1e6:,.0f} M "
                f"| {told_hours(hours['read'])} | {told_hours(hours['nano'])} "
                f"| {told_hours(hours['write'])} | {told_hours(first)} "
                f"| {told_hours(hours['mini'])} | {store / 1e9:,.0f} GB "
                f"| {told_hours(first / CORES)}, {told_hours(whole / CORES)} "
                f"| {first * price:,.0f}, {whole * price:,.0f} |"
            )


def told_hours(hours: float) -> str:
    """Hours as one reads them."""
    return f"{hours:,.0f} h" if hours >= 10 else f"{hours:.1f} h" if hours >= 1 else (
        f"{hours * 60:.0f} min"
    )  # fmt: skip


def main() -> None:
    """Measure, or tell what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("measure")
    one.add_argument("repositories", type=Path, nargs="+", metavar="REPOSITORY")
    one.add_argument("--rounds", type=int, default=3)
    one.add_argument("--texts", type=int, default=256, help="that the larger model embeds")
    one.add_argument("--json", type=Path, required=True, help="where the numbers are written")
    other = verbs.add_parser("tell")
    other.add_argument("measured", type=Path)
    other.add_argument("duplicates", type=Path)
    other.add_argument("--price", type=float, default=PRICE, help="dollars a core and hour")
    options = parser.parse_args()
    if options.verb == "measure":
        told = measure(options.repositories, options.rounds, options.texts)
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        print_rates(told)
        return
    told = json.loads(options.measured.read_text(encoding="utf-8"))
    print_costs(told, json.loads(options.duplicates.read_text(encoding="utf-8")), options.price)


if __name__ == "__main__":
    main()
