"""Nothing leaves the machine: what libraries report about their use is switched off.

Each reads its switch when it is imported, so that this is done when `c2llm` is, before any of them.
A variable that the user has set stays as it is.
"""

from __future__ import annotations

import os

SWITCHES = {
    # A device identifier, a database under the user's cache, and connections after some seconds.
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime
    # Names of libraries and of the task in what is sent with a download.
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub, transformers, datasets
    # A thread that asks the hub to convert the weights of a folder that has no safetensors.
    "DISABLE_SAFETENSORS_CONVERSION": "1",  # transformers
    # What a cluster runs, reported once an hour.
    "RAY_USAGE_STATS_ENABLED": "0",  # ray
    # An agreement between tools (donottrack.sh).
    "DO_NOT_TRACK": "1",
}
"""Environment variables by which libraries are told to report nothing."""


def report_nothing() -> None:
    """Set the switches that the user has not set."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
