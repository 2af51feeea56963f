"""`import c2llm` makes the model type known to transformers, at no cost to those who never load it.

transformers learns of a model type by `AutoConfig.register` and `AutoModel.register`, which need
torch and take seconds to import. So registration waits for the module whose classes it extends:
where transformers' auto classes are loaded already it is done at once, and otherwise right after
they have been loaded, whoever imports them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:  # at run time it brings a fifth of the standard library along
    from importlib.abc import Loader

AUTO_CLASSES = "transformers.models.auto.modeling_auto"
OUR_MODEL = "c2llm.modeling.model"


def register() -> None:
    """Make the model type known now or when the auto classes are imported."""
    if AUTO_CLASSES in sys.modules:
        _import_model()
    elif not any(isinstance(finder, AfterAutoClasses) for finder in sys.meta_path):
        sys.meta_path.insert(0, AfterAutoClasses())


class AfterAutoClasses:
    """Finds the auto classes as anyone would, and imports our model once they have run."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of the auto classes with a loader that registers; None for all else."""
        if fullname != AUTO_CLASSES:
            return None
        sys.meta_path.remove(self)  # this happens once
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = cast("Loader", _ThenRegister(spec.loader))
        return spec


class _ThenRegister:
    """A loader as `importlib.abc.Loader` describes it."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _import_model()


def _import_model() -> None:
    """Import the module that registers; without torch there is nothing to be made known."""
    if OUR_MODEL in sys.modules:
        return
    try:
        import_module(OUR_MODEL)
    except ImportError:
        return
