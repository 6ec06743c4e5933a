# make          set up .venv from exact pins and run the demo
# make test     set up and run the tests
PYTHON ?= python3
CORES ?= all
CONFIG ?= config/config.yaml
BIN := .venv/bin
READY := .venv/.ready
# Files are compiled when they are first imported, and kept: a job imports for a second or two, without
# what is kept for twice as long, and a run has hundreds of jobs.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := run
.PHONY: run plan test test-slow test-slurm lint types bench version push pull clean help

run: $(READY) ## the demo, or another config: make CONFIG=config/mnist.yaml
	@$(BIN)/python -m rdc.config_check $(CONFIG)
	@$(BIN)/snakemake --cores $(CORES) --configfile $(CONFIG)

plan: $(READY) ## what that would run, why, and roughly how long; runs nothing
	@$(BIN)/python -m rdc.config_check $(CONFIG)
	@RDC_PLAN=1 $(BIN)/snakemake -n --cores $(CORES) --configfile $(CONFIG)

test: $(READY) ## the fast tests
	@$(BIN)/python -m pytest -n 2 -m "not slow"

test-slow: $(READY) ## the long ones: real runs of the workflow
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 25 -m "slow and not slurm"

test-slurm: $(READY) ## the workflow on a Slurm started here (root; installs slurm-wlm by apt-get)
	@$(BIN)/python -m pytest -m slurm

lint: $(READY) ## ruff, snakefmt, snakemake --lint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/snakefmt --check Snakefile workflow
	@$(BIN)/python -m pytest tests/test_lint.py

types: $(READY) ## the public API's types, by mypy
	@$(BIN)/mypy

bench: $(READY) ## speed beside the field's public code; writes bench/results.csv and its plot
	@$(BIN)/python bench/run.py

version: $(READY) ## note data/ and a run's artifacts for git and DVC: make version CONFIG=config/mnist.yaml
	@$(BIN)/python -m workflow.versions version --config $(CONFIG)

push: $(READY) ## send what is noted to the DVC remote
	@$(BIN)/python -m workflow.versions push

pull: $(READY) ## bring data/ and a run's artifacts back: make pull CONFIG=config/mnist.yaml
	@$(BIN)/python -m workflow.versions pull --config $(CONFIG)

clean: ## the demo's results, logs and benchmarks, and tools' caches; never data/ or another run
	rm -rf results/demo logs/demo benchmarks/demo .pytest_cache .ruff_cache .hypothesis

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements.txt
	@# Snakemake puts the interpreter's path into a shell's command as it is.
	@case "$$PWD" in *[[:space:]\'\"\\\$$\`\&\|\;\<\>\(\)\{\}\[\]\*\?\#\!:]*) \
	  printf "%s %s\n" "$$PWD: found a blank, a quote or another sign of the shell in this path, with which Snakemake starts no job;" \
	    "move the checkout to a path of letters, digits and . _ - + = @ % , ~ /" >&2; exit 1;; esac
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Setting up .venv (about 2 GB; minutes) ..."
	@# Compiling every file takes 50 s; the few that are imported are compiled as they are.
	@$(BIN)/python -m pip install --no-compile --quiet --disable-pip-version-check -r requirements.txt
	@touch $@
