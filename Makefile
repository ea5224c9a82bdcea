# Every target creates .venv and installs what it needs the first time, and starts at once after that.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help play test check bench build-data

PYTHON ?= python3
BIN := .venv/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable
FAST_TESTS = $(BIN)/python -m pytest -n 2 -m "not slow and not gpu"

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s%s\n", $$1, $$2}' Makefile

play: .venv/installed-cli ## debug a program in the terminal
	@$(BIN)/dsl-debug play

test: .venv/installed-dev ## run the fast tests (everything not marked slow or gpu)
	$(FAST_TESTS)

check: .venv/installed-dev ## formatting, lint, types and the fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(FAST_TESTS)

build-data: .venv/installed-build ## build the sample dataset from the built-in catalog, in dist/dsl-debug
	$(BIN)/python -m dataset_builder build --preset sample --out dist/dsl-debug

bench: .venv/installed-dev ## measure the language beside sqlite3, DuckDB and Polars
	$(BIN)/python -m benchmarks

# The files installed-* are stamps: newer than pyproject.toml and the interpreter means that the install is current.
.venv/installed-cli: pyproject.toml $(BIN)/python
	$(INSTALL) '.[cli]'
	@touch $@

.venv/installed-build: pyproject.toml $(BIN)/python
	$(INSTALL) '.[build,sandbox]'
	@touch $@

.venv/installed-dev: pyproject.toml $(BIN)/python
	$(INSTALL) '.[dev]'
	@touch .venv/installed-cli .venv/installed-build $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "DSL Debug needs Python 3.11 or newer as '$(PYTHON)'; name another one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv
