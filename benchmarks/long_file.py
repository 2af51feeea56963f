"""One vector for a very long file: tokens, seconds and peak memory beside a file of 1,000 lines.

    python benchmarks/long_file.py MODEL [--lines 100000] [--threads 2]

MODEL is a shipped name or a folder whose graph gives token states (an export of today). The file is
made here: functions of four lines with names of their own. Each file is encoded whole by a process
of its own. `resting` is resident memory with the model loaded and the text in hand, `peak` the
highest from there to the end, which windows keep from growing with the file. Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

BASELINE_LINES = 1_000
VERBS = ("load", "parse", "merge", "retry", "close", "index", "count", "split")
NOUNS = ("config", "session", "token", "window", "record", "buffer", "query", "cache")


def make_text(lines: int) -> str:
    """Python of `lines` lines: functions of three lines and an empty one."""
    functions = []
    for number in range(-(-lines // 4)):
        verb, noun = VERBS[number % 8], NOUNS[number // 8 % 8]
        functions.append(
            f"def {verb}_{noun}_{number}(path, limit={number % 97}):\n"
            f"    {noun} = open_{noun}(path)\n"
            f"    return [item for item in {noun}.{verb}() if item.size < limit]\n\n"
        )
    return "".join("".join(functions).splitlines(keepends=True)[:lines])


def worker(options: argparse.Namespace) -> None:
    """Encode one file and print what it took."""
    from c2llm import Encoder

    encoder = Encoder.load(options.model, threads=options.threads, long_texts="window")
    text = make_text(options.lines)
    encoder.encode_documents(["warm up"])
    resting = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    start = time.perf_counter()
    encoder.encode_documents([text])
    seconds = time.perf_counter() - start
    top = resident("VmHWM")
    # Counted afterwards, by pieces of whole lines, for the report alone.
    tokens = sum(len(t) for t in encoder._tokenizer.stream(text, encoder.folder.document_prompt))
    print(json.dumps({"tokens": tokens, "seconds": seconds, "resting": resting, "peak": top}))


def resident(field: str) -> int:
    """A field of this process' memory in bytes: VmRSS now, VmHWM at its highest."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {field}; this benchmark needs Linux.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options)
        return
    print("| lines | tokens | seconds | tokens/s | resting MiB | peak MiB | above resting |")
    print("|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    for lines in (BASELINE_LINES, options.lines):
        command = [sys.executable, __file__, options.model, "--lines", str(lines), "--worker"]
        run = subprocess.run(
            [*command, "--threads", str(options.threads)],
            check=True,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": str(options.threads)},
        )
        found = json.loads(run.stdout)
        resting, top = (found[name] / (1 << 20) for name in ("resting", "peak"))
        print(
            f"| {lines:,} | {found['tokens']:,} | {found['seconds']:.1f} "
            f"| {found['tokens'] / found['seconds']:,.0f} | {resting:,.0f} | {top:,.0f} "
            f"| {top - resting:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
