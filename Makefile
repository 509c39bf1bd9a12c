# `make` runs the experiments, `make test` the tests, `make test-all` those that take long as well;
# each sets up .venv first.
# `make new NAME=my-gradient` starts an experiment of your own; `make record` copies the results of
# every experiment's last run to experiments/*/recorded/, which git keeps; `make archive` packs
# every experiment, and with SIGN=~/.ssh/id_ed25519 it signs the archives as well.
PYTHON ?= python3
BIN := .venv/bin
CORES ?= all

# Hundreds of Pythons are started, and each would compile again what none may keep.
unexport PYTHONDONTWRITEBYTECODE

run: .venv/installed
	$(BIN)/snakemake --cores $(CORES) $(if $(NO_COLOR),--nocolor)

record: .venv/installed
	@$(BIN)/python scripts/record.py

test: .venv/installed
	$(BIN)/pytest -n auto --dist worksteal -m "not thorough"

test-all: .venv/installed
	$(BIN)/pytest -n auto --dist worksteal

archive: .venv/installed
	$(BIN)/snakemake --cores $(CORES) archive
	$(if $(SIGN),$(BIN)/python scripts/sign.py --key "$(SIGN)" archives/*.tar.gz)

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
	$(BIN)/snakefmt --check Snakefile scripts/rules/*.smk
	$(BIN)/mypy
	PYTHONPATH=scripts $(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/snakemake --lint

bench: export PYTHONPATH = scripts
bench: .venv/installed
	$(BIN)/python -m tests.bench.speed
	$(BIN)/python -m tests.bench.reveal
	$(BIN)/python -m tests.bench.shapes
	$(BIN)/python -m tests.bench.runs
	$(BIN)/python -m tests.bench.trial eight
	$(BIN)/python -m tests.bench.trial twelve
	$(BIN)/python -m tests.bench.trial third
	$(BIN)/python -m tests.bench.trial fourth
	$(BIN)/python -m tests.bench.trial algorithms
	$(BIN)/python -m tests.bench.families eight twelve third fourth

bench-ops: export PYTHONPATH = scripts
bench-ops: .venv/installed
	$(BIN)/python -m tests.bench.op_db $(OPS)

bench-truth: export PYTHONPATH = scripts
bench-truth: .venv/installed
	$(BIN)/python -W ignore -m tests.bench.op_db.truth
	$(BIN)/python -W ignore -m tests.bench.op_db.truth --dtype complex128
	$(BIN)/python -W ignore -m tests.bench.reference

# Phony, so that every make checks .venv and replaces it if its Python is gone or too old.
.venv/installed:
	@sh envs/make_venv.sh "$(PYTHON)" envs/requirements.txt $@

.venv/slurm: .venv/installed
	@sh envs/make_venv.sh "$(PYTHON)" envs/slurm.txt $@

.PHONY: run record archive test test-all cluster test-cluster new check bench bench-ops bench-truth .venv/installed .venv/slurm
