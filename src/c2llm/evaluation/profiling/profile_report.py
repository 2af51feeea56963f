"""Measurements as one object for machines and as Markdown for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from c2llm.evaluation.profiling.ceiling import Ceiling
from c2llm.evaluation.profiling.counts import count, parameter_count
from c2llm.evaluation.profiling.profile_run import CellResult, Subject
from c2llm.evaluation.tables import markdown_table

MEGA, GIGA = 1e6, 1e9


def profile_report(
    subjects: Sequence[tuple[Subject, Sequence[CellResult]]],
    ceiling: Ceiling,
    machine: dict[str, Any],
    *,
    complete: bool = True,
) -> dict[str, Any]:
    """A JSON-ready object: `machine`, `ceiling`, `complete`, and `models` with their `cells`."""
    return {
        "machine": machine,
        "ceiling": asdict(ceiling),
        "complete": complete,
        "models": [_model(subject, results, ceiling) for subject, results in subjects],
    }


def _model(subject: Subject, results: Sequence[CellResult], ceiling: Ceiling) -> dict[str, Any]:
    shape = subject.shape
    return {
        "model": subject.name,
        "spec": subject.spec,
        "fingerprint": subject.fingerprint,
        "max_tokens": subject.max_tokens,
        "parameters": parameter_count(shape) if shape else None,
        "weight_file_bytes": subject.file_bytes,
        "pooling_share": _pooling_share(subject),
        "cells": [_cell(result, ceiling) for result in results],
    }


def _pooling_share(subject: Subject) -> float | None:
    """PMA's part of all operations, one text of 512 tokens (or of the longest)."""
    if subject.shape is None:
        return None
    counts = count(subject.shape, 1, min(512, subject.max_tokens))
    return counts.pooling_flops / counts.flops


def _cell(result: CellResult, ceiling: Ceiling) -> dict[str, Any]:
    cell, measured, counts = result.cell, result.measurement, result.counts
    entry: dict[str, Any] = {
        "engine": cell.engine,
        "batch": cell.batch,
        "length": cell.length,
        "threads": cell.threads,
        "dtype": cell.dtype,
        "error": result.error,
        "counts": None if counts is None else asdict(counts),
    }
    half = cell.dtype == "bfloat16" and ceiling.bf16_flops_per_second
    peak = ceiling.bf16_flops_per_second if half else ceiling.flops_per_second
    assert peak is not None
    if counts is not None:
        entry["flops_per_byte"] = counts.intensity()
        entry["least_ms"] = counts.least_seconds(peak, ceiling.bytes_per_second) * 1000
    if measured is None:
        return entry
    entry |= {
        "load_seconds": measured.load_seconds,
        "first_ms": measured.first_ms,
        "start_bytes": measured.start_bytes,
        "loaded_bytes": measured.loaded_bytes,
        "peak_bytes": measured.peak_bytes,
        "counted_by_torch": measured.counted_flops,
        "runs": len(measured.latencies_ms),
    }
    if measured.latencies_ms:
        p50, p99 = np.percentile(measured.latencies_ms, [50, 99])
        entry |= {
            "p50_ms": float(p50),
            "p99_ms": float(p99),
            "tokens_per_second": cell.batch * cell.length / (float(p50) / 1000),
        }
        if counts is not None:
            entry["flops_per_second"] = counts.flops / (float(p50) / 1000)
            entry["of_ceiling"] = entry["flops_per_second"] / peak
    return entry


def profile_markdown(report: dict[str, Any]) -> str:
    """The object of `profile_report` as Markdown."""
    sections = [_machine_line(report)]
    for model in report["models"]:
        sections.append(_model_line(model))
        sections.append(_measured_table(model["cells"]))
        sections.append(_counted_table(model["cells"]))
    notes = dict.fromkeys(
        cell["error"] for model in report["models"] for cell in model["cells"] if cell["error"]
    )
    sections += [f"Not measured: {note}" for note in notes]
    if not report["complete"]:
        sections.append("Interrupted: what is not in the tables has not been measured.")
    return "\n\n".join(section for section in sections if section) + "\n"


def _machine_line(report: dict[str, Any]) -> str:
    machine, ceiling = report["machine"], report["ceiling"]
    bf16 = ceiling["bf16_flops_per_second"]
    half = f", bf16 {bf16 / GIGA:.0f} GFLOP/s" if bf16 else ""
    return (
        f"{machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_bytes'] / GIGA:.0f} GB, Python {machine['python']}. "
        f"Measured ceiling: fp32 {ceiling['flops_per_second'] / GIGA:.0f} GFLOP/s{half}, "
        f"copying {ceiling['bytes_per_second'] / GIGA:.1f} GB/s. "
        "An int8 graph can pass the ceiling of fp32."
    )


def _model_line(model: dict[str, Any]) -> str:
    parts = [f"**{model['model']}**"]
    if model["parameters"]:
        parts.append(f"{model['parameters'] / MEGA:.1f} M parameters")
    parts += [
        f"{engine} {size / MEGA:.1f} MB on disk"
        for engine, size in model["weight_file_bytes"].items()
    ]
    if model["pooling_share"] is not None:
        parts.append(f"PMA is {100 * model['pooling_share']:.2f} % of the operations")
    return ", ".join(parts) + "."


def _measured_table(cells: Sequence[dict[str, Any]]) -> str:
    header = ["engine", "batch", "tokens", "p50 ms", "p99 ms", "tokens/s", "GFLOP/s"]
    header += ["of ceiling", "load s", "loaded MB", "peak MB", "runs"]
    rows = [
        [
            cell["engine"],
            str(cell["batch"]),
            str(cell["length"]),
            f"{cell['p50_ms']:.1f}",
            f"{cell['p99_ms']:.1f}",
            f"{cell['tokens_per_second']:,.0f}",
            f"{cell['flops_per_second'] / GIGA:.1f}" if "flops_per_second" in cell else "",
            f"{100 * cell['of_ceiling']:.0f} %" if "of_ceiling" in cell else "",
            f"{cell['load_seconds']:.2f}",
            f"{cell['loaded_bytes'] / MEGA:,.0f}",
            f"{cell['peak_bytes'] / MEGA:,.0f}",
            str(cell["runs"]),
        ]
        for cell in cells
        if "p50_ms" in cell
    ]
    return markdown_table(header, rows) if rows else ""


def _counted_table(cells: Sequence[dict[str, Any]]) -> str:
    header = ["counted", "batch", "tokens", "GFLOP", "of it L²", "weights MB", "activations MB"]
    header += ["moved MB", "FLOP/byte", "at least ms", "KV kept MB", "a generator's KV MB"]
    header += ["torch counts"]
    rows = []
    seen = set()
    for cell in cells:
        counts = cell["counts"]
        key = cell["dtype"] if cell["engine"] == "onnx" else cell["engine"]
        if counts is None or (key, cell["batch"], cell["length"]) in seen:
            continue
        seen.add((key, cell["batch"], cell["length"]))
        by_torch = cell.get("counted_by_torch")
        rows.append(
            [
                cell["dtype"] if cell["engine"] in ("torch-random", "meta") else "float32",
                str(cell["batch"]),
                str(cell["length"]),
                f"{counts['flops'] / GIGA:,.2f}",
                f"{100 * counts['attention_flops'] / counts['flops']:.0f} %",
                f"{counts['weight_bytes'] / MEGA:,.0f}",
                f"{counts['peak_activation_bytes'] / MEGA:,.1f}",
                f"{counts['moved_bytes'] / MEGA:,.0f}",
                f"{cell['flops_per_byte']:.0f}",
                f"{cell['least_ms']:,.1f}",
                "0",
                f"{counts['generator_cache_bytes'] / MEGA:,.1f}",
                _agreement(by_torch, counts["flops"]),
            ]
        )
    return markdown_table(header, rows) if rows else ""


def _agreement(by_torch: int | None, counted: int) -> str:
    if by_torch is None:
        return ""
    return "the same" if by_torch == counted else f"{by_torch / GIGA:,.2f}"
