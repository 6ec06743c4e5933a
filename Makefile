# make          set up .venv from the lock and run the demo
# make test     set up and run the tests
PYTHON ?= python3
CORES ?= all
CONFIG ?= config/config.yaml
BIN := .venv/bin
READY := .venv/.ready
DEV := .venv/.dev
# By uv where it is there, else by pip; neither takes a file that the lock has no hash of. Compiling every
# file takes 50 s; the few that are imported are compiled as they are.
INSTALL := $(if $(shell command -v uv),uv pip install --python $(BIN)/python --quiet,\
  $(BIN)/python -m pip install --no-compile --quiet --disable-pip-version-check) --require-hashes
# Files are compiled when they are first imported, and kept: a job imports for a second or two, without
# what is kept for twice as long, and a run has hundreds of jobs.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := run
.PHONY: run plan test test-slow test-slurm lint types bench lock version push pull clean help

run: $(READY) ## the demo, or another config: make CONFIG=config/mnist.yaml
	@$(BIN)/python -m rdc.config_check $(CONFIG)
	@$(BIN)/snakemake --cores $(CORES) --configfile $(CONFIG)

plan: $(READY) ## what that would run, why, and roughly how long; runs nothing
	@$(BIN)/python -m rdc.config_check $(CONFIG)
	@RDC_PLAN=1 $(BIN)/snakemake -n --cores $(CORES) --configfile $(CONFIG)

test: $(DEV) ## the fast tests
	@$(BIN)/python -m pytest -n 2 -m "not slow"

test-slow: $(DEV) ## the long ones: real runs of the workflow
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 25 -m "slow and not slurm"

test-slurm: $(DEV) ## the workflow on a Slurm started here (root; installs slurm-wlm by apt-get)
	@$(BIN)/python -m pytest -m slurm

lint: $(DEV) ## ruff, snakefmt, snakemake --lint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/snakefmt --check Snakefile workflow
	@$(BIN)/python -m pytest tests/test_lint.py

types: $(DEV) ## the public API's types, by mypy
	@$(BIN)/mypy

bench: $(DEV) ## speed beside the field's public code; writes bench/results.csv and its plot
	@$(BIN)/python bench/run.py

lock: ## the lock files anew, by uv: make lock TORCH_CPU=the folder or index of PyTorch's CPU builds
	@$(PYTHON) .ci/lock.py $(TORCH_CPU)

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

# PyTorch's CPU build where pip or uv is set up to find the one that is locked; PyPI has the one for GPUs.
$(READY): requirements.txt requirements-cpu.txt
	@# Snakemake puts the interpreter's path into a shell's command as it is.
	@case "$$PWD" in *[[:space:]\'\"\\\$$\`\&\|\;\<\>\(\)\{\}\[\]\*\?\#\!:]*) \
	  printf "%s %s\n" "$$PWD: found a blank, a quote or another sign of the shell in this path, with which Snakemake starts no job;" \
	    "move the checkout to a path of letters, digits and . _ - + = @ % , ~ /" >&2; exit 1;; esac
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@sed -n '/^torch==/,/[^\\]$$/p' requirements-cpu.txt > .venv/torch.txt
	@if $(INSTALL) --no-deps -r .venv/torch.txt 2> /dev/null; then \
	  echo "Setting up .venv (2 GB; minutes) ..."; $(INSTALL) -r requirements-cpu.txt; else \
	  echo "Setting up .venv (6 GB with the libraries for GPUs; minutes) ..."; $(INSTALL) -r requirements.txt; fi
	@touch $@

$(DEV): $(READY) requirements-dev.txt
	@$(INSTALL) --no-deps -r requirements-dev.txt
	@touch $@
