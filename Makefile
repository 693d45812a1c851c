# Every target works from a bare clone: the first one called makes .venv, later ones reuse it.
# PYTHON=python3.12 picks the interpreter for it.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
RUN := .venv/.run
STAMP := .venv/.installed
OUT ?= out
MAKEFLAGS += --no-builtin-rules

.DEFAULT_GOAL := help
.PHONY: demo test test-all coverage lint format validate bench faults months constraints image clean help
.DELETE_ON_ERROR:

# uv takes pip's index, and goes without a cache where pip does; pip takes over where uv does not run.
NO_CACHE := $(if $(filter-out 0 no off false,$(PIP_NO_CACHE_DIR)),--no-cache)
UV := $(BIN)/uv pip install --python $(BIN)/python $(NO_CACHE)
PIP := $(BIN)/python -m pip install --disable-pip-version-check
define install
@index=$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null)}; \
	test -z "$$index" || export UV_DEFAULT_INDEX="$$index"; \
	{ $(UV) $(1) 2>&1 || touch .venv/.failed; } | grep -v '^ [-+~] '; \
	test ! -e .venv/.failed || { rm .venv/.failed; echo "uv did not install it: pip tries, which takes some minutes ..."; $(PIP) $(1); }
endef

# What the command needs. autoload.py is copied into site-packages, so an editable install does not follow it.
$(RUN): pyproject.toml constraints.txt .ci/install.txt hatch_build.py custom_filters/autoload.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10, 2) and "c7n-unused needs Python 3.10.2 or newer and $(PYTHON) is " + sys.version.split()[0] + ": name a newer one, for example make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@echo "Setting up .venv: less than a minute the first time ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) --quiet --require-hashes --no-deps -r .ci/install.txt
	$(call install,--require-hashes --no-deps -r constraints.txt)
	$(call install,--no-deps --no-build-isolation -e .)
	@touch $@

# What tests and lint need besides.
$(STAMP): $(RUN) .ci/constraints.txt
	$(call install,--require-hashes --no-deps -r .ci/constraints.txt)
	@touch $@

demo: $(RUN)  ## run the policies against embedded clouds and write a report; no account needed
	@$(BIN)/c7n-unused demo

# worksteal: neighbours stay in one worker, where they share what a module's fixture started.
TESTS := $(BIN)/python -m pytest -n 4 --dist worksteal
test: $(STAMP)  ## run the tests but the slow ones
	@$(TESTS) -m "not slow"

test-all: $(STAMP)  ## run all tests
	@$(TESTS)

coverage: $(STAMP)  ## run all tests and show which lines and branches they reach; takes longer
	@$(TESTS) --cov --cov-report=term

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

faults: $(STAMP)  ## play every fault on every kind and operation: FAULTS="--kind entra --fault killed"
	@$(BIN)/python -m tests.faults $(FAULTS)

months: $(STAMP)  ## run the shipped policies daily for nine months of random events, on every kind
	@$(BIN)/python -m tests.nine_months $(MONTHS)

# Versions stay as they are where they still fit; UPGRADE=--upgrade takes the newest ones.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.10.2 --generate-hashes --no-annotate \
	--custom-compile-command "make constraints" $(UPGRADE)
constraints:  ## write the pinned versions and their hashes anew, after a change of pyproject.toml
	@test -x $(BIN)/uv || { echo "make demo first: it brings uv."; exit 1; }
	@$(COMPILE) --extra all pyproject.toml -o constraints.txt
	@$(COMPILE) --extra dev -c constraints.txt pyproject.toml -o .ci/constraints.txt
	@printf 'build\nhatchling\nuv\n' | $(COMPILE) -c .ci/constraints.txt - -o .ci/install.txt
	@echo pip-audit | $(COMPILE) -c .ci/constraints.txt - -o .ci/audit.txt

image: $(STAMP)  ## make the picture of a sample report that README shows; needs chromium
	@$(BIN)/python -m tests.browser.screenshot .github/report.png

clean:  ## remove everything that was made here, .venv too
	@rm -rf .venv $(OUT) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
	@find custom_filters tests -name __pycache__ -prune -exec rm -rf {} +

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
