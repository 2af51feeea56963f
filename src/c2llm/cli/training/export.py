"""`c2llm export`: a trained folder to ONNX, checked against torch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from c2llm.cli.output import note, print_json, training_libraries
from c2llm.errors import UsageError


@click.command("export")
@click.argument("model", type=click.Path(file_okay=False))
@click.option("--out", type=click.Path(file_okay=False), help="Target folder; default: MODEL.")
@click.option(
    "--to",
    "target",
    type=click.Choice(["onnx", "table", "torch", "sentence-transformers"]),
    default="onnx",
    show_default=True,
    help="A graph for any model; a table for one over static token embeddings; back from either to "
    "weights that can be trained; or a checkpoint, such as a published one, to a folder that "
    "sentence-transformers opens and that can be pushed.",
)
@click.option("--int8", "precision", flag_value="int8", help="A quarter of the size, and faster.")
@click.option("--fp16", "precision", flag_value="fp16", help="Weights of half the size.")
@click.option("--int4", "precision", flag_value="int4", help="An eighth of the size, less near.")
@click.option(
    "--calibrate",
    "calibration",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="With --int8: a text like those to be embedded, beside the built-in ones; repeatable.",
)
@click.option(
    "--weight-bits",
    type=click.Choice(["7", "8"]),
    default="7",
    show_default=True,
    help="With --int8: 7 suits every CPU; 8 is a little nearer, and wrong on x86 without VNNI.",
)
@click.option("--license", "license_id", metavar="ID", help="For the card, such as apache-2.0.")
@click.option("--base-model", metavar="HUB-ID", help="For the card: what the model was made from.")
@click.option("--dataset", "datasets", multiple=True, metavar="HUB-ID", help="For the card.")
@click.option(
    "--scores",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="For the card: what `c2llm eval mteb --output` wrote.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    model: str,
    out: str | None,
    target: str,
    license_id: str | None,
    base_model: str | None,
    datasets: tuple[str, ...],
    scores: Path | None,
    precision: Literal["int8", "fp16", "int4"] | None,
    calibration: tuple[str, ...],
    weight_bits: str,
    as_json: bool,
) -> None:
    """Export a trained MODEL folder to ONNX or a table and check it against torch.

    \b
    c2llm export runs/mini/model --out models/c2llm-mini --int8
    c2llm export runs/mini/model --out my-model --int8 --calibrate src/app.py --calibrate README.md
    c2llm export runs/nano/model --out models/c2llm-nano --to table --int8
    c2llm export c2llm-mini --out mini-f32 --to torch
    c2llm export C2LLM-0.5B --out ours --to sentence-transformers

    The graph takes any batch and length; beside the vectors it gives the attention that made them
    and the token states, on request: whoever asks for the vectors alone pays nothing for them.
    """
    if precision in ("fp16", "int4") and target != "onnx":
        raise UsageError(f"--{precision} is for --to onnx.")
    if (precision != "int8" or target != "onnx") and (calibration or weight_bits != "7"):
        raise UsageError("--calibrate and --weight-bits are for --to onnx --int8.")
    told = (license_id, base_model, datasets, scores)
    if target != "sentence-transformers" and any(told):
        raise UsageError(
            "--license, --base-model, --dataset and --scores are for --to sentence-transformers."
        )
    with training_libraries("Exporting"):
        from c2llm.training.export.onnx_export import export_onnx
        from c2llm.training.export.table_export import export_table
    if target == "torch":
        _restore(model, out, precision is not None, as_json)
        return
    if target == "sentence-transformers":
        _convert(model, out, precision is not None, told, as_json)
        return
    if target == "table":
        report = export_table(Path(model), Path(out or model), int8=precision == "int8")
    else:
        report = export_onnx(
            Path(model),
            Path(out or model),
            precision=precision or "fp32",
            calibration=[
                Path(file).read_bytes().decode("utf-8", "replace") for file in calibration
            ],
            weight_bits=int(weight_bits),
        )
    note(
        f"{report.path}: {report.megabytes} MB, cosine with torch at least "
        f"{report.min_cosine:.4f}, mean {report.mean_cosine:.4f}"
    )
    if as_json:
        print_json(report.to_dict())


def _restore(model: str, out: str | None, rounded: bool, as_json: bool) -> None:
    from c2llm.encoding.model_folder import shipped_models
    from c2llm.training.export.restore import restore_folder

    if out is None or rounded:
        raise UsageError("--to torch writes float weights to another folder: name it with --out.")
    restored = restore_folder(shipped_models().get(model, Path(model)), Path(out))
    note(
        f"{restored.out}: {restored.tensors} tensors, cosine with its source at least "
        f"{restored.min_cosine:.4f}, mean {restored.mean_cosine:.4f}"
    )
    if as_json:
        print_json(restored.to_dict())


def _convert(
    model: str,
    out: str | None,
    rounded: bool,
    told: tuple[str | None, str | None, tuple[str, ...], Path | None],
    as_json: bool,
) -> None:
    from c2llm.evaluation.mteb.card import read_card
    from c2llm.evaluation.mteb.kept_scores import kept_scores
    from c2llm.modeling.model_card import CardFacts
    from c2llm.training.export.hub_folder import convert_folder

    if out is None or rounded:
        raise UsageError(
            "--to sentence-transformers writes weights as they are to another folder: name it with "
            "--out."
        )
    license_id, base_model, datasets, scores = told
    before = read_card(Path(model))
    facts = CardFacts(
        license=license_id or before.license,
        base_model=base_model or before.base_model,
        datasets=datasets or tuple(sorted(before.datasets or ())),
        scores=kept_scores(scores) if scores else (),
    )
    converted = convert_folder(Path(model), Path(out), facts)
    note(
        f"{converted.out}: {converted.tensors} tensors, {converted.gigabytes} GB; "
        f"`hf upload OWNER/NAME {converted.out}` pushes it"
    )
    if converted.license is None:
        note("the card names no licence: give --license, or write one into README.md")
    if as_json:
        print_json(converted.to_dict())
