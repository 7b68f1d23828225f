# Everything a newcomer needs: Python 3.11 or later and GNU make. `make` alone lists what there is.
#
# One environment, .venv, in two layers: what the gateway runs on (requirements.txt), and on top what its tests and
# checks need (requirements-dev.txt). A stamp file marks each layer as done, so nothing is installed twice. A program from
# npm comes in with `make outside`, and only then.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-stamp
DEV := $(VENV)/.dev-stamp
# Test processes: one more than cores, because tests also wait for processes that they start.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# The first seed of the random kills.
SEED ?= 1
# -qq: errors only.
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
LOCK := $(BIN)/uv pip compile setup.py -q --universal --python-version 3.11 --generate-hashes \
	--annotation-style line --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help demo test scenarios outside check lint bench soak kills ablation serve lock clean

help:
	@echo "make demo     the gateway, stand-ins for Stripe and Medicare and a sample clinic on this machine (ONCE=1: show and stop; PORT=7000)"
	@echo "make serve    the gateway alone, with development.ini (docs/testing.md says how to start the stand-in beside it)"
	@echo "make lint     format, lint, types and import rules alone"
	@echo "make test     the tests, on SQLite and PostgreSQL (ARGS='tests/api -x' for some)"
	@echo "make check    format, lint, types, import rules, then the tests"
	@echo "make soak     the tests that run for minutes, then make kills and make ablation"
	@echo "make kills    processes that take payments are killed at random, for long (rm var/kills.jsonl: from the beginning)"
	@echo "make ablation takes each guard of the product away and sees that a test fails (ARGS=epoch for some)"
	@echo "make scenarios the Stripe provider against the stand-in (STRIPE_TEST_KEY=sk_test_…: against Stripe itself)"
	@echo "make outside  Stripe's own command line and a fuzzer try the stand-in; needs npm (FUZZ_SECONDS=3600: for longer)"
	@echo "make bench    the gateway beside its peers (BENCH=the harness's folder, ARGS=quick for a part; docs/performance.md)"
	@echo "              ARGS=statements: imports a million lines of a bank statement; needs no BENCH"
	@echo "              ARGS=invoices: lists of a million invoices, by every filter; needs none either"
	@echo "              ARGS=verify: verifies a store of a million payments; needs none either"
	@echo "              ARGS=analytics: analytics over a million payments, beside plain SQL; nor does this"
	@echo "make lock     write requirements*.txt anew from setup.py (ARGS=--upgrade: to the newest versions)"
	@echo "make clean    remove the environment and what the tools left behind"

demo: $(RUNTIME)
	@$(BIN)/python -m demo $(if $(ONCE),--once) $(if $(PORT),--port $(PORT)) $(if $(SANDBOX_PORT),--sandbox-port $(SANDBOX_PORT)) \
		$(if $(MEDICARE_PORT),--medicare-port $(MEDICARE_PORT))

serve: $(RUNTIME)
	@$(BIN)/pserve development.ini

# Never against Stripe itself, whatever the environment says: that is for `make scenarios`.
test: $(DEV)
	@STRIPE_TEST_KEY= $(PYTEST) -n $(WORKERS) --dist worksteal $(ARGS)

scenarios: $(DEV)
	@$(PYTEST) scenarios -n 0 $(ARGS)

outside: $(DEV)
	@$(BIN)/python -m outside

soak: $(DEV)
	@$(PYTEST) -m soak -n 2 --dist loadgroup $(ARGS)
	@$(if $(ARGS),,$(MAKE) --no-print-directory kills)
	@$(if $(ARGS),,$(BIN)/python -m tests.ablation)

ablation: $(DEV)
	@$(BIN)/python -m tests.ablation $(ARGS)

# 10,000 kills over 50,000 payments on each database, in ten runs; those that are in the file of results are not repeated.
kills: $(DEV)
	@for database in sqlite postgresql; do $(BIN)/python -m tests.faults.random_kills --database $$database --seed $(SEED) \
		--runs 10 --payments 5000 --kills 1000 --results var/kills.jsonl --keep var/kills-failed || exit 1; done

check: lint test

lint: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports

# These four are measured with the tests' own PostgreSQL, so they need their packages and no harness.
bench: $(if $(filter invoices statements verify analytics,$(ARGS)),$(DEV),$(RUNTIME))
	@$(BIN)/python -m benchmarks $(BENCH) $(ARGS)

lock: $(DEV)
	$(LOCK) -o requirements.txt $(ARGS)
	$(LOCK) --extra dev -c requirements.txt -o requirements-dev.txt $(ARGS)
	@rm -rf tp_gateway.egg-info # left by the resolver; it would hide the entry points of a later installation

clean:
	rm -rf $(VENV) outside/node_modules build dist *.egg-info examples/*/build examples/*/*.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
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
