"""`c2llm mine negatives`: pair files in, the same rows with hard negatives out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.numbers import Finite, count
from c2llm.cli.options.devices import device_options
from c2llm.cli.output import note, print_json, stage_bars, training_libraries
from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.training.mining.negative_scorers import Miner

_OFF = "off"


class _Limit(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """A number, or `off`."""

    name = "number"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        if value is None or value == _OFF:
            return None
        try:
            return float(str(value))
        except ValueError:
            self.fail(f"{value!r} is neither a number nor {_OFF!r}.", param, ctx)


@click.command("negatives")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--out", "-o", required=True, type=click.Path(dir_okay=False), help="JSONL to write.")
@click.option(
    "--miner",
    default=DEFAULT_MODEL,
    show_default=True,
    metavar="MODEL",
    help="Who ranks: a shipped model, a model folder, a hub id, all-MiniLM-L6-v2, st:FOLDER of a "
    "sentence-transformers model, or bm25.",
)
@device_options("miner")
@click.option("--top", default=100, show_default=True, type=count())
@click.option("--skip", default=5, show_default=True, type=count(0), help="Leave out the first.")
@click.option(
    "--max-score", default="0.8", show_default=True, type=_Limit(), help="Keep below, or `off`."
)
@click.option(
    "--max-share",
    default="0.95",
    show_default=True,
    type=_Limit(),
    help="Keep below this share of the positive's score, or `off`.",
)
@click.option("--keep", default=24, show_default=True, type=count())
@click.option(
    "--by",
    default="dataset,language",
    show_default=True,
    help="Search among rows equal in these; `none` searches all.",
)
@click.option("--min-corpus", default=200, show_default=True, type=count())
@click.option(
    "--header-share",
    default=0.5,
    show_default=True,
    type=Finite(0, 1),
    help="Share of negatives that carry their row's header.",
)
@click.option(
    "--ids",
    is_flag=True,
    help="Write each negative once, into OUT.documents, and its number into the rows.",
)
@click.option("--max-chars", default=2000, show_default=True, type=count(), help="Read so many.")
@click.option("--threads", default=0, type=click.IntRange(0, 1024), help="0 is all cores.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    files: tuple[str, ...],
    out: str,
    miner: str,
    by: str,
    ids: bool,
    max_chars: int,
    threads: int,
    as_json: bool,
    **rules: Any,
) -> None:
    """Add hard negatives to the rows of pair files.

    FILEs are .jsonl or .jsonl.gz, or folders of them. The documents of all rows are ranked for each
    query, within the row's dataset and language; of the nearest --top the first --skip are left
    out, then those that score as high as the positive, and --keep remain. Interrupted mining goes
    on when the same command is given again.

    \b
    c2llm mine negatives pairs.jsonl --out hard.jsonl
    c2llm mine negatives data/ --miner bm25 --out hard-bm25.jsonl
    c2llm mine negatives millions.jsonl --ids --out hard.jsonl
    c2llm mine negatives pairs.jsonl --max-score off --keep 7 --out hard.jsonl
    """
    with training_libraries("Mining negatives"):
        from c2llm.training.mining.hard_negatives import MiningRules, mine_negatives, pair_files
    rules["by"] = () if by == "none" else tuple(name.strip() for name in by.split(","))
    paths = pair_files(files)
    if Path(out).resolve() in [path.resolve() for path in paths]:
        raise UsageError(f"{out} is one of the files that are read; name another one with --out.")
    with stage_bars() as on_start:
        chosen = load_miner(miner, max_chars, threads)
        wanted = MiningRules(**rules)
        report = mine_negatives(paths, Path(out), chosen, wanted, ids=ids, on_start=on_start)
    note(
        f"{report.rows:,} rows with {report.negatives / report.rows:.1f} negatives on average "
        f"written to {out}; {report.rows_with_7 / report.rows:.0%} have at least 7, "
        f"{report.rows_with_none / report.rows:.0%} none"
    )
    if as_json:
        print_json(report.to_dict())


def load_miner(name: str, longest: int = 2000, threads: int = 0) -> Miner:
    """A miner by the name that the command line gives it."""
    from c2llm.training.mining.negative_scorers import BM25Miner, DenseMiner

    if name == "bm25":
        return BM25Miner()
    from c2llm.evaluation.systems.named_systems import is_peer, load_encoder

    if is_peer(name):
        return DenseMiner(load_encoder(name), longest)
    from c2llm.encoding.encoder import Encoder

    return DenseMiner(Encoder.load(name, threads=threads, long_texts="truncate"), longest)
