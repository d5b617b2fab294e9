# `make` prints this help.

PYTHON ?= python3
PORT ?= 6543
VENV := .venv
BIN := $(VENV)/bin
# Each process takes a part of the tests in their order, since those of a file share what they start; when it is at its
# end it takes over tests of another one, so that none ends alone.
SIDE_BY_SIDE := -n auto --dist worksteal

.PHONY: help install run test lint bench bench-scale soak mutants clean

help:
	@echo "make install   make .venv with everything that is needed to run"
	@echo "make run       install if needed, then serve on 127.0.0.1:PORT (6543)"
	@echo "make test      install what the tests need, and run them all"
	@echo "make lint      ruff, mypy, import-linter"
	@echo "make bench     measure, as ratios in one run"
	@echo "make bench-scale   each page beside 1,000 times as many events: 11 GB in /tmp, and a long time"
	@echo "make soak      the long runs that make test leaves out"
	@echo "make mutants   make known bugs, one at a time, and see that the tests find each"
	@echo "make clean     remove .venv and caches; owa-data stays"

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-tests: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[test]"
	@touch $@

run: install
	@$(BIN)/python cli.py cmd=install verbose=1 base_url=http://127.0.0.1:$(PORT)/
	@PORT=$(PORT) exec $(BIN)/pserve development.ini

test: $(VENV)/.installed-tests
	sh tests/install-services.sh
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

lint: $(VENV)/.installed-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-tests
	$(BIN)/python -m bench

bench-scale: $(VENV)/.installed-tests
	$(BIN)/python -m bench.scale

soak: $(VENV)/.installed-tests
	OWA_SOAK=1 $(BIN)/python -m pytest tests/property tests/faults

mutants: $(VENV)/.installed-tests
	$(BIN)/python -m tests.mutants

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
