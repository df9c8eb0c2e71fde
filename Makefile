# Everything a developer types. `make setup` is done by whatever needs it, once.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-external lint mutants docs bench eval eval-replies likeness fuzz chaos lock

VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.installed
ARGS ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(DONE) ## install into .venv what requirements.lock names, checked by hash

demo: $(DONE) ## a whole portfolio out and back on sandbox carriers (ARGS="--accounts 300 --keep")
	$(BIN)/outreach demo $(ARGS)

test: $(DONE) ## all tests, on real servers (ARGS="-k name")
	$(BIN)/pytest -n 2 --dist loadfile $(ARGS)

test-external: $(DONE) ## our requests against what carriers publish: this one asks the internet
	$(BIN)/pytest tests/external $(ARGS)

lint: $(DONE) ## format, style, types, imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

mutants: $(DONE) ## policy packs wrong in one thing each: is there a case that notices?
	$(BIN)/python tests/unit/compliance/mutants.py

docs: $(DONE) ## write docs/compliance.md anew from the policy packs
	$(BIN)/python tests/unit/compliance/compliance_doc.py

bench: $(DONE) ## measure import and sending beside their bare floor
	$(BIN)/python -m bench $(ARGS)

eval: $(DONE) ## the gate on words held against labelled texts (ARGS="--set tuning --show")
	$(BIN)/python -m eval.wording $(ARGS)

eval-replies: $(DONE) ## what replies are taken to mean, held against labelled ones
	$(BIN)/python -m eval.replies $(ARGS)

likeness: $(DONE) ## what the second readers of words and replies learn from the texts for tuning
	$(BIN)/python -m eval.likeness
	$(BIN)/python -m eval.reply_likeness

fuzz: $(DONE) ## ten minutes of broken CMPP (ARGS="--seconds 60 --seed 2")
	$(BIN)/python tests/fuzz/fuzz_cmpp.py $(ARGS)

chaos: $(DONE) ## 22 storms: processes and servers killed in mid-flight (ARGS="-k storm")
	$(BIN)/pytest tests/chaos -s -p no:randomly $(ARGS)

lock: $(DONE) ## resolve pyproject.toml anew into requirements.lock
	$(BIN)/python -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet uv
	$(VENV)/lock/bin/uv pip compile pyproject.toml --upgrade --universal --python-version 3.11 \
		--all-extras --generate-hashes --no-emit-index-url --no-header --quiet \
		--output-file requirements.lock

$(DONE): requirements.lock pyproject.toml
	@python=; for candidate in python3.11 python3 python3.12 python3.13; do \
		if $$candidate -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
			2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo 'Outreach needs Python 3.11, 3.12 or 3.13 with venv; none was found on PATH.' >&2; \
		echo '  → install it (Debian, Ubuntu: apt install python3.11-venv) and run make again' >&2; \
		exit 1; \
	fi; \
	[ -x $(BIN)/python ] || $$python -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
