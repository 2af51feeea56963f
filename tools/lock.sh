#!/usr/bin/env bash
# Write requirements.lock (what `pip install .` needs), requirements-dev.lock (what the tests need),
# requirements-milvus.lock (what `make test-milvus` needs) and requirements-package.lock (what `make
# package` and `make site` need) from fresh environments, so that nothing that happens to be installed
# gets in.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A wider range would pull several gigabytes of CUDA onto machines without a GPU.
echo "torch==2.13.0" > "$work/constraints.txt"
python3 -m venv "$work/venv"
pip="$work/venv/bin/python -m pip --disable-pip-version-check"
freeze() {
    echo "# Written by tools/lock.sh; do not edit."
    # A local version such as 2.13.0+cpu exists on one index only.
    $pip freeze --exclude c2llm | sed -E 's/\+[a-z0-9.]+$//' | grep -vi '^-e '
}
$pip install --quiet -c "$work/constraints.txt" .
freeze > requirements.lock
$pip install --quiet -c "$work/constraints.txt" torch==2.13.0
$pip install --quiet -c "$work/constraints.txt" '.[dev]'
freeze > requirements-dev.lock
# Milvus brings much that nothing else needs; beside the core stands what runs its tests.
python3 -m venv "$work/milvus"
pip="$work/milvus/bin/python -m pip --disable-pip-version-check"
$pip install --quiet -c requirements.lock '.[milvus]' hypothesis pytest pytest-xdist
freeze > requirements-milvus.lock
# What builds a release has an environment of its own, without c2llm.
python3 -m venv "$work/package"
pip="$work/package/bin/python -m pip --disable-pip-version-check"
$pip install --quiet $(python3 -c 'import tomllib
print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["package"])')
freeze > requirements-package.lock
