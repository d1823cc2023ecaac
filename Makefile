# `make demo` runs the main job in the emulated account, `make test` passes the tests.
# Both need Python 3.11 or newer and make, and set everything else up themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
READY := $(VENV)/.ready
DEMO := build/demo
# What explore may take at most for each of its parts, and what its chance begins with.
MINUTES ?= 20
SEED ?= 1
# The newest release that runs on Node 20; it proves that other clients get on with the sandbox.
WRANGLER := build/wrangler/4.80.0
# Microsoft's own emulator of Azure's storage; newer ones need Node 22.
AZURITE := build/azurite/3.35.0
# Tools that read Terraform's plans, each in an environment of its own: they prove that ours do.
CONSUMERS := $(patsubst tests/consumers/requirements/%.txt,build/consumers/%/.ready,\
  $(wildcard tests/consumers/requirements/*.txt))

.PHONY: demo test explore lint format bench clean

demo: $(READY)
	@rm -rf $(DEMO) && mkdir -p build && cp -R examples/quickstart $(DEMO)
	@cd $(DEMO) && rm -rf .reconciler && PATH="$(BIN):$$PATH" sh -ec ' \
	  run() { printf "\n$$ %s\n" "$$*"; "$$@"; }; \
	  run reconciler validate; \
	  run reconciler plan --sandbox; \
	  run reconciler apply --sandbox --auto-approve; \
	  run reconciler plan --sandbox --detailed-exitcode; \
	  run reconciler output --sandbox'

test: $(READY) $(CONSUMERS) $(if $(shell command -v npm),$(WRANGLER) $(AZURITE))
	RECONCILER_TEST_WRANGLER="$(CURDIR)/$(WRANGLER)" $(BIN)/python -m pytest -n auto --cov --cov-report=term:skip-covered

explore: $(READY)
	@missing=""; \
	command -v strace >/dev/null || missing="$$missing strace"; \
	command -v mkfs.ext4 >/dev/null || missing="$$missing e2fsprogs"; \
	command -v mkfs.xfs >/dev/null || missing="$$missing xfsprogs"; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y $$missing >/dev/null; \
	elif [ -n "$$missing" ]; then \
	  echo "What needs these packages is left out:$$missing. As root they are installed."; \
	fi
	$(BIN)/python -m tests.explore --minutes $(MINUTES) --seed $(SEED)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m tests.benchmarks

clean:
	rm -rf $(VENV) build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(WRANGLER) $(AZURITE):
	npm install --prefix $@ --no-audit --no-fund --loglevel=error --ignore-scripts \
	  $(notdir $(@D))@$(notdir $@) || rm -rf $@

build/consumers/%/.ready: tests/consumers/requirements/%.txt $(READY)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(@D)
	$(BIN)/uv pip install --quiet --python $(@D)/bin/python --requirement $< \
	  && touch $@ || rm -rf $(@D)

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $(READY)
