# Every target works from a bare clone: the first one called makes .venv (some minutes), later ones reuse it.
# PYTHON=python3.12 picks the interpreter for it.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
OUT ?= out
MAKEFLAGS += --no-builtin-rules

.DEFAULT_GOAL := help
.PHONY: demo test lint format validate bench faults image clean help
.DELETE_ON_ERROR:

# autoload.py is copied into site-packages, so an editable install does not follow it.
$(STAMP): pyproject.toml constraints.txt custom_filters/autoload.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10, 2) and "c7n-unused needs Python 3.10.2 or newer and $(PYTHON) is " + sys.version.split()[0] + ": name a newer one, for example make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@echo "Setting up .venv ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,dev]'
	@touch $@

demo: $(STAMP)  ## run the policies against embedded clouds and write a report; no account needed
	@$(BIN)/c7n-unused demo

test: $(STAMP)  ## run the tests
	@$(BIN)/python -m pytest -n auto --maxprocesses 4

lint: $(STAMP)  ## check style, formatting, types and the workflow files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

format: $(STAMP)  ## put the code into the shape that lint wants
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

validate: $(STAMP)  ## check every shipped policy with stock Custodian
	@find policies -name '*.yml' ! -name 'exemptions*' ! -name '*.cfn.yml' -exec $(BIN)/custodian validate {} +

bench: $(STAMP)  ## measure calls, time and memory, beside stock Custodian; prints tables
	@$(BIN)/python -X importtime -c pass 2>&1 | grep -E 'self \[us\]|_c7n_unused_autoload'
	@for bench in tests/benchmarks/bench_*.py; do \
		test -e "$$bench" || continue; \
		$(BIN)/python -m "tests.benchmarks.$$(basename "$$bench" .py)" || exit; \
	done

faults: $(STAMP)  ## kill enforcement after every write request and show that it converges
	@$(BIN)/python -m tests.faults

image: $(STAMP)  ## make the picture of a sample report that README shows; needs chromium
	@$(BIN)/python -m tests.browser.screenshot .github/report.png

clean:  ## remove everything that was made here, .venv too
	@rm -rf .venv $(OUT) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find custom_filters tests -name __pycache__ -prune -exec rm -rf {} +

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile
