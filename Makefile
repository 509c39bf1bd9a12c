# `make` runs the experiments, `make test` the tests; both set up .venv first.
PYTHON ?= python3
BIN := .venv/bin
CORES ?= 1

run: .venv/installed
	$(BIN)/snakemake -c$(CORES)

test: .venv/installed
	$(BIN)/pytest

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile
	$(BIN)/mypy
	$(BIN)/snakemake --lint

bench: .venv/installed
	$(BIN)/python -m tests.bench.speed
	$(BIN)/python -m tests.bench.reveal
	$(BIN)/python -m tests.bench.shapes

.venv/installed: envs/requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement envs/requirements.txt
	touch .venv/installed

.PHONY: run test check bench
