# What a newcomer types. Needs Python 3.11+, make and the package registries; root only to install a browser.
PORT ?= 8080
DATA ?= .demo
# More arguments for pytest: make test ARGS="-k refund -x"
ARGS ?=
# What `make properties` plays: how many steps, and which stories (the same seed, the same stories).
STEPS ?= 100000
SEED ?=

.NOTPARALLEL:
.PHONY: help setup venv browser demo test lint model bench faults planted properties lock clean

help:  ## Print what can be made.
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

setup: venv browser  ## Create .venv with everything in it; install a browser for the tests where root may.

venv:
	@sh .ci/setup </dev/null

browser: venv
	@sh .ci/browser </dev/null

demo: venv  ## Run the bot, the clock and the sandbox on one port, with a seeded community.
	@.venv/bin/wuyebot demo --port "$(PORT)" --data "$(DATA)"

test: setup lint  ## Run every check and every test.
	TMPDIR="$$(sh .ci/scratch)" .venv/bin/python -m pytest -n auto --dist loadfile $(ARGS) </dev/null

lint: venv  ## Check style and types.
	.venv/bin/ruff check .
	.venv/bin/mypy

model: venv  ## Learn the recogniser's model anew from its examples.
	.venv/bin/python -m handlers.understanding.build

bench: setup  ## Measure beside the peers, into build/bench.json.
	@mkdir -p build
	.venv/bin/python -m tests.benchmarks

faults: setup  ## Every fault by its number, then every kill point 25 times, against the platforms' own books.
	.venv/bin/python -m tests.faults

planted: setup  ## Plant thirty bugs in the money code; the tests have to find them.
	.venv/bin/python -m tests.planted

properties: setup  ## Play random stories of money by every way for long, on both databases.
	@seed="$(SEED)"; seed="$${seed:-$$(date +%s)}"; \
		echo "make properties STEPS=$(STEPS) SEED=$$seed"; \
		WUYEBOT_STEPS="$(STEPS)" WUYEBOT_SEED="$$seed" .venv/bin/python -m pytest \
		tests/properties/test_every_way_machine.py $(ARGS) </dev/null

lock: venv  ## Write requirements.lock anew (UPGRADE=--upgrade takes newer versions).
	@test -x build/uv/bin/uv || { .venv/bin/python -m venv --without-pip build/uv && \
		.venv/bin/python -m pip --python build/uv/bin/python install --quiet uv; }
	build/uv/bin/uv pip compile pyproject.toml --quiet --all-extras --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
		--custom-compile-command "make lock" $(UPGRADE) -o requirements.lock

clean:  ## Remove what tests and tools leave behind; .venv and the demo's data stay.
	rm -rf build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find bot handlers scheduler storage tests -name __pycache__ -type d -prune -exec rm -rf {} +
