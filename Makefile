# Every target creates .venv and installs what it needs the first time, and starts at once after that.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help play test check bench build-data smoke-train

PYTHON ?= python3
BIN := .venv/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable
FAST_TESTS = $(BIN)/python -m pytest -n 2 -m "not slow and not gpu"

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s%s\n", $$1, $$2}' Makefile

play: .venv/installed-space ## open the Space in the browser (there is a game for the terminal, too: .venv/bin/dsl-debug play)
	@$(BIN)/python -m space serve

test: .venv/installed-dev .venv/chromium ## run the fast tests (everything not marked slow or gpu)
	$(FAST_TESTS)

check: .venv/installed-dev .venv/chromium ## formatting, lint, types and the fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(FAST_TESTS)

build-data: .venv/installed-build ## build the sample dataset from the built-in catalog, in dist/dsl-debug
	$(BIN)/python -m dataset_builder build --preset sample --out dist/dsl-debug

smoke-train: .venv/installed-dev ## train, evaluate and card a tiny model on this machine, in runs/smoke
	$(BIN)/python -m recipes.smoke

bench: .venv/installed-dev ## measure the language beside sqlite3, DuckDB and Polars
	$(BIN)/python -m benchmarks

# The files installed-* are stamps: newer than pyproject.toml and the interpreter means that the install is current.
.venv/installed-space: pyproject.toml $(BIN)/python
	$(INSTALL) '.[cli,space]'
	@touch $@

.venv/installed-build: pyproject.toml $(BIN)/python
	$(INSTALL) '.[build,sandbox]'
	@touch $@

.venv/installed-dev: pyproject.toml $(BIN)/python
	$(INSTALL) '.[dev]'
	@touch .venv/installed-space .venv/installed-build $@

# Debian's Chromium for the tests that drive a browser. It is asked for once: without it they are skipped.
.venv/chromium: | $(BIN)/python
	@if ! { command -v chromium || command -v chromium-browser || command -v google-chrome; }; then \
	  if command -v apt-get && [ "$$(id -u)" = 0 ]; then \
	    apt-get update && DEBIAN_FRONTEND=noninteractive \
	      apt-get install --yes --no-install-recommends chromium fonts-dejavu-core; \
	  else false; fi; \
	fi >$@.log 2>&1 || echo "no Chromium, and none could be installed: tests in a browser are skipped (see $@.log)"
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "DSL Debug needs Python 3.11 or newer as '$(PYTHON)'; name another one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv
