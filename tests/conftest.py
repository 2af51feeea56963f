"""What holds for every test: none asserts a time, and none reads what its user has set."""

from __future__ import annotations

import os

from hypothesis import settings

# Hypothesis' deadline would be a time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
os.environ["C2LLM_CONFIG"] = ""
