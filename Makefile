# `make run` and `make test` are all that a fresh machine needs: Python 3.10 or newer, Linux or macOS.

# The first Python that is new enough; `make run PYTHON=/path/to/python3.12` names another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$p && break; done)
PORT ?= 8501
WORKERS ?= 3
VENV_PYTHON := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help run test docs check types install lint web web-tools clean need-python

help:  ## what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1   /p' $(MAKEFILE_LIST)

run: need-python  ## install, build the default codebook if there is none, serve the dashboard on localhost:8501
	@$(PYTHON) tools/bootstrap.py run
	@PYTHONDONTWRITEBYTECODE= $(VENV_PYTHON) -m train build-default --first-page
	@PYTHONDONTWRITEBYTECODE= $(VENV_PYTHON) -m train dashboard --port $(PORT)

test: need-python  ## install what the tests need (Chromium too, where we may) and run them all
	@$(PYTHON) tools/bootstrap.py test
	@PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(VENV_PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -ra --timeout 900 $(ARGS)

docs: need-python  ## build the documentation into site/, which opens without a server
	@$(PYTHON) tools/bootstrap.py run
	@$(VENV_PYTHON) -m pip install --quiet --prefer-binary -r requirements-docs.txt
	@NO_MKDOCS_2_WARNING=1 $(VENV_PYTHON) -m mkdocs build --strict

install: need-python  ## make .venv with the dashboard, the dfe command and what the tests need
	@$(PYTHON) tools/bootstrap.py test

lint: install  ## ruff (rules and format) and the import contract
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .
	@.venv/bin/lint-imports

types: install  ## mypy on the library, the commands and the dashboard
	@$(VENV_PYTHON) -m mypy

web:  ## build the browser's scripts (dashboard/web, needs Node 20) and run their lint, types and tests
	@cd dashboard/web && npm ci --no-audit --no-fund && npm run build && npm run check

web-tools: # what tests/dashboard/test_web.py needs to check the scripts' sources; without it that test skips
	@command -v npm >/dev/null || { echo "skipped: lint, types and tests of dashboard/web need npm (Node 20)"; exit 0; }; \
	cd dashboard/web && { test node_modules/.package-lock.json -nt package-lock.json || npm ci --no-audit --no-fund || \
	echo "skipped: lint, types and tests of dashboard/web: npm could not install"; }

check: lint types web-tools  ## what CI runs: ruff, import contract, types, tests without a browser, and of the scripts
	@PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(VENV_PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -ra --timeout 900 -m "not browser" $(ARGS)

clean:  ## remove .venv and what is made again by itself; never recordings, models, notes, tokens or AUs
	rm -rf .venv build site *.egg-info cache/renders

need-python:
	@test -n "$(PYTHON)" || { echo "error: python3: none, or older than 3.10; expected Python 3.10 or newer:" \
		"install one, or name it as in 'make run PYTHON=/path/to/python3.12'" >&2; exit 1; }
