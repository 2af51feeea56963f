"""The grid of measurements: each in its own process, each kept as soon as it is there."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from c2llm.cores import core_count
from c2llm.errors import C2LLMError, ModelError, UsageError
from c2llm.evaluation.kept import file_name, load_kept, save_kept
from c2llm.evaluation.profiling.ceiling import Ceiling
from c2llm.evaluation.profiling.cell import META, RANDOM, Cell, Measurement
from c2llm.evaluation.profiling.counts import Counts, count, parameter_count
from c2llm.evaluation.profiling.shape import SHAPE_PREFIX, Shape, named_shape, shape_of
from c2llm.evaluation.provenance import hash_source, short_hash
from c2llm.index.build.cut_pool import worker_command, worker_environment

FORMAT = 1
# Of the machine's memory; above it a measurement would make the machine swap, or be killed.
_SHARE_OF_MEMORY = 0.7
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Subject:
    """A model and what can be said of it before it runs."""

    spec: str
    name: str
    fingerprint: str
    engines: tuple[str, ...]
    max_tokens: int
    shape: Shape | None
    file_bytes: dict[str, int]
    """Size of each engine's weights on disk."""


@dataclass(frozen=True)
class CellResult:
    """A measurement, or why there is none."""

    cell: Cell
    measurement: Measurement | None
    error: str
    counts: Counts | None


def find_subject(spec: str, engines: Sequence[str] = ()) -> Subject:
    """A model by name or folder, or sizes by `shape:NAME`.

    Args:
        spec: what the user named.
        engines: those to measure; all that the model has by default.

    Raises:
        UsageError: for an unknown model or engine.
        ModelError: for a damaged folder, or an engine that it does not have.
    """
    if spec.startswith(SHAPE_PREFIX):
        shape = named_shape(spec)
        here = (RANDOM, META)
        chosen = tuple(engines) or (_default_engine(shape),)
        if unknown := [engine for engine in chosen if engine not in here]:
            raise UsageError(f"{spec} has the engines {', '.join(here)}, not {unknown[0]!r}.")
        return Subject(spec, shape.name, spec, chosen, 32768, shape, {})
    from c2llm.encoding.model_folder import ENGINE_FILES, open_folder
    from c2llm.modeling.official import convert_config, is_official

    folder = open_folder(spec)
    found = {}
    for engine in engines or ENGINE_FILES:
        try:
            found[engine] = open_folder(spec, engine)
        except ModelError:
            if engines:
                raise
    fields = json.loads((folder.path / "config.json").read_text(encoding="utf-8"))
    return Subject(
        spec=spec,
        name=folder.name,
        fingerprint=" ".join(each.fingerprint(engine) for engine, each in found.items()),
        engines=tuple(found),
        max_tokens=folder.max_tokens,
        shape=shape_of(folder.name, convert_config(fields) if is_official(fields) else fields),
        file_bytes={engine: _weights_size(folder.path, engine) for engine in found},
    )


def grid(
    subject: Subject,
    batches: Sequence[int],
    lengths: Sequence[int],
    *,
    threads: int,
    dtype: str,
    seconds: float,
) -> list[Cell]:
    """The cells of a subject, engine by engine; lengths it cannot read in one run are left out."""
    return [
        Cell(subject.spec, engine, batch, length, threads, dtype, seconds)
        for engine in subject.engines
        for length in lengths
        if length <= subject.max_tokens
        for batch in batches
    ]


def run_grid(
    subject: Subject, cells: Sequence[Cell], folder: Path | None = None
) -> Iterator[CellResult]:
    """Measure what is not kept in `folder`; each result is kept before the next is begun.

    Raises:
        DataError: if a kept result is damaged or cannot be written.
    """
    for cell in cells:
        counts = _counts(subject, cell)
        path = folder / "profile" / _cell_name(subject, cell) if folder else None
        kept = load_kept(path, FORMAT) if path else None
        if kept is None:
            kept = _measured(subject, cell)
            if path and kept["measurement"]:
                save_kept(path, FORMAT, kept)
        fields = kept["measurement"]
        if fields is None:
            yield CellResult(cell, None, kept["error"], counts)
        else:
            fields = {**fields, "latencies_ms": tuple(fields["latencies_ms"])}
            yield CellResult(cell, Measurement(**fields), "", counts)


def measure_machine(threads: int, *, with_torch: bool) -> Ceiling:
    """The ceiling of the machine, in a process of its own.

    Raises:
        C2LLMError: if it cannot be measured.
    """
    answer = _ask({"what": "ceiling", "with_torch": with_torch}, threads)
    if "error" in answer:
        raise C2LLMError(f"The machine's speed cannot be measured: {answer['error']}")
    return Ceiling(**answer["ok"])


def machine() -> dict[str, Any]:
    """What ran it: processor, cores, memory, system, Python."""
    return {
        "processor": _processor(),
        "cores": core_count(),
        "memory_bytes": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _measured(subject: Subject, cell: Cell) -> dict[str, Any]:
    if too_large := _too_large(subject, cell):
        return {"measurement": None, "error": too_large}
    answer = _ask({"what": "cell", **asdict(cell)}, cell.threads)
    return {"measurement": answer.get("ok"), "error": answer.get("error", "")}


def _ask(job: dict[str, Any], threads: int) -> dict[str, Any]:
    """Run one job in a fresh interpreter."""
    environment = worker_environment()
    if threads:
        environment.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    else:
        for variable in _THREAD_VARIABLES:
            environment.pop(variable, None)
    environment["TRANSFORMERS_VERBOSITY"] = "error"
    done = subprocess.run(
        worker_command("c2llm.evaluation.profiling"),
        input=json.dumps(job),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode < 0:
        return {"error": f"The process was killed by signal {-done.returncode}; is memory short?"}
    try:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError, RecursionError):
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        return {"error": f"The process failed ({last[0][:200]})."}
    return answer


def _too_large(subject: Subject, cell: Cell) -> str:
    """Why a cell is not tried, or ""."""
    memory = _memory()
    if cell.engine != RANDOM or subject.shape is None or not memory:
        return ""
    counts = count(subject.shape, cell.batch, cell.length, _width(cell))
    needed = counts.weight_bytes + counts.peak_activation_bytes
    if needed <= _SHARE_OF_MEMORY * memory:
        return ""
    return (
        f"{subject.name} needs {needed / 1e9:.1f} GB in {cell.dtype}, this machine has "
        f"{memory / 1e9:.1f}; use --engine {META}."
    )


def _counts(subject: Subject, cell: Cell) -> Counts | None:
    # A table is looked up, not multiplied: the count of the network says nothing about it.
    if subject.shape is None or cell.engine == "table":
        return None
    return count(subject.shape, cell.batch, cell.length, _width(cell))


def _width(cell: Cell) -> int:
    return 2 if cell.dtype == "bfloat16" and cell.engine in (RANDOM, META) else 4


def _default_engine(shape: Shape) -> str:
    """Random weights where they fit with ease, else counts alone."""
    return RANDOM if 4 * parameter_count(shape) <= _SHARE_OF_MEMORY * _memory() / 2 else META


def _cell_name(subject: Subject, cell: Cell) -> str:
    made_by = short_hash(
        f"{subject.fingerprint} {machine()} {cell.seconds} {cell.dtype} "
        + hash_source("c2llm.encoding", "c2llm.modeling", "c2llm.evaluation.profiling.cell")
    )
    sizes = f"b{cell.batch}", f"l{cell.length}", f"t{cell.threads}"
    return file_name(subject.name, cell.engine, *sizes, made_by)


def _weights_size(folder: Path, engine: str) -> int:
    from c2llm.encoding.model_folder import ENGINE_FILES
    from c2llm.modeling.weight_files import weight_files

    files = weight_files(folder) if engine == "torch" else [folder / ENGINE_FILES[engine]]
    return sum(path.stat().st_size for path in files)


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
