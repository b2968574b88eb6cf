# make demo     sets up, restores a bundled recording, shows what it did
# make app      sets up, opens the page in the browser, on a bundled song that was damaged
# make test     sets up, runs the tests, of many alike a few; TESTS=... are more options for pytest,
#               TESTS=--thorough runs all of them, as CI does
# make lint     sets up, runs the linters and the type checker
# make check    the same, and tries the wheel in an environment of its own
# make torture  sets up, runs the tests with their full counts: kills writers, fills disks and flips
#               bits under stores, tries each node with all that there is: an hour
# make fuzz     sets up, reads mutated files for MINUTES=30: graphs, sound, tags, weights, records;
#               goes on where it was, in out/fuzz
# make bench    sets up, times the engine and the store, and prints one table; BENCH="NAME ..." times what
#               is slow, by modules of tests/benchmarks; BENCH="--json FILE" and BENCH="--before FILE"
#               compare two commits
# make clean    removes what these made
#
# What decides whether a change lands is .ci/run: the wheel, make lint, the engine's tests on other
# Pythons, make test.

PYTHON ?= python3
VENV ?= .venv
TESTS ?=
MINUTES ?= 30
BENCH ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

.PHONY: demo app test lint check torture fuzz bench clean

demo: $(VENV)/installed-run
	$(BIN)/resonate demo

app: $(VENV)/installed-app
	$(BIN)/python -c 'from resonate_graph._cli.demo_song import bundled_song; bundled_song().damaged.save("out/app/damaged-song.wav")'
	$(BIN)/resonate app song-repair -i mix=out/app/damaged-song.wav -p model=mini

# Two workers and some hundred processes read our modules; where surroundings forbid Python to keep
# them compiled, each would compile all of them again.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/installed-test
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal $(TESTS)

lint: $(VENV)/installed-check
	$(BIN)/python -m pip --disable-pip-version-check check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint
	PYTHON=$(abspath $(BIN)/python) .ci/wheel

torture: $(VENV)/installed-test
	$(BIN)/python -m pytest --torture --durations=20

fuzz: $(VENV)/installed-fuzz
	$(BIN)/python -m tests.fuzz $(MINUTES)

bench: $(VENV)/installed-bench
	$(BIN)/python -m tests.benchmarks $(BENCH)

clean:
	rm -rf $(VENV) out dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' || \
	  { echo "Python 3.10 to 3.13 is needed; name one: make PYTHON=/path/to/python ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed-run: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing (about 2 GB, some minutes the first time) ..."
	$(PIP) -e .
	@touch $@

$(VENV)/installed-app: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing (about 2 GB, some minutes the first time) ..."
	$(PIP) -e ".[app]"
	@touch $@

$(VENV)/installed-test: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing (about 2 GB, some minutes the first time) ..."
	$(PIP) -e ".[test]"
	@touch $(VENV)/installed-run $(VENV)/installed-app $@

$(VENV)/installed-bench: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing (about 2 GB, some minutes the first time) ..."
	$(PIP) -e ".[bench]"
	@touch $@

$(VENV)/installed-fuzz: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing (about 2 GB, some minutes the first time) ..."
	$(PIP) -e ".[fuzz]"
	@touch $@

$(VENV)/installed-check: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing (about 2 GB, some minutes the first time) ..."
	$(PIP) -e ".[check]"
	@touch $(VENV)/installed-run $(VENV)/installed-app $(VENV)/installed-test $@
