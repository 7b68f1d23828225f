# Everything a newcomer needs: Python 3.11 or later and GNU make. `make` alone lists what there is.
#
# One environment, .venv, in two layers: what the gateway runs on (requirements.txt), and on top what its tests and
# checks need (requirements-dev.txt). A stamp file marks each layer as done, so nothing is installed twice.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-stamp
DEV := $(VENV)/.dev-stamp
# Test processes; "auto" is one per core.
WORKERS ?= auto
# -qq: errors only.
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
LOCK := $(BIN)/uv pip compile setup.py -q --universal --python-version 3.11 --generate-hashes \
	--annotation-style line --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help demo test check lint bench soak serve lock clean

help:
	@echo "make demo     the gateway, a stand-in for Stripe and a sample clinic on this machine (ONCE=1: show and stop; PORT=7000)"
	@echo "make serve    the gateway alone, with development.ini (docs/testing.md says how to start the stand-in beside it)"
	@echo "make lint     format, lint, types and import rules alone"
	@echo "make test     the tests, on SQLite and PostgreSQL (ARGS='tests/api -x' for some)"
	@echo "make check    format, lint, types, import rules, then the tests"
	@echo "make soak     the tests that run for minutes"
	@echo "make lock     write requirements*.txt anew from setup.py (ARGS=--upgrade: to the newest versions)"
	@echo "make clean    remove the environment and what the tools left behind"

demo: $(RUNTIME)
	@$(BIN)/python -m demo $(if $(ONCE),--once) $(if $(PORT),--port $(PORT)) $(if $(SANDBOX_PORT),--sandbox-port $(SANDBOX_PORT))

serve: $(RUNTIME)
	@$(BIN)/pserve development.ini

test: $(DEV)
	@$(PYTEST) -n $(WORKERS) $(ARGS)

soak: $(DEV)
	@$(PYTEST) -m soak $(ARGS)

check: lint test

lint: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports

bench: $(RUNTIME)
	@test -d benchmarks || { echo "The benchmark is still to come."; exit 1; }
	@$(BIN)/python -m benchmarks $(BENCH)

lock: $(DEV)
	$(LOCK) -o requirements.txt $(ARGS)
	$(LOCK) --extra dev -c requirements.txt -o requirements-dev.txt $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info examples/*/build examples/*/*.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The editable install comes last and without dependencies or a build environment of its own: everything that it
# needs, setuptools included, is in the locked file.
$(RUNTIME): requirements.txt setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "TP Gateway needs Python 3.11 or later, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)." >&2; \
		echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "1/3 making the environment $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@echo "2/3 installing $$(grep -c '==' requirements.txt) packages to run on"
	@$(PIP) --require-hashes -r requirements.txt
	@echo "3/3 installing tp-gateway itself"
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements-dev.txt $(RUNTIME)
	@echo "1/1 installing what the tests and checks need ($$(grep -c '==' requirements-dev.txt) packages in all)"
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@
