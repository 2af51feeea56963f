"""The one place that imports onnxruntime, which reports about its use unless it is told not to.

It collects by default (a device identifier, a database under the user's cache, connections after
some seconds) and reads its switch once, when it is imported.
"""

from __future__ import annotations

from typing import Any

from c2llm.privacy import report_nothing


def onnx_runtime() -> Any:
    """The module onnxruntime, imported with its reports switched off."""
    report_nothing()
    import onnxruntime

    return onnxruntime
