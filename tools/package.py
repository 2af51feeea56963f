"""Build what is released, and look at it as a user would have it.

    python tools/package.py                          # what `make package` runs
    python tools/package.py --python python3.13      # try one Python alone; may be given often

In `dist/`: wheel and sdist, `sbom.cdx.json` (CycloneDX: every part of a fresh install) and
`licenses.md`. It ends with exit code 1 if a check fails:

- `twine check --strict`, `check-wheel-contents`, and both files under the limit of size;
- the wheel has the shipped models and nothing of the tests; that made from the sdist is the same;
- in a fresh environment of each Python, with nothing of this one, the wheel installs, brings no
  torch, answers a question about this repository and embeds a text;
- no part has a licence that Apache-2.0 cannot be combined with, or none.

Known vulnerabilities are asked of a service; one that is not reached fails nothing, and is named.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
DIST = TOP / "dist"
PYTHONS = ("python3.11", "python3.12", "python3.13", "python3.14")
MOST_BYTES = 60_000_000
"""A package index takes 100 MB of a file."""
CARRIED = (
    "c2llm/models/c2llm-nano/table.npz",
    "c2llm/models/c2llm-mini/model.onnx",
    "c2llm/models/lexicon/words.tsv",
    "c2llm/py.typed",
)
QUESTION = "how are attention weights pooled into one vector"
REFUSED = ("GPL", "AGPL", "SSPL", "UNKNOWN", "Proprietary")
"""In the name of a licence; LGPL and MPL leave what uses them as it is."""


class CheckFailed(Exception):
    """What was built is not to be released."""


def say(line: str) -> None:
    """Tell how far it has come."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def tool(*arguments: str) -> str:
    """Run a module of this environment in the project; its output."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=TOP, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    if done.returncode:
        raise CheckFailed(f"{' '.join(arguments)}\n{done.stdout}{done.stderr}")
    return done.stdout


def build() -> tuple[Path, Path]:
    """The wheel and the sdist; the wheel is made from the sdist, so that this one is whole."""
    shutil.rmtree(DIST, ignore_errors=True)
    tool("build", "--outdir", str(DIST))
    [wheel], [sdist] = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    return wheel, sdist


def check_files(wheel: Path, sdist: Path) -> None:
    """What is in them, and how large they are."""
    tool("twine", "check", "--strict", str(wheel), str(sdist))
    tool("check_wheel_contents", str(wheel))
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    if missing := [name for name in CARRIED if name not in names]:
        raise CheckFailed(f"the wheel lacks {missing}")
    if strange := [name for name in names if not name.startswith(("c2llm/", "c2llm-"))]:
        raise CheckFailed(f"the wheel has {strange[:5]}")
    for path in (wheel, sdist):
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise CheckFailed(f"{path.name} has {size / 1e6:.0f} MB")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        say(f"{path.name}: {size / 1e6:.1f} MB, sha256 {digest}")


def pythons(named: Sequence[str]) -> Iterator[str]:
    """Those that are asked for, or those of the supported ones that this machine has."""
    for name in named or PYTHONS:
        found = shutil.which(name)
        works = found and not subprocess.run([found, "-c", ""], capture_output=True).returncode
        if works and found:
            yield found
        elif named:
            raise CheckFailed(f"there is no {name}")
        else:
            say(f"{name}: not on this machine, not tried")


def try_out(python: str, wheel: Path, folder: Path) -> Path:
    """Install the wheel with a Python, and use it from elsewhere; the Python of the environment."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    } | {"C2LLM_HOME": str(folder / "home")}

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise CheckFailed(f"{python}: {' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout

    run(python, "-m", "venv", str(folder / "venv"))
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    own = programs / "python"
    run(str(own), "-m", "pip", "install", "--quiet", str(wheel))
    code = "import c2llm, importlib.util as i; print(c2llm.__version__, i.find_spec('torch'))"
    version, torch = run(str(own), "-c", code).split()
    if torch != "None":
        raise CheckFailed(f"{python}: the core brings torch")
    command = str(programs / "c2llm")
    if version not in run(command, "--version"):
        raise CheckFailed(f"{python}: c2llm --version does not say {version}")
    answer = json.loads(run(command, "search", QUESTION, str(TOP / "src"), "--json"))
    if not any("pooling" in hit["path"] for hit in answer["results"][:5]):
        raise CheckFailed(f"{python}: the pooling is not found by {QUESTION!r}")
    (folder / "one.txt").write_text("def f(): ...\n", encoding="utf-8")
    [vector] = run(command, "embed", "one.txt", "--model", "c2llm-nano").splitlines()
    said = f"{answer['took_ms'] / 1000:.1f} s for the first answer"
    dimension = len(json.loads(vector)["vector"])
    say(f"{python}: installs, {said}, vectors of {dimension}")
    return own


def list_parts(python: Path) -> None:
    """All parts of a fresh install: `sbom.cdx.json`, `licenses.md`, and what licences they have."""
    sbom = tool(
        "cyclonedx_py", "environment", str(python), "--pyproject", "pyproject.toml",
        "--mc-type", "library", "--output-reproducible",
    )  # fmt: skip
    (DIST / "sbom.cdx.json").write_text(sbom, encoding="utf-8")
    arguments = ("piplicenses", f"--python={python}", "--with-urls", "--ignore-packages", "c2llm")
    (DIST / "licenses.md").write_text(tool(*arguments, "--format=markdown"), encoding="utf-8")
    parts = json.loads(tool(*arguments, "--format=json"))
    for part in parts:
        licence = part["License"]
        if any(name in licence for name in REFUSED) and "LGPL" not in licence:
            raise CheckFailed(f"{part['Name']} has the licence {licence!r}")
    count = len(json.loads(sbom)["components"])
    say(f"sbom.cdx.json: {count} parts; licenses.md: {len(parts)} licences, none refused")


def look_for_known_weaknesses() -> None:
    """Ask the service that knows them about the locked versions."""
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "-r", "requirements.lock", "--no-deps", "--disable-pip",
         "--format", "json", "--progress-spinner", "off"],
        cwd=TOP, capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        parts = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        say(f"pip-audit: not reached ({(done.stderr.strip().splitlines() or [''])[-1]})")
        return
    weak = [part["name"] for part in parts if part.get("vulns")]
    unknown = sum("skip_reason" in part for part in parts)
    say(f"pip-audit: {len(parts) - unknown} parts asked about, {unknown} not known to the service")
    if weak:
        raise CheckFailed(f"there are known weaknesses in {', '.join(weak)}")


def main() -> int:
    """Build and check; 1 if something is not to be released."""
    parser = argparse.ArgumentParser(description="Build and check what is released.")
    parser.add_argument("--python", action="append", default=[], help="try this one alone")
    asked = parser.parse_args()
    try:
        wheel, sdist = build()
        check_files(wheel, sdist)
        with tempfile.TemporaryDirectory() as work:
            tried = []
            for python in pythons(asked.python):
                folder = Path(work, Path(python).name)
                folder.mkdir()
                tried.append(try_out(python, wheel, folder))
            if not tried:
                raise CheckFailed("none of the supported Pythons is here")
            list_parts(tried[0])
        look_for_known_weaknesses()
    except CheckFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
