# Every target sets up the project's own virtual environment on first use.
# A fresh machine needs Python 3.11+ and make, nothing else.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# Tests share two cores well; more workers only add start-up.
JOBS   ?= 2
# Where tests ask a real control plane, and wait for it: more workers than cores keep those busy.
REAL   := tests/conformance tests/real tests/testing tests/test_readme_on_clusters.py

.DEFAULT_GOAL := help
.PHONY: help demo bench test test-heavy test-real control-plane image lint manifests lock clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

demo: $(READY) ## Run a job from YAML to Succeeded on a control plane of its own (TOUR=jobs: every kind; KEEP=1: leave it running)
	@$(BIN)/python -m hack.demo $(if $(TOUR),--tour $(TOUR)) $(if $(KEEP),--keep)

bench: $(READY) ## Measure what the manager takes for a thousand jobs (ARGS="--jobs 100" for fewer)
	@$(BIN)/python -m hack.bench.jobs $(ARGS)

test: $(READY) ## Run the tests
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

test-heavy: $(READY) ## Run the tests that take minutes
	$(BIN)/python -m pytest -n $(JOBS) -m heavy $(ARGS)

test-real: control-plane ## Run the tests that ask a real Kubernetes control plane
	$(BIN)/python -m pytest -n $$(($(JOBS) + 1)) --dist loadfile -m real $(REAL) $(ARGS)

control-plane: $(READY) ## Build that control plane into the cache, once (needs Go)
	@$(BIN)/python -m mlctl_core.testing.kubernetes

image: $(READY) ## Build the manager's image, build/manager.tar, without a container engine
	@$(BIN)/python -m hack.image --archive build/manager.tar

lint: $(READY) ## Check style, types, import directions and generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m hack.manifests --check

manifests: $(READY) ## Generate manifests/crds and base/rbac.yaml from apis/ and controllers/
	$(BIN)/python -m hack.manifests

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock"
lock: $(READY) ## Resolve the hashed requirements anew
	$(COMPILE) pyproject.toml --extra metrics-secure --output-file requirements/image.txt
	$(COMPILE) pyproject.toml --extra embedded --group dev --output-file requirements/dev.txt
	$(COMPILE) requirements/scikit-learn.in --output-file requirements/scikit-learn.txt
	$(COMPILE) requirements/spark.in --output-file requirements/spark.txt
	$(COMPILE) requirements/tensorflow.in --output-file requirements/tensorflow.txt

clean: ## Remove what the other targets made in this tree
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The project itself is installed without its dependencies: those come from the lock, with hashes.
$(READY): pyproject.toml requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@test -x $(BIN)/python || { echo "setting up $(VENV) (once)"; $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@
