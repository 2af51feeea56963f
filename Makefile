# Two commands matter: `make demo` and `make test`. Both set up .venv from the lock when it is not there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-all test-milvus test-ray fuzz lint lock chromium package site clean

$(VENV)/.core: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

# Not compiled: of torch and its like a test run imports a part, and Python compiles that by itself.
$(VENV)/.dev: $(VENV)/.core requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements-dev.lock
	touch $@

demo: $(VENV)/.core  ## index this repository and answer a question
	$(BIN)/c2llm search "how are attention weights pooled into one vector" . -k 5

lint: $(VENV)/.dev
	$(BIN)/ruff check src tests benchmarks recipes tools examples
	$(BIN)/ruff format --check src tests benchmarks recipes tools examples
	$(BIN)/mypy

# The tests of the search page look at it in Chromium, and are skipped where there is none.
chromium:
	@command -v chromium > /dev/null || command -v chromium-browser > /dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null && apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium; \
	} > /dev/null 2>&1 < /dev/null || echo "there is no chromium; the tests of the search page are skipped"

test: lint chromium  ## ruff, mypy and the fast tests, a process a core
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not slow" -n auto --dist loadfile

test-all: lint chromium  ## the slow ones too
	$(BIN)/pytest

# Where atheris has no wheel the other search takes the whole time. It stays apart from .venv.
.venv-fuzz/.tried: requirements-fuzz.lock
	rm -rf .venv-fuzz && mkdir .venv-fuzz
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
	  --target .venv-fuzz -r requirements-fuzz.lock || echo "atheris cannot be installed here"
	touch $@

# FUZZ_SECONDS for each target, FUZZ="codebase search/query" for some of them.
fuzz: $(VENV)/.dev .venv-fuzz/.tried  ## hostile input for ten minutes; what breaks is kept
	PYTHONPATH=.venv-fuzz OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzzing $(FUZZ)

# pymilvus and Milvus Lite bring gRPC, pandas, Arrow and faiss, which nothing else here needs.
.venv-milvus/.ready: requirements-milvus.lock pyproject.toml
	$(PYTHON) -m venv .venv-milvus
	.venv-milvus/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-milvus.lock
	.venv-milvus/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

test-milvus: .venv-milvus/.ready  ## the store in Milvus, against Milvus Lite
	.venv-milvus/bin/python -m pytest tests/index/store/milvus -n auto --dist loadfile

# Ray has 600 megabytes. A cluster of two nodes on this machine, one test after the other.
.venv-ray/.ready: requirements-ray.lock pyproject.toml
	$(PYTHON) -m venv .venv-ray
	.venv-ray/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements-ray.lock
	.venv-ray/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

test-ray: .venv-ray/.ready  ## catalogs filled by a Ray cluster
	.venv-ray/bin/python -m pytest tests/index/catalog/on_ray

# What builds a release stays apart from what is released.
.venv-package/.ready: requirements-package.lock
	$(PYTHON) -m venv .venv-package
	.venv-package/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-package.lock
	touch $@

package: .venv-package/.ready  ## build wheel and sdist, check them and try them in each Python that is here
	.venv-package/bin/python tools/package.py

site: .venv-package/.ready  ## the documentation as a site, in build/site
	.venv-package/bin/python tools/site.py

lock:  ## write the locks from fresh environments
	tools/lock.sh

clean:
	rm -rf $(VENV) .venv-package .venv-fuzz .venv-milvus .venv-ray build dist .pytest_cache .mypy_cache .ruff_cache
