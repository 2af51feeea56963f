"""What holds for every test: none asserts a time, and Hypothesis' deadline would be such a one."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
