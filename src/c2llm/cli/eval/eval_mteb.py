"""`c2llm eval mteb`: MTEB(Code, v1) on the leaderboard's own terms, or from local copies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from c2llm.cli.eval.eval_output import check_output, emit, names
from c2llm.cli.numbers import count
from c2llm.cli.options.devices import take_devices
from c2llm.cli.output import note, progress_bar, quiet_libraries


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--model",
    "models",
    multiple=True,
    required=True,
    help="A c2llm model (shipped name, folder or hub id), all-MiniLM-L6-v2, st:FOLDER "
    "(sentence-transformers) or openai:URL#NAME (embeddings endpoint). Repeat to compare.",
)
@click.option("--tasks", multiple=True, help="Tasks, with commas between; all twelve by default.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Local copies of the data sets (DIR/CoIR-Retrieval/cosqa and so on): no network.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Results in mteb's layout; a second run goes on from them.",
)
@click.option(
    "--instructions",
    type=click.Choice(["auto", "official", "model"]),
    default="auto",
    show_default=True,
    help="official: the twelve published task instructions; model: its own prompts everywhere; "
    "auto: the twelve for the published checkpoints.",
)
@click.option(
    "--dl-prompt",
    type=click.Choice(["mteb", "paper"]),
    default="mteb",
    show_default=True,
    help="Instruction of CodeTransOceanDL: mteb's asks for C++, the paper's for the same code.",
)
@click.option("--max-tokens", type=count(), help="Cut texts here; by default the model's.")
@click.option(
    "--long-texts",
    type=click.Choice(["window", "truncate"]),
    help="Longer texts: read in windows, or cut. By default cut for the published checkpoints, as "
    "their scores were made, and what the model does otherwise.",
)
@click.option(
    "--device", help="Of the torch engine: cpu, cuda, cuda:1, cuda:* or auto.  [default: cpu]"
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    help="Of the torch engine; by default float32 on the CPU, the checkpoint's own elsewhere.",
)
@click.option("--batch-tokens", type=count(), help="Padded tokens of one batch.")
@click.option("--beside", multiple=True, help="Published models to stand beside, commas between.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    models: tuple[str, ...],
    tasks: tuple[str, ...],
    data: Path | None,
    output: Path,
    beside: tuple[str, ...],
    as_json: bool,
    **settings: Any,
) -> None:
    """Score models on MTEB(Code, v1), beside the published scores.

    The twelve tasks: AppsRetrieval, CodeEditSearchRetrieval, CodeFeedbackMT, CodeFeedbackST,
    CodeSearchNetCCRetrieval, CodeSearchNetRetrieval, CodeTransOceanContest, CodeTransOceanDL,
    COIRCodeSearchNetRetrieval, CosQA, StackOverflowQA, SyntheticText2SQL.

    \b
    One task, with the shipped model:
      c2llm eval mteb --model c2llm-mini --tasks CosQA --output results
    All twelve from local copies, nothing downloaded:
      c2llm eval mteb --model c2llm-mini --data DATASETS --output results
    A published checkpoint as the leaderboard ran it:
      c2llm eval mteb --model codefuse-ai/C2LLM-0.5B --device cuda --output results
    """
    take_devices(models, settings["device"], settings["dtype"])
    from c2llm.evaluation.mteb.mteb_report import mteb_markdown, mteb_report
    from c2llm.evaluation.mteb.mteb_run import MtebScore, run_mteb
    from c2llm.evaluation.mteb.mteb_tasks import benchmark_tasks
    from c2llm.evaluation.mteb.published import COMPARED, published_scores
    from c2llm.evaluation.mteb.setup import MtebSettings, build_model

    columns = tuple(names(beside)) or COMPARED
    for name in columns:
        published_scores().named(name)  # a misspelt name must not wait for the scores
    check_output(output)
    quiet_libraries()
    results: dict[str, list[MtebScore]] = {}
    for spec in dict.fromkeys(models):
        label, model = build_model(spec, MtebSettings(**settings), progress_bar, output / "vectors")
        if label in results:  # two folders of one name
            label = f"{label}@{model.mteb_model_meta.revision[-6:]}"
        results[label] = []
        for score in run_mteb(model, benchmark_tasks(names(tasks)), output, data=data):
            results[label].append(score)
            how = "kept" if score.kept else f"{score.seconds:.1f} s"
            note(f"{score.task}: {label} NDCG@10 {100 * score.score:.2f} ({how})")
    emit("mteb", mteb_report(results, columns), mteb_markdown, output, as_json)
