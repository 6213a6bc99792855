# SellOnce. `make help` lists what there is. Nothing is needed but Python 3.11 or newer, make and git.

PORT ?= 8000
export PORT
ifdef DATA_DIR
export DATA_DIR
endif

PYTHON := $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$name >/dev/null 2>&1 && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& command -v $$name && break; done)
RUN := .venv/bin/python
QUICK := not stack and not browser and not faults and not long
REAL := (stack or browser) and not faults and not long
FAULTS := faults and not long

.DEFAULT_GOAL := help
.PHONY: help demo up test test-quick test-long bench lint format lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-11s %s\n", $$1, $$2}'

demo: .venv/runtime.stamp  ## everything, with sample data, simulated marketplaces and shoppers; Ctrl-C stops it
	@exec $(RUN) manage.py demo

up: .venv/runtime.stamp  ## a merchant's first start: the same stack without sample data (PORT=, DATA_DIR=)
	@exec $(RUN) manage.py up

test: lint  ## everything that CI runs
	$(RUN) -m pytest -n auto -m "$(QUICK)"
	$(RUN) -m pytest -n 2 --dist loadfile -m "$(REAL)"
	$(RUN) -m pytest -m "$(FAULTS)"

test-quick: .venv/dev.stamp  ## the tests without a stack or browser
	$(RUN) -m pytest -n auto -m "$(QUICK)"

test-long: .venv/dev.stamp  ## the tests that take minutes
	$(RUN) -m pytest -m long --timeout=3600

bench: .venv/runtime.stamp  ## how far from the limit: the figures and their targets, on stacks of its own (PARTS=, RUNS=)
	@exec $(RUN) manage.py bench $(PARTS) --runs $(or $(RUNS),5)

lint: .venv/dev.stamp  ## style, layers, types, missing migrations
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports
	.venv/bin/mypy
	$(RUN) -W ignore manage.py makemigrations --check --dry-run

format: .venv/dev.stamp  ## write the code the way `lint` wants it
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lock: .venv/dev.stamp  ## resolve config/requirements*.in anew
	$(RUN) -m venv .venv/lock && .venv/lock/bin/python -m pip install --quiet uv
	cd config && for name in requirements requirements-dev; do \
		UV_CUSTOM_COMPILE_COMMAND="make lock" ../.venv/lock/bin/uv pip compile --quiet --upgrade --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --only-binary :all: $$name.in -o $$name.txt || exit 1; done

clean:  ## remove .venv and caches; data folders stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/runtime.stamp: config/requirements.txt
	@$(call need-python)
	@"$(PYTHON)" config/environment.py runtime

.venv/dev.stamp: config/requirements-dev.txt
	@$(call need-python)
	@"$(PYTHON)" config/environment.py dev

need-python = test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found." >&2; exit 1; }
