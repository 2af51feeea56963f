"""Two versions of code compared: what is other in meaning, what in form, what only in looks.

Example:
    from pathlib import Path
    from c2llm.analysis.drift import compare_trees, open_tree

    report = compare_trees(open_tree("v1.2", Path(".")), open_tree(".", Path(".")))
    for function in report.functions:
        print(function.effect.name, function.path, function.name, function.reasons)
"""

from c2llm.analysis.changes.change import Change, Effect
from c2llm.analysis.changes.compare import changes_between
from c2llm.analysis.drift.comparison import compare_trees
from c2llm.analysis.drift.report import DriftReport, FunctionDrift, ValueChange
from c2llm.analysis.drift.request import DriftRequest
from c2llm.analysis.trees.opening import open_tree

__all__ = [
    "Change",
    "DriftReport",
    "DriftRequest",
    "Effect",
    "FunctionDrift",
    "ValueChange",
    "changes_between",
    "compare_trees",
    "open_tree",
]
