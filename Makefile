# One word for each thing to do; `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
# Tests then fail, and are not skipped, where a browser or a server is missing.
export REQUIRE_ALL_PARTS
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
COMPILE := CUSTOM_COMPILE_COMMAND='make pins' $(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe \
	--strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.PHONY: help setup run test lint check manual pins wheel bench clean

help: ## Lists what can be done
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s  %s\n", $$1, $$2 }' Makefile

setup: .venv/installed ## Makes the environment in .venv with the pinned dependencies; PYTHON=python3.12 chooses, after make clean

run: .venv/installed ## Migrates the database and serves the site at http://127.0.0.1:5000
	@exec $(BIN)/python app.py --migrate

test: .venv/tested ## Runs all tests; ARGS="tests/signin -k limit" chooses, REQUIRE_ALL_PARTS=1 takes no skip
	$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),-n auto --dist worksteal)

lint: .venv/tested ## Looks the code over: ruff and mypy
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

check: lint test ## All that CI does

manual: .venv/installed ## Writes docs/commands.md, the man page and docs/schemas.json from the commands
	$(BIN)/python -m cli.manual

pins: .venv/tested ## Pins the newest versions that setup.cfg allows, for running and for testing
	$(COMPILE) --output-file requirements.txt setup.cfg
	$(COMPILE) --output-file tests/requirements.txt --constraint requirements.txt --extra dev setup.cfg

wheel: .venv/tested ## Builds the wheel into dist/
	rm -rf build dist && $(BIN)/python -m build

bench: .venv/tested ## Measures the site beside a bare Flask page, and the terminal at a million of everything
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench.million

clean: ## Removes what was built; the data in instance/ stays
	rm -rf .venv build dist *.egg-info .*_cache

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; $(PYTHON) is %s. Name another: make setup PYTHON=python3.12" % sys.version.split()[0])'
	@$(PYTHON) -m venv --clear .venv && touch $@

.venv/installed: .venv/python requirements.txt setup.cfg pyproject.toml
	@echo "Installing the pinned dependencies into .venv, once ..."
	@$(PIP) --require-hashes -r requirements.txt && PYTHONWARNINGS=ignore $(PIP) --no-deps --editable . && touch $@

.venv/tested: .venv/installed tests/requirements.txt
	@echo "Installing what the tests need into .venv, once ..."
	@$(PIP) --require-hashes -r tests/requirements.txt && touch $@
