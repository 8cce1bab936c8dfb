# Every target that needs packages makes .venv first; `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Test processes side by side; each computes with one thread.
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo site test quick lint types contracts unit clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing ssmts with what the demo needs (minutes the first time)"
	$(PIP) -e '.[examples]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing ssmts with what the tests need (minutes the first time)"
	$(PIP) -e '.[test,examples]'
	@touch $@

$(VENV)/.docs: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing ssmts with what the site needs"
	$(PIP) -e '.[docs]'
	@touch $@

demo: $(VENV)/.demo ## fit S4Forecaster on real data, forecast at two rates, print a table, write a plot
	$(BIN)/python examples/demo.py

site: $(VENV)/.docs ## the documentation as a web site, guide and API reference, in build/site/html
	$(BIN)/python docs/site/build.py build/site

test: lint types contracts unit ## everything that CI runs: lint, types, import contracts, the whole test suite

lint: $(VENV)/.test ## ruff: style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test ## mypy --strict on the three packages
	$(BIN)/mypy

contracts: $(VENV)/.test ## import-linter: imports run down the layers only
	PYTHONPATH=.:kernels:datasets $(BIN)/lint-imports

unit: $(VENV)/.test ## the test suite alone
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

quick: $(VENV)/.test ## the tests that take less than a second each
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not slow"

clean: ## remove the environment and what the tools left behind
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
