# `make` runs the experiments, `make test` the tests; both set up .venv first.
# `make new NAME=my-gradient` begins an experiment of your own.
PYTHON ?= python3
BIN := .venv/bin
CORES ?= 1

run: .venv/installed
	$(BIN)/snakemake -c$(CORES) $(if $(NO_COLOR),--nocolor)

test: .venv/installed
	$(BIN)/pytest -n auto --dist loadfile

cluster: .venv/slurm
	$(BIN)/snakemake --profile profiles/slurm

test-cluster: .venv/slurm
	$(BIN)/pytest -n 2 tests/cluster

new:
	@echo "$$NAME" | grep -Eqx "[a-z0-9][a-z0-9_-]*" || { echo "make new: write NAME=my-gradient, in small letters, digits, - and _; it is the folder's name." >&2; exit 1; }
	@test ! -e "experiments/$$NAME" || { echo "make new: experiments/$$NAME is there already; choose another name, or edit that." >&2; exit 1; }
	@cp -R templates/experiment "experiments/$$NAME"
	@echo "experiments/$$NAME is a working experiment. Edit its four files, then: $(BIN)/snakemake -c1 experiments/$$NAME/REPORT.html"

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
	$(BIN)/python -m tests.bench.runs
	$(BIN)/python -m tests.bench.trial eight
	$(BIN)/python -m tests.bench.trial twelve
	$(BIN)/python -m tests.bench.trial third
	$(BIN)/python -m tests.bench.trial fourth
	$(BIN)/python -m tests.bench.families eight twelve third fourth

.venv/installed: envs/requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement envs/requirements.txt
	touch .venv/installed

.venv/slurm: .venv/installed envs/slurm.txt
	$(BIN)/pip install --quiet --requirement envs/slurm.txt
	touch .venv/slurm

.PHONY: run test cluster test-cluster new check bench
