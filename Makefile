# `make demo` and `make test` work on a fresh checkout: each makes .venv first if it is not there.
PYTHON ?= python3.11
VENV ?= .venv
DATA ?= ../shared/data
GROUND ?= $(DATA)/ground
# Where `make torch` gets PyTorch from: for a GPU https://download.pytorch.org/whl/cu126, say.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
PAIRS ?= $(wildcard $(DATA)/pairs_*)
MINUTES ?= 60
# Three processes, as some tests wait for processes of their own; the tests of one file stay together, so that its fixtures are made once.
PYTEST_ARGS ?= -n 3 --dist loadfile

BIN := $(VENV)/bin
RUN := $(VENV)/.run-stamp
DEV := $(VENV)/.dev-stamp
SOURCES := cloud_removal benchmarks $(wildcard *.py) $(wildcard assets/*.py deploy/*.py docs/*.py)

.PHONY: help demo test lint format bench torch gpu soak experiments systems-table search figures scenes picture adaptation clean

help:
	@echo "make demo      take the clouds off the sample scenes into demo/"
	@echo "make test      lint, then all tests"
	@echo "make lint      ruff, mypy, import directions"
	@echo "make format    let ruff format the code"
	@echo "make bench     speed and memory: a table, and bench/results.json"
	@echo "make torch     PyTorch into .venv-bench, for make bench and make gpu to compare with"
	@echo "make gpu       training on a GPU beside PyTorch and the card's peak, into docs/performance.md"
	@echo "make soak      long fault tests: twenty kills, resumed each time"
	@echo "make experiments  an hour: each cure and objective of inpainting on GROUND=$(GROUND), into docs/inpainting.md"
	@echo "make systems-table  hours: pix2pix, CycleGAN, U-Net for MINUTES=$(MINUTES) each on GROUND, into docs/systems.md"
	@echo "make search    hours: the default network with one thing changed at a time, on GROUND, into docs/"
	@echo "make figures   pictures from DATA=$(DATA) into figures/ (not part of the repository)"
	@echo "make scenes    make the sample scenes of assets/ again"
	@echo "make picture   make the README's picture from the demo"
	@echo "make adaptation  ten minutes: adapt the model to a sensor it does not know, into assets/adapted.jpg"

# pip, not python, is what a venv made without python3.11-venv lacks.
$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found; install it (apt install python3.11 python3.11-venv) or name another: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUN): requirements.txt | $(BIN)/pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(DEV): requirements-dev.txt requirements.txt | $(BIN)/pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(RUN)

demo: $(RUN)
	$(BIN)/python -m assets.demo

test: lint
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/python -m mypy $(SOURCES)
	$(BIN)/lint-imports --no-logo

format: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV)
	$(BIN)/python -m benchmarks

# Optional: what the training step is measured against, in an environment of its own.
torch: .venv-bench/.stamp

.venv-bench/.stamp:
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --extra-index-url $(TORCH_INDEX) "torch>=2.6" numpy
	@touch $@

gpu: $(RUN)
	$(BIN)/python -m benchmarks.gpu --page docs/performance.md

soak: $(RUN)
	$(BIN)/python -m benchmarks.soak
	$(BIN)/python -m benchmarks.soak_workers

experiments: $(RUN)
	$(BIN)/python -m benchmarks.cures --data.ground $(GROUND) --page docs/inpainting.md

systems-table: $(RUN)
	$(BIN)/python -m benchmarks.systems_table --data.ground $(GROUND) $(if $(PAIRS),--pairs $(PAIRS)) --minutes $(MINUTES) \
		--page docs/systems.md

search: $(RUN)
	$(BIN)/python -m benchmarks.search --data.ground $(GROUND) $(if $(PAIRS),--pairs $(PAIRS) --pairs-only first:30) \
		--page docs/experiments.md

figures: $(RUN)
	$(BIN)/python -m docs.figures --data $(DATA)

scenes: $(RUN)
	$(BIN)/python -m assets.make_scenes

picture: demo
	$(BIN)/python -m assets.make_picture

adaptation: $(RUN)
	$(BIN)/python -m assets.make_adaptation

clean:
	rm -rf demo figures bench .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
