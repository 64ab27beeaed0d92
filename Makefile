# netchat: `make demo` shows it, `make test` proves it. Each target installs what it needs.
VENV   := .venv
ifeq ($(OS),Windows_NT)
SHELL  := bash
PYTHON ?= python
BIN    := $(VENV)/Scripts
else
PYTHON ?= python3
BIN    := $(VENV)/bin
endif
# Stamps: which locked sets of packages .venv has. The demo needs only the first.
BASE      := $(VENV)/.base
NOTEBOOKS := $(VENV)/.notebooks
DEV       := $(VENV)/.dev
LAB       := $(VENV)/etc/jupyter/labconfig/page_config.json
# The tests start hundreds of processes, which start twice as fast with their bytecode on disk.
unexport PYTHONDONTWRITEBYTECODE
# Test processes: one more than a machine of two cores has, because many tests wait for other processes.
JOBS ?= 3
PARALLEL := -n $(JOBS) --dist worksteal
BEGAN := $(shell date +%s)
took = echo "make $@ took $$(( $$(date +%s) - $(BEGAN) )) s"
# Packages without I/O.
CORES := wire chat link coding

.PHONY: help setup demo notebooks solutions check test thorough bytecode coverage lint format lock docs site captures \
  screenshots fuzz clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(DEV) ## create .venv with every locked package and netchat itself

# uv does the same as venv and pip, ten times faster; it is optional.
define create
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --seed --allow-existing --python \
	    "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV); \
	else \
	  $(PYTHON) -m venv $(VENV); \
	fi
endef

define install
	@if command -v uv >/dev/null 2>&1; then \
	  uv pip install --quiet --python $(BIN)/python $(1); \
	else \
	  $(BIN)/python -m pip install -qq --disable-pip-version-check $(1); \
	fi
endef

$(BASE): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "netchat needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "[setup] creating $(VENV)"
	$(create)
	@echo "[setup] installing netchat and the packages it needs (requirements.lock)"
	$(call install,--require-hashes -r requirements.lock)
	$(call install,--no-deps --no-build-isolation --editable .)
	@touch $@

$(NOTEBOOKS): requirements-notebooks.lock | $(BASE)
	@echo "[setup] installing Jupyter (requirements-notebooks.lock)"
	$(call install,--require-hashes -r requirements-notebooks.lock)
	@touch $@

$(DEV): requirements-dev.lock | $(BASE)
	@echo "[setup] installing linters, test tools, Jupyter and Sphinx (requirements-dev.lock)"
	$(call install,--require-hashes -r requirements-dev.lock)
	@touch $@ $(NOTEBOOKS)

demo: $(BASE) ## show the main features, end to end, in under a minute
	@$(BIN)/netchat demo
	@echo "(The program is $(BIN)/netchat; source $(BIN)/activate adds it to your PATH.)"

notebooks: $(NOTEBOOKS) $(LAB) ## open the lessons in Jupyter
	cd experiments && ../$(BIN)/jupyter lab $$([ "$$(id -u)" = 0 ] && echo --allow-root)

# Stops Jupyter from asking students whether it may fetch news.
$(LAB): | $(NOTEBOOKS)
	@$(BIN)/jupyter labextension disable --level=sys_prefix \
	  "@jupyterlab/apputils-extension:announcements" >/dev/null 2>&1

solutions: $(NOTEBOOKS) ## write the solved notebooks to experiments/solved (for instructors)
	@$(BIN)/python -m netchat.course solve

lint: $(DEV) ## run linters, type checks and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/netchat protocol --check
	@$(BIN)/netchat protocol --js --check
	@$(BIN)/netchat wireshark check
	@$(BIN)/netchat man --check share

# These tests wait for nothing, so a third process would only import the tests once more.
check: JOBS = 2
check: lint ## the fast loop: lint, types and every test not marked slow, thorough or alone
	@$(BIN)/pytest -q $(PARALLEL) -m "not slow and not thorough and not alone"
	@$(took)

test: $(DEV) ## lint, types, tests and coverage (NETCHAT_NO_APT=1 installs no system packages)
	@$(BIN)/python -m tests.system_packages
	@$(MAKE) --no-print-directory -j 2 lint bytecode
	@CORE_COVERAGE=1 $(BIN)/pytest $(PARALLEL) -m "not thorough and not alone"
	@$(BIN)/pytest -m "alone and not thorough"
	@$(took)

thorough: $(DEV) ## the tests that `make test` leaves out: whole lessons, every command of the pages, long crashes
	@$(BIN)/python -m tests.system_packages
	@$(BIN)/pytest $(PARALLEL) -m "thorough and not alone"
	@$(BIN)/pytest -m "thorough and alone"
	@$(took)

# In a new clone, importing the tests compiles and rewrites them and half of the packages, for half a
# minute. This happens once, beside the type checker, instead of in every test process.
bytecode: $(DEV)
	@$(BIN)/pytest --collect-only -qq >$(VENV)/collected 2>&1 || { cat $(VENV)/collected; exit 1; }

coverage: $(DEV) ## the tests of the cores, and the lines and branches that they do not reach
	@CORE_COVERAGE=1 $(BIN)/pytest -q $(PARALLEL) -m "not alone" $(CORES:%=tests/%)

format: $(DEV) ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(DEV) ## regenerate the generated documents
	$(BIN)/netchat protocol --write
	$(BIN)/netchat protocol --js --write
	$(BIN)/netchat wireshark write
	$(BIN)/netchat man --write share
	$(BIN)/python -m netchat.course write

site: $(DEV) ## build the documentation site in build/site
	@$(BIN)/sphinx-build -W --keep-going -q -c docs -b html . build/site
	@echo "built: build/site/index.html"

captures: $(DEV) ## retake the captures in captures/ (as root)
	$(BIN)/python -m tests.captures

screenshots: $(DEV) ## retake the pictures in docs/pictures/ (needs chromium, Xvfb and an emoji font)
	@$(BIN)/python -m tests.screenshots
	@$(BIN)/python -m tests.desktop_pictures
	@$(BIN)/python -m tests.fullscreen_pictures
	@$(BIN)/python -m tests.pictures

fuzz: $(DEV) ## feed one million hostile inputs to everything that reads bytes
	$(call install,--require-hashes -r requirements-fuzz.lock)
	$(BIN)/python -m tests.fuzz frame_reader --cases 1000000
	$(BIN)/python -m tests.fuzz hub --cases 1000000
	$(BIN)/python -m tests.fuzz pcap --cases 1000000
	$(BIN)/python -m tests.fuzz reassembly --cases 1000000
	$(BIN)/python -m tests.fuzz decoder --cases 1000000
	$(BIN)/python -m tests.fuzz link --cases 1000000
	$(BIN)/python -m tests.fuzz datagram_listener --cases 1000000
	$(BIN)/python -m tests.fuzz websocket --cases 1000000

PIN := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --custom-compile-command "make lock" pyproject.toml

lock: ## pin the packages again (needs uv)
	$(PIN) --upgrade --extra all --group dev -o requirements-dev.lock
	$(PIN) --group build -c requirements-dev.lock -o requirements.lock
	$(PIN) --extra notebooks --group build -c requirements-dev.lock -o requirements-notebooks.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --upgrade --custom-compile-command "make lock" --group fuzz -o requirements-fuzz.lock

clean: ## remove everything that make created
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
