# Two commands do everything, set-up included: `make demo` and `make test`. The rest are their parts.
# Needed: Python 3.10 or later with venv, make and git.

PYTHON ?= python3
UV := .tools/bin/uv
BIN := .venv/bin
PYTHONS ?= py310,py311,py312,py313,oldest
TOX := $(BIN)/tox run
MEMBERS := pyproject.toml $(wildcard lib/pyproject.toml localjuju/pyproject.toml charms/*/pyproject.toml)

# A hook is a process: what it imports should be compiled once.
export UV_COMPILE_BYTECODE := 1

.DEFAULT_GOAL := help

.PHONY: help
help:  ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup  ## Both charms on a local model, one certificate, one page; Ctrl-C ends it (DETACH=1 leaves it)
	@$(BIN)/python scripts/demo.py up $(if $(DETACH),--detach)

.PHONY: demo-down
demo-down: setup  ## End a demo that was left running
	@$(BIN)/python scripts/demo.py down

.PHONY: test
test: setup  ## All checks: lint, types, documentation, unit tests, simulations, the library on each Python that is here, integration on localjuju
	$(TOX) -e lint,types,docs,unit,simulation,$(PYTHONS),integration-local

.PHONY: lint
lint: setup  ## Style and spelling
	$(TOX) -e lint

.PHONY: types
types: setup  ## Types, strictly
	$(TOX) -e types

.PHONY: docs
docs: setup  ## The documentation, into build/docs (and its inner links checked)
	$(TOX) -e docs

.PHONY: unit
unit: setup  ## Unit tests (ARGS='tests/unit/lib -k name' for some of them)
	$(TOX) -e unit $(if $(ARGS),-- $(ARGS))

.PHONY: library
library: setup  ## The library's unit tests on each Python that is here, and with its oldest dependencies (PYTHONS=py310; ARGS as for unit)
	$(TOX) -e $(PYTHONS) $(if $(ARGS),-- $(ARGS))

.PHONY: charms-py310
charms-py310: setup  ## Both charms' unit tests on the Python of Ubuntu 22.04 (ARGS as for unit)
	$(TOX) -e charms-py310 $(if $(ARGS),-- $(ARGS))

.PHONY: simulation
simulation: setup  ## Lives of both charms and of the library: crashes, liars, every order (ARGS as for unit; SEED=n again)
	SIMULATION_SEED=$(SEED) $(TOX) -e simulation $(if $(ARGS),-- $(ARGS))

.PHONY: soak
soak: setup  ## The same for hours (STEPS=20000 or HOURS=8; SEED=n BATCHES=1 plays a batch again; JOBS=n at a time)
	@PYTHONHASHSEED=0 $(BIN)/python tests/simulation/soak.py $(if $(SEED),--seed $(SEED)) $(if $(BATCHES),--batches $(BATCHES)) $(if $(JOBS),--jobs $(JOBS)) \
		$(if $(HOURS),--steps 1000000000 --hours $(HOURS)) $(if $(STEPS),--steps $(STEPS)) $(if $(SUMMARY),--summary $(SUMMARY))

.PHONY: worlds
worlds: setup  ## Every order of everything in the largest of the small worlds: half an hour or so
	$(TOX) -e simulation -- -s --timeout 0 tests/simulation/large_worlds.py

.PHONY: integration-local
integration-local: setup  ## Integration tests on localjuju (ARGS='tests/integration/test_deploy.py' for some of them)
	$(TOX) -e integration-local $(if $(ARGS),-- $(ARGS))

.PHONY: integration
integration: setup  ## Integration tests on the controller that `juju` is logged into
	$(TOX) -e integration $(if $(ARGS),-- $(ARGS))

.PHONY: fuzz
fuzz: setup  ## Hostile input by the hundred thousand, in at most ten minutes (ARGS='--target provider --seed 7' for some of it)
	@$(BIN)/python -m tests.fuzz $(ARGS)

.PHONY: mutants
mutants: setup  ## Whether the tests notice what is changed in the library's decisions (ARGS='_renewal' for one module)
	@$(BIN)/python scripts/mutants.py $(ARGS)

.PHONY: bench
bench: bench-library bench-provider bench-requirer bench-hooks bench-stand-in  ## All that is measured, against its targets

.PHONY: bench-library
bench-library: setup  ## The library beside the published one (ARGS='10 100' for some sizes, ARGS=--store for the documentation)
	@$(BIN)/python -m bench.side_by_side $(ARGS)

.PHONY: bench-provider
bench-provider: setup  ## A thousand requests answered by the authority's charm, beside the bare cryptography
	@$(BIN)/python bench/provider_charm.py

.PHONY: bench-requirer
bench-requirer: setup  ## Handshakes a second beside openssl s_server, and a thousand reloads under load
	@$(BIN)/python bench/server.py

.PHONY: bench-hooks
bench-hooks: pack-here  ## The hook that changes nothing, of both packed charms, beside an empty charm's
	@$(BIN)/python bench/hooks.py

.PHONY: bench-stand-in
bench-stand-in: setup  ## localjuju: a hook tool, a verb, twenty units that settle, idleness, hooks in one process
	@$(BIN)/python bench/stand_in.py

.PHONY: bench-plots
bench-plots: setup  ## Draw the stored results of bench-library, for the documentation
	@$(BIN)/python -m bench.plots

.PHONY: format
format: setup  ## Format the code, and mend what can be mended without thinking
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

.PHONY: pack
pack: setup  ## Pack both charms for release, with their bills of materials (charmcraft and LXD, on Ubuntu)
	scripts/pack-release

.PHONY: pack-here
pack-here: setup  ## Pack both charms for this very machine, into build/charms, with their bills of materials
	@$(BIN)/python scripts/pack_here.py

.PHONY: test-packed
test-packed: setup  ## Deployment, renewal and refresh with the charms that pack-here has packed
	$(TOX) -e integration-packed

.PHONY: setup
setup: .venv/.ready  ## The tools and the environment, in .tools and .venv

.venv/.ready: $(UV) $(MEMBERS)
	$(UV) sync --quiet --all-packages --all-groups --python $(PYTHON)
	@touch $@

$(UV):
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check 'uv==0.13.9'

.PHONY: clean
clean:  ## Remove what was made here, but for a demo that runs
	rm -rf .tools .venv .tox build artefacts .pytest_cache .ruff_cache .hypothesis
