"""Histories of many commits, made by one call of git."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.codebase.revisions.test_uncommitted import git

DAY = 86_400
MONDAY = 1_699_866_000
"""9 o'clock on a Monday in UTC."""


@dataclass(frozen=True)
class Step:
    """One commit: what files become; None removes one, a pair `(old, text)` renames."""

    files: Mapping[str, str | bytes | None]
    subject: str = "step"
    name: str = "Ada"
    email: str = "ada@example.org"
    when: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """New paths by old ones."""


def history(root: Path, steps: Sequence[Step]) -> list[str]:
    """A repository with these commits, the last one checked out; their ids from the first on."""
    if not (root / ".git").exists():
        root.mkdir(parents=True, exist_ok=True)
        git(root, "init", "-q", "-b", "main")
    said: list[bytes] = []
    for number, step in enumerate(steps):
        when = step.when or f"{MONDAY + number * DAY} +0000"
        who = f"{step.name} <{step.email}> {when}".encode()
        subject = step.subject.encode()
        said.append(b"commit refs/heads/main\nauthor %s\ncommitter %s\n" % (who, who))
        said.append(b"data %d\n%s\n" % (len(subject), subject))
        for old, new in step.renamed.items():
            said.append(f'R "{old}" "{new}"\n'.encode())
        for path, text in step.files.items():
            quoted = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            if text is None:
                said.append(f'D "{quoted}"\n'.encode())
                continue
            content = text.encode() if isinstance(text, str) else text
            said.append(f'M 100644 inline "{quoted}"\n'.encode("utf-8", "surrogateescape"))
            said.append(b"data %d\n%s\n" % (len(content), content))
    subprocess.run(
        [
            "git",
            "-C",
            str(root),
            "fast-import",
            "--quiet",
            "--force",
            "--date-format=raw-permissive",
        ],
        input=b"".join(said),
        check=True,
        capture_output=True,
    )
    git(root, "reset", "-q", "--hard", "main")
    return git(root, "rev-list", "--reverse", "HEAD").split()


def shop(number: int, *, check: bool = True, sign: str = "+", more: str = "") -> str:
    """A file that gets a new function in each version."""
    limit = "    if amount > LIMIT:\n        raise ValueError(amount)\n" if check else ""
    functions = "".join(
        f"def item_{one}(price):\n    total = price {'+' if one else sign} {one}\n"
        f"    log_price(total)\n    return total\n\n\n"
        for one in range(number)
    )
    return (
        f"LIMIT = 10\n\n\ndef place_order(amount, price):\n{limit}    audit(amount)\n"
        f"    return amount * price\n\n\n{functions}{more}"
    )
