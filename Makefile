# Two commands: `make repro` regenerates everything, `make test` checks everything.
PYTHON ?= python3
BIN := .venv/bin
# DVC starts `python` from PATH; the lab's own update check is off, as is every other call home.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONPATH := $(CURDIR)
export JUPYTER_CONFIG_DIR := $(CURDIR)/.jupyter
export DVC_NO_ANALYTICS := 1
UV_VERSION := $(shell sed -n 's/^uv==\([^ ;]*\).*/\1/p' requirements.txt)

.PHONY: repro demo rehearse test test-random lab lint lock audit-deps bench bits preflight
.DELETE_ON_ERROR:

repro: .venv/.locked            ## regenerate every table, figure and report that is out of date
	dvc repro && python -m ddet.report.page --readme

demo: .venv/.locked              ## the whole pipeline at smoke size, in demo/: the checkout stays as it is
	python -m ddet.tools.demo

rehearse: .venv/.locked          ## the paper profile on miniatures of the datasets, in rehearsal/: an hour or so without a GPU
	python -m ddet.tools.rehearse

test: .venv/.locked             ## every test, with the notebooks run in a clone at smoke size
	python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-random: .venv/.locked      ## property tests alone, with many cases that are others each time
	python -m pytest -n 2 --dist loadfile --hypothesis-profile long -m hypothesis

lint: .venv/.locked             ## what the pre-commit hooks check
	ruff check . && ruff format --check . && python -m ddet.tools.strip --check notebooks

lab: .venv/.locked              ## read and edit the notebooks
	jupyter lab notebooks

audit-deps: .venv/.locked       ## known vulnerabilities of what the lock holds; needs a network
	python -m ddet.tools.audit_deps

bits: .venv/.locked             ## does this machine compute what is recorded?
	python -m ddet.tools.bits --check

bench: .venv/.locked            ## speed and memory, as ratios in one run
	for f in benchmarks/bench_*.py; do echo "## $$f"; env $$(python -m ddet.tools.pins) python $$f || exit 1; done

# The lock decides the environment; uv installs it (with bytecode: importing fastai takes 5 s with, 15 s without).
.venv/.locked: requirements.txt pyproject.toml | preflight
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	UV_COMPILE_BYTECODE=1 $(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.txt
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --offline --python $(BIN)/python -e .
	touch $@

preflight:                      ## what this machine lacks, in one line, before anything is installed
	@$(PYTHON) ddet/tools/preflight.py

lock:                           ## resolve pyproject.toml again, then write the conda route from the same pins
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-header --no-emit-index-url --no-emit-find-links --upgrade --quiet -o requirements.txt
	$(BIN)/python -m ddet.tools.conda > environment.yml
