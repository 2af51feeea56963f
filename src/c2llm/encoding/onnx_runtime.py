"""The one place that imports onnxruntime, which reports about its use unless it is told not to.

It collects by default (a device identifier, a database under the user's cache, connections after
some seconds) and reads its switch once, when it is imported.
"""

from __future__ import annotations

import os
from typing import Any


def onnx_runtime() -> Any:
    """The module onnxruntime, imported with its reports switched off."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime
