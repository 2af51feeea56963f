"""Run the ablation of recipes/ablation cell by cell, and write its tables and plots.

python benchmarks/ablation.py --data DATA --out runs/ablation                 # what is missing
python benchmarks/ablation.py --data DATA --out runs/ablation --budget 2100   # for 35 minutes
python benchmarks/ablation.py --data DATA --out runs/ablation --report docs   # docs/ablation.md
python benchmarks/ablation.py --data DATA --out runs/big layers=null optim.steps=2000

python benchmarks/ablation.py --recipes recipes/ablation-llm --data DATA --out runs/llm --states
                              # of a causal language model: all frozen states, before the cells

DATA holds the files that recipes/ablation/base.yaml names. A run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from c2llm.cli.output import quiet_libraries
from c2llm.errors import C2LLMError

RECIPES = Path(__file__).resolve().parents[1] / "recipes" / "ablation"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipes", type=Path, default=RECIPES)
    parser.add_argument("--budget", type=float, help="seconds")
    parser.add_argument("--only", help="names of tables, with commas between")
    parser.add_argument(
        "--report", type=Path, help="write ablation.md and plots there, run nothing"
    )
    parser.add_argument(
        "--states", action="store_true", help="compute the frozen states of all cells, run nothing"
    )
    parser.add_argument("overrides", nargs="*", help="key=value for base.yaml")
    options = parser.parse_args()
    quiet_libraries()
    import torch
    from ablation_study import Ablation, read_study

    torch.set_num_threads(max(1, torch.get_num_threads() // 2))
    study = read_study(options.recipes, options.data, options.overrides)
    options.out.mkdir(parents=True, exist_ok=True)
    ablation = Ablation(study, options.out, note)
    if options.report:
        from ablation_report import write_report

        note(f"written: {write_report(ablation, options.report)}")
        return
    if options.states:
        ablation.compute_states()
        return
    cells = study.in_order()
    only = options.only.split(",") if options.only else []
    done = sum(ablation.result(cell) is not None for cell in cells)
    note(f"{done} of {len(cells)} cells are there")
    for result in ablation.run(budget=options.budget, only=only):
        means = ", ".join(
            f"{name} {sum(values) / len(values):.3f}"
            for name, values in result.ndcg.items()
            if "@" not in name
        )
        note(f"{result.table}: {result.cell}, seed {result.seed}: {means} ({result.seconds} s)")


def note(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    try:
        main()
    except C2LLMError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit("Interrupted; the same command goes on from here.")
