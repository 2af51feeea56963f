"""A measurement's own process: one JSON job on stdin, one JSON answer on stdout."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from c2llm.errors import C2LLMError


def main() -> None:
    """Answer `{"ok": …}`, or `{"error": sentence}` for what the user can act on."""
    job = json.load(sys.stdin)
    answer: dict[str, object]
    try:
        if job.pop("what") == "ceiling":
            from c2llm.evaluation.profiling.ceiling import measure_ceiling

            answer = {"ok": asdict(measure_ceiling(**job))}
        else:
            from c2llm.evaluation.profiling.cell import Cell, measure

            answer = {"ok": asdict(measure(Cell(**job)))}
    except C2LLMError as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": "There is not enough memory for this batch."}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
