# What each target is for: make help
.DEFAULT_GOAL := help
.PHONY: help up test down clean

VENV := .venv
PYTHON := $(VENV)/bin/python
STACK := dev

help:
	@echo "make up     everything a fresh machine needs, then the main job: the sandbox, and pulumi up on stack $(STACK)"
	@echo "make test   everything a fresh machine needs, then formatting, lint, types and all tests"
	@echo "make down   stop the sandbox; what it holds stays for the next make up"
	@echo "make clean  stop the sandbox and remove it and $(VENV); built programs stay in the user's cache"
	@echo "make help   this text"

up: $(VENV)/installed
	@$(PYTHON) -m sandbox up >/dev/null
	@environment="$$($(PYTHON) -m sandbox env)" && eval "$$environment" && \
	    pulumi stack select --create $(STACK) --non-interactive && \
	    $(VENV)/bin/tenancy up --stack $(STACK)
	@echo 'Go on with: eval "$$($(PYTHON) -m sandbox env)"'

# The programs first, for their progress is to be seen, and pytest shows none.
test: $(VENV)/installed
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/basedpyright
	$(PYTHON) -m sandbox.toolchain
	$(VENV)/bin/pytest --numprocesses 2 --dist loadfile

down:
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m sandbox down; fi

clean: down
	rm -rf .sandbox $(VENV) *.egg-info .pytest_cache .ruff_cache .hypothesis

$(VENV)/installed: requirements.txt pyproject.toml
	@for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        $$python -m venv $(VENV) && exit 0; \
	        echo "$$python cannot make a virtual environment (on Debian: apt install python3-venv)" >&2; exit 1; \
	    fi; \
	done; \
	echo "Python 3.11 or newer is needed, as python3 on PATH; found: $$(python3 --version 2>&1 || echo none)" >&2; exit 1
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.txt
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@
