"""Every key of a recipe with its default and what it does, read from `config.py` itself."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass

from c2llm.training.run import recipe as config

SECTIONS = {
    "model": "ModelConfig",
    "tune": "TuneConfig",
    "data": "DataConfig",
    "data.sources[]": "SourceConfig",
    "loss": "LossConfig",
    "optim": "OptimConfig",
    "run": "RunConfig",
}


@dataclass(frozen=True)
class Key:
    """One key: where it stands, its default as written, and its sentence (may be empty)."""

    name: str
    default: str
    text: str


def keys() -> Iterator[Key]:
    """All keys, section by section, in the order in which they are declared."""
    tree = ast.parse(inspect.getsource(config))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for section, name in SECTIONS.items():
        body = classes[name].body
        for node, following in zip(body, [*body[1:], None], strict=True):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield Key(f"{section}.{node.target.id}", _default(node.value), _text(following))


def _default(value: ast.expr | None) -> str:
    written = ast.unparse(value) if value is not None else ""
    empty = {"field(default_factory=list)": "[]", "field(default_factory=dict)": "{}"}
    return empty.get(written, written).replace("'", "")


def _text(node: ast.stmt | None) -> str:
    """The string that stands below a field."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return " ".join(str(node.value.value).split())
    return ""
