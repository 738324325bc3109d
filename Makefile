# `make help` lists the targets. Each starts from nothing: what is missing is installed into .venv first.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
LAUNCH := $(PYTHON) -m augmented.launcher
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help install run test faults bench lint types contracts format lock openapi check clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: ## create .venv, install everything, build the front end
	@$(LAUNCH) install

run: ## start the whole system (PORT=8000, HOST=127.0.0.1, WORKERS=2); Ctrl-C stops it
	@exec $(LAUNCH) run

test: ## the whole suite on servers of its own; ARGS='-k name' goes to pytest
	@exec $(LAUNCH) test $(ARGS)

faults: ## the long fault tests
	@exec $(LAUNCH) faults $(ARGS)

bench: ## the benchmarks and the floor under them, into benchmarks/results/
	@exec $(LAUNCH) bench $(ARGS)

lint: install ## formatting, lint and layer contracts; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: install ## mypy
	$(BIN)/mypy

format: install ## format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: ## all that CI runs
	@.ci/run

openapi: install ## write the OpenAPI snapshot anew
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

lock: install ## resolve the requirements into constraints.txt
	$(BIN)/uv pip compile --quiet --upgrade --python $(BIN)/python --no-header --no-annotate \
	  requirements.txt requirements-dev.txt --output-file constraints.txt

clean: ## remove what was built and installed; the data in var/ stays
	rm -rf .venv static/dist frontend/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
