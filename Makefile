# Wakecall: `make` alone lists the targets.
PYTHON ?= python3
RUNTIME ?= cpython
VENV := .venv
INSTALLED := $(VENV)/.installed
WAKECALL := $(VENV)/bin/wakecall
PIP := $(VENV)/bin/pip install --quiet --disable-pip-version-check
PYTEST_FLAGS ?=

.PHONY: help setup demo test sweep lint bench contract lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## make the virtual environment from the lock file, with the device libraries

demo: $(INSTALLED) ## the whole story on this machine; RUNTIME=micropython runs the genuine interpreter
	@$(WAKECALL) demo --runtime $(RUNTIME)

test: $(INSTALLED) ## run the tests, the long sweeps in their short form
	@$(VENV)/bin/pytest -n auto --dist worksteal -m "not slow" $(PYTEST_FLAGS)

sweep: $(INSTALLED) ## run the long sweeps; takes many minutes
	@$(VENV)/bin/pytest -m slow $(PYTEST_FLAGS)
	@$(WAKECALL) torture

lint: $(INSTALLED) ## check style and types
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

bench: $(INSTALLED) ## measure platform, firmware and simulator on this machine; takes some minutes
	@$(VENV)/bin/python -m host_tools.bench.platform
	@$(VENV)/bin/python -m host_tools.bench.firmware
	@$(VENV)/bin/python -m host_tools.bench.sim

contract: $(INSTALLED) ## hold a server to the wire: make contract URL=http://host:8080 MQTT=mqtt://host:1883
	@WAKECALL_CONTRACT_URL="$(URL)" $(if $(MQTT),WAKECALL_CONTRACT_MQTT="$(MQTT)") $(VENV)/bin/pytest tests/contract $(PYTEST_FLAGS)

lock: ## write requirements.lock anew from pyproject.toml (needs uv on the PATH)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	  --extra dev pyproject.toml --output-file requirements.lock

clean: ## remove the virtual environment and everything that was built
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "make: $(PYTHON) not found: install Python 3.11 or newer, or say make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: Wakecall needs Python 3.11 or newer, this is $$($(PYTHON) -V 2>&1): install one, or say make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "make: $(PYTHON) cannot make a virtual environment: install its venv module (Debian: python3-venv)" >&2; exit 1; }
	@$(PIP) --require-hashes -r requirements.lock && $(PIP) --no-deps --no-build-isolation --editable . || { \
	  echo "make: the packages of requirements.lock were not installed (see above): is there a network? make again goes on" >&2; exit 1; }
	@$(VENV)/bin/python -m host_tools.device_libraries
	@touch $(INSTALLED)
