"""The process that reads the rest of a large tree."""

from __future__ import annotations

import subprocess
import sys

import pytest

ENDS_WITH = """
import sys
from c2llm.index.build.background_reading import _end_with
_end_with(int(sys.argv[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="asks for a process by a signal")
def test_reading_ends_with_the_process_that_it_is_done_for() -> None:
    owner = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    reader = subprocess.Popen([sys.executable, "-c", ENDS_WITH, str(owner.pid)])
    owner.kill()
    owner.wait()
    assert reader.wait(60) == 0
