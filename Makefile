# `make demo` and `make test` set up everything they need, inside this folder: a virtual environment in .venv with the
# versions of requirements.lock, installed by uv, which itself comes from the package index.

# The first Python of these that runs at all (a version manager may put a name on the path that does not).
PYTHON ?= $(shell for name in python3.11 python3.12 python3 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && { echo $$name; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: demo check test lint pages bench lock clean
.DELETE_ON_ERROR:

demo: $(READY)  ## one sweep of real trainings, from nothing to an exported configuration
	@echo "steadytune demo: a sweep of resnet_yolo, tiny preset. At most 6 minutes on 2 CPU cores."
	@test -f samples/resnet_yolo/data.yaml || $(BIN)/steadytune sample resnet_yolo samples/resnet_yolo
	@$(BIN)/steadytune launch docs/demo.yaml --name demo-$$(date +%Y%m%d-%H%M%S)

FAST := $(BIN)/python -m pytest -q -n 2 --dist loadfile

check: $(READY) lint  ## before each commit, two minutes: linters, types, fast tests
	$(FAST)

test: export SKIPPED := $(VENV)/skipped
test: $(READY) lint  ## everything that must hold: linters, types, fast tests, tests with Ray, whole sweeps
	@rm -f $(SKIPPED)
	$(FAST)
	$(FAST) -m "ray or e2e" --ignore tests/sweeps
	$(BIN)/python -m pytest -q -m "ray or e2e" tests/sweeps  # each takes both cores
	@$(BIN)/python -m tests.support.skipped $(SKIPPED)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict  # the docs site, in site/: links, anchors, docstrings; no network

pages: $(READY)  ## write the tables of settings on the recipes' pages, and of fields on the sweep file's
	$(BIN)/python docs/tools/settings_tables.py
	$(BIN)/python docs/tools/sweep_fields.py
	$(BIN)/python -m tests.support.bad_files --write

bench: $(READY)  ## what the tool itself costs, against stock Ray Tune (about 15 minutes)
	$(BIN)/python -m tests.bench.cost.overhead

lock: $(VENV)/bin/uv  ## pin the versions again
	$(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --extra dev \
		--python-version 3.11 pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) build *.egg-info samples sweeps site

$(VENV)/bin/uv:
	@test -n "$(PYTHON)" || { echo "steadytune needs Python 3.11 or 3.12; give one: make PYTHON=/path/to/python3.12"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make virtual environments; on Debian: apt install python3-venv"; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(READY): requirements.lock pyproject.toml | $(VENV)/bin/uv
	@echo "Installing (about 7 GB, a minute on a fast line) ..."
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --requirement requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@
