# Each command makes what it needs: `make demo` and `make test` install into .venv if it is missing.
PYTHON ?= python3
BIN := .venv/bin
# one cache of compiled programs for tests and demo: halves repeated start-up
export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/.cache/jax
# the cache of a CPU warns falsely of other machines
export TF_CPP_MIN_LOG_LEVEL ?= 3
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS ?= 0

.PHONY: setup demo test test-faults lint bench bench-batches bench-sweeps lock clean

setup: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ltd needs Python 3.11 or later: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: .venv/installed
	$(BIN)/ltd demo --out=runs/demo

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist worksteal

# what can go wrong while a sweep runs, done to a small one: docs/reliability.md
test-faults: .venv/installed
	$(BIN)/python -m benchmarks.faults

lint: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy

bench: .venv/installed
	$(BIN)/python -m benchmarks.step
	$(BIN)/python -m benchmarks.probe
	$(BIN)/python -m benchmarks.start
	$(BIN)/python -m experiments.docs

# what drawing a batch costs, every dialect beside a step that it is drawn for: a quarter of an hour, mostly compiling
bench-batches: .venv/installed
	$(BIN)/python -m benchmarks.batches

# a sweep against as many separate runs of a Flax script; an hour on two cores
bench-sweeps: .venv/installed
	$(BIN)/python -m benchmarks.sweeps

# the hashed lock, one file for every supported Python; needs uv
lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header -q -o requirements.lock

clean:
	rm -rf .venv .cache build *.egg-info
