# One-word commands for daily work. Everything sets up what it needs.
.PHONY: deb demo test test-long lint docs docs-check bench bench-voice bench-sync bench-lights bench-camera bench-hub soak-camera soak-power setup setup-test requirements clean
PY := .venv/bin/python

demo: setup            ## run a whole commune on this machine
	@$(PY) -m edge_agent demo

test: setup-test       ## pass the tests
	@scripts/test

test-long: setup-test  ## the slow and long ones
	$(PY) -m pytest -m long

lint: setup-test       ## style, types, the rule of dependence
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

docs: setup-test       ## write the generated reference
	$(PY) -m edge_agent schema
	$(PY) -m hub openapi

docs-check: setup-test ## the generated reference is what the code says
	$(PY) -m edge_agent schema --check
	$(PY) -m hub openapi --check

bench: setup-test      ## figures, each with its limit measured in the same run
	$(PY) -m bench

bench-voice: setup-test ## how clear the voice is through a horn in noise: tables and docs/images/enhancement.png
	@test -x .venv-bench/bin/python || .venv/bin/uv venv -q --python .venv/bin/python .venv-bench
	@.venv/bin/uv pip install -q --python .venv-bench/bin/python -r pyproject.toml --extra bench
	.venv-bench/bin/python -m bench.voice
	.venv-bench/bin/python -m bench.loudness

bench-sync: setup-test ## how well players keep together on computed sound cards: ours beside Snapcast
	$(PY) -m bench.sync

bench-lights: setup-test ## how soon a tap and a command to 2,000 lights are seen: ours beside Home Assistant
	$(PY) -m bench.lights

bench-camera: setup-test ## cameras: cost beside peers, isolation, motion, power cut, live view; SECONDS=60 a row
	$(PY) -m bench.camera --seconds $(or $(SECONDS),60)
	$(PY) -m bench.camera_isolation
	$(PY) -m bench.camera_motion
	$(PY) -m bench.camera_powercut
	$(PY) -m bench.camera_live

bench-hub: setup-test  ## the hub with 10,000 nodes and 500 messages a second: pages, memory, processor; first pages on 3G, taps
	$(PY) -m bench.hub_scale
	$(PY) -m bench.hub_feel

soak-camera: setup-test ## eight cameras that are killed, frozen and throttled: what was lost; MINUTES=30
	$(PY) -m bench.camera_soak --minutes $(or $(MINUTES),30)

soak-power: setup-test  ## a whole board in a virtual machine whose power is cut again and again while it works; CUTS=20
	CUTS=$(or $(CUTS),20) $(PY) -m pytest tests/system/test_board_power.py -m long -q -p no:cacheprovider

deb: setup             ## build dist/edge-agent_VERSION_ARCH.deb; ARCH=arm64 SUITE=trixie for another machine
	@scripts/deb

setup:
	@scripts/setup

setup-test:
	@scripts/setup test

requirements: setup-test ## pin the dependencies anew
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header pyproject.toml -o requirements/runtime.txt
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header --extra dev pyproject.toml -o requirements/dev.txt

clean:
	rm -rf .demo .venv .venv-bench hub/node_modules hub/static/vendor .mypy_cache .ruff_cache .pytest_cache
