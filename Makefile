# Two commands to know: `make demo` shows hsid at work, `make test` runs every check and test.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# What decides in supervision: every branch of it is tested.
CORE := supervision/_core/*,supervision/_window.py,supervision/_backoff.py

.DEFAULT_GOAL := help
.PHONY: help demo test flaky mutation check format bench example reference constraints clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# One installation for everything: made again when what it depends on has changed.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "hsid needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(STAMP)  ## run the whole pipeline on real photographs (ONCE=1: end when they are accounted for)
	@$(BIN)/hsid demo $(if $(ONCE),--once)

test: servers check  ## lint, types, import contract, then all tests with coverage
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --skip-covered --fail-under=90
	@$(BIN)/coverage report --include='$(CORE)' --fail-under=100 --format=total > /dev/null || \
	  { echo "the pure core of supervision is covered whole, or not at all" >&2; exit 1; }

# What the tests start or ask, and the Debian packages that have it; seen to before the long work.
NEEDED = redis-server:redis-server postgres:postgresql promtool:prometheus gcc:gcc gcc:libc6-dev systemd-analyze:systemd zsh:zsh fish:fish

.PHONY: servers
servers:
	@.ci/packages $(NEEDED)

# One seed decides the order of the tests, hypothesis's examples, and which task trio runs first.
SEED  ?=
RUNS  ?= $(if $(SEED),1,20)
TESTS ?= tests/unit tests/trio tests/conformance

flaky: servers $(STAMP)  ## unit, trio and conformance tests 20 times, each with another seed (RUNS=, TESTS=, SEED=)
	@for run in $$(seq $(RUNS)); do \
	  seed=$(or $(SEED),$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')); \
	  echo "run $$run of $(RUNS), seed $$seed"; \
	  $(BIN)/python -m pytest -q -x --randomly-seed=$$seed --hypothesis-seed=$$seed $(TESTS) || \
	    { echo "once more: make flaky SEED=$$seed TESTS='$(TESTS)'" >&2; exit 1; }; \
	done

mutation: $(STAMP)  ## change supervision's core a little, over and over: does a test notice? (10 minutes)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[mutation]'
	$(BIN)/python -m tests.mutation

check: $(STAMP)  ## lint, format, types, import contract, spelling, test docstrings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/interrogate --quiet tests
	$(BIN)/codespell

format: $(STAMP)  ## put every file into the house format
	$(BIN)/ruff check --fix --unsafe-fixes --exit-zero --quiet
	$(BIN)/ruff format

bench: $(STAMP)  ## run every benchmark, each prints one JSON document; peers are installed for it
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[bench]'
	@for name in $$($(BIN)/python -m benchmarks); do $(BIN)/python -m benchmarks.$$name --json || exit 1; done

example: $(STAMP)  ## write hsid.toml.example anew from the settings
	$(BIN)/hsid config example > hsid.toml.example

reference: $(STAMP)  ## write docs/metrics.md and the manual pages anew from what there is
	$(BIN)/python -m hsid.observe.metrics.catalogue docs/metrics.md
	$(BIN)/python -m hsid.cli.manual man

constraints:  ## pin what a fresh installation brings, without any address
	$(PYTHON) -m venv $(VENV)/fresh
	$(VENV)/fresh/bin/python -m pip install --quiet --disable-pip-version-check '.[dev]'
	{ echo "# The versions that the tests ran with. Written by: make constraints"; \
	  $(VENV)/fresh/bin/python -m pip freeze --exclude hsid --local | grep -v ' @ '; } > constraints.txt
	rm -rf $(VENV)/fresh

clean:  ## remove what was installed and built here
	rm -rf $(VENV) build dist mutants .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
