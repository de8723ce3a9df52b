# What each target is for: make help
.DEFAULT_GOAL := help
.PHONY: help up lint unit test schemas wheel lock down clean

# `make unit PYTHON=python3.13`: any target with another Python, in an environment of its own.
PYTHON ?=
VENV := .venv$(if $(PYTHON),-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
PRODUCT := automation components kube model
COVERAGE := $(PRODUCT:%=--cov=%) --cov-report=term:skip-covered
STACK := dev

help:
	@echo "make up     everything a fresh machine needs, then the main job: the sandbox, and pulumi up on stack $(STACK)"
	@echo "make lint   format, lint, types, layers, schemas, lock file: seconds"
	@echo "make unit   the tests that build nothing and open no port: under a minute"
	@echo "make test   everything a fresh machine needs, then lint and all tests, with their coverage"
	@echo "make schemas model/schemas/*.json anew from the models"
	@echo "make wheel  the distributions, for programs and for laptops, in dist/"
	@echo "make lock   requirements.txt anew from pyproject.toml; UPGRADE=name==version changes one"
	@echo "make down   stop the sandbox; what it holds stays for the next make up"
	@echo "make clean  stop the sandbox and remove it and $(VENV); built programs stay in the user's cache"
	@echo "make help   this text"
	@echo "PYTHON=python3.13 after any of them: with that Python, in an environment of its own"

up: $(VENV)/installed
	@$(BIN)/python -m sandbox up >/dev/null
	@environment="$$($(BIN)/python -m sandbox env)" && eval "$$environment" && \
	    pulumi stack select --create $(STACK) --non-interactive && \
	    $(BIN)/tenancy up --stack $(STACK)
	@echo 'Go on with: eval "$$($(BIN)/python -m sandbox env)"'

lint: $(VENV)/installed $(VENV)/in-step
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m model.schema --check
	$(BIN)/basedpyright

unit: $(VENV)/installed
	$(BIN)/pytest tests/unit --numprocesses 2 --dist worksteal

# The programs first, for their progress is to be seen, and pytest shows none.
test: lint
	$(BIN)/python -m sandbox.toolchain
	$(BIN)/pytest --numprocesses 2 --dist loadfile $(COVERAGE)

schemas: $(VENV)/installed
	$(BIN)/python -m model.schema

wheel: $(VENV)/installed
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist . ./distributions/laptop

RESOLVE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --all-extras pyproject.toml $(UPGRADE:%=--upgrade-package %)

lock: $(VENV)/installed
	$(RESOLVE) --output-file requirements.txt

# A lock file in step is one that resolving with its own versions does not change.
$(VENV)/in-step: requirements.txt pyproject.toml | $(VENV)/installed
	@cp requirements.txt $@.txt
	$(RESOLVE) --output-file $@.txt
	@diff -u requirements.txt $@.txt || { echo "requirements.txt is not in step with pyproject.toml: make lock" >&2; exit 1; }
	@mv $@.txt $@

down:
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m sandbox down; fi

clean: down
	rm -rf .sandbox $(VENV) .venv-* *.egg-info build dist .coverage* .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/installed: requirements.txt pyproject.toml
	@for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        $$python -m venv $(VENV) && exit 0; \
	        echo "$$python cannot make a virtual environment (on Debian: apt install python3-venv)" >&2; exit 1; \
	    fi; \
	done; \
	echo "Python 3.11 or newer is needed, as $(or $(PYTHON),python3 on PATH); found: $$($(or $(PYTHON),python3) --version 2>&1 || echo none)" >&2; exit 1
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@
