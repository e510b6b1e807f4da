# What a fresh machine needs is Python 3.11 or newer, git and make; everything else is set up from here.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
BENCH_STAMP := .venv/.bench-installed

.DEFAULT_GOAL := help
.PHONY: help install up test faults lint types contracts bench bench-install lock clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: $(STAMP) ## Set up the environment in .venv

$(STAMP): requirements.lock requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Earshot needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up .venv (once; some seconds, and what the network takes) ..."
	@$(PYTHON) -m venv .venv || { \
	  echo "Python's venv module is missing or broken; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock -r requirements-dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

up: install ## Start everything: servers, programs, a first sample call
	@exec $(BIN)/earshot up $(ARGS)

test: install ## Run the whole test suite against real servers
	@$(BIN)/python -m pytest $(ARGS)

faults: install ## Break what can break under load, beside a plain RQ pipeline, and count what is lost
	@$(BIN)/python -m tests.faults $(ARGS)

lint: install ## Check style and formatting
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: install ## Check the types
	@$(BIN)/mypy

contracts: install ## Check which layer imports which
	@$(BIN)/lint-imports

bench: bench-install ## Measure Earshot beside what a team would use instead
	@$(BIN)/python -m bench $(ARGS)

bench-install: $(BENCH_STAMP)

$(BENCH_STAMP): $(STAMP) requirements-bench.lock bench/bullmq/package-lock.json
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@if ! command -v npm >/dev/null; then echo "npm is not installed, so BullMQ is left out"; \
	  else npm install --prefix bench/bullmq --no-save --ignore-scripts --no-audit --no-fund --loglevel error \
	    || echo "BullMQ could not be installed, so it is left out"; fi
	@touch $(BENCH_STAMP)

lock: ## Rewrite the locked dependencies (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --group pyproject.toml:build pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --group pyproject.toml:dev -c requirements.lock -o requirements-dev.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --group pyproject.toml:bench \
	  -c requirements.lock -c requirements-dev.lock -o requirements-bench.lock

clean: ## Remove the environment and all caches (.earshot, your data, stays)
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
