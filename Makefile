# netchat: `make demo` shows it, `make test` proves it. Both set everything up by themselves.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.netchat-ready
LAB    := $(VENV)/etc/jupyter/labconfig/page_config.json

.PHONY: help setup demo notebooks solutions test lint format lock docs captures screenshots fuzz clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with the locked packages and netchat itself

# The stamp is newer than what it was made from, so a second run sets nothing up again.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "netchat needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting $(VENV) up: this takes some minutes, and only the first time."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## the main job, end to end, in under a minute
	@$(BIN)/netchat demo
	@echo "(It is $(BIN)/netchat; source $(BIN)/activate puts it on your path.)"

notebooks: setup $(LAB) ## open the lab course in Jupyter
	cd experiments && ../$(BIN)/jupyter lab $$([ "$$(id -u)" = 0 ] && echo --allow-root)

# Jupyter need not ask a student whether it may fetch news.
$(LAB): | setup
	@$(BIN)/jupyter labextension disable --level=sys_prefix \
	  "@jupyterlab/apputils-extension:announcements" >/dev/null 2>&1

solutions: setup ## make the solved notebooks, in experiments/solved (for instructors)
	@$(BIN)/python -m netchat.course solve

test: setup ## linters, types, layers, and the whole test suite
	@$(BIN)/python -m tests.system_packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/netchat protocol --check
	$(BIN)/netchat protocol --js --check
	$(BIN)/netchat wireshark check
	$(BIN)/pytest

lint: setup ## linters and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup ## write the generated documents again
	$(BIN)/netchat protocol --write
	$(BIN)/netchat protocol --js --write
	$(BIN)/netchat wireshark write
	$(BIN)/python -m netchat.course write

captures: setup ## take the captures in captures/ again (as root)
	$(BIN)/python -m tests.captures

screenshots: setup ## take the pictures in docs/pictures/ again (needs chromium)
	@$(BIN)/python -m tests.screenshots
	@$(BIN)/python -m tests.pictures

fuzz: setup ## one million hostile inputs through everything that reads bytes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fuzz.lock
	$(BIN)/python -m tests.fuzz frame_reader --cases 1000000
	$(BIN)/python -m tests.fuzz hub --cases 1000000
	$(BIN)/python -m tests.fuzz pcap --cases 1000000
	$(BIN)/python -m tests.fuzz reassembly --cases 1000000
	$(BIN)/python -m tests.fuzz decoder --cases 1000000
	$(BIN)/python -m tests.fuzz link --cases 1000000
	$(BIN)/python -m tests.fuzz door --cases 1000000
	$(BIN)/python -m tests.fuzz websocket --cases 1000000

lock: ## pin the packages again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --upgrade --custom-compile-command "make lock" pyproject.toml --extra all --group dev -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --upgrade --custom-compile-command "make lock" --group fuzz -o requirements-fuzz.lock

clean: ## remove what was made here
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
