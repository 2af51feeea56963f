#!/usr/bin/env bash
# Write requirements.lock (what `pip install .` needs) and requirements-dev.lock (what the tests need)
# from a fresh environment, so that nothing that happens to be installed gets in.
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
