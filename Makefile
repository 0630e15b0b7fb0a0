# Every command of this repository. `make` alone lists them.

PY := .cache/venv/bin/python
MODULE := target/temporal-auth.wasm
# More arguments for the two test runners: make test PYTEST_ARGS="-k rotation" CARGO_TEST_ARGS="wire::"
PYTEST_ARGS ?=
CARGO_TEST_ARGS ?=
BENCH_ARGS ?=
ORACLE_COUNT ?= 1000000
ORACLE_SEED ?= 1
SOAK_SECONDS ?= 600
PYTHON ?= python3
# Where `make push` pushes to, and more options for crane, which does it.
IMAGE ?=
PUSH_ARGS ?=

.DEFAULT_GOAL := help
# Two builds at once would only wait for each other's locks.
.NOTPARALLEL:
.PHONY: help setup module demo run test test-native test-cli test-manifests manifests test-oracle oracle mutants fuzz vectors test-wasm test-mesh test-egctl image reproduce push parity soak lint format table bench flood clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what demo, tests and bench need (into .cache; done by the others when needed)
	@scripts/setup.sh

module: ## build target/temporal-auth.wasm
	@scripts/module.sh

demo: setup module ## watch a stock Temporal become role-protected, call by call
	@$(PY) demo/run.py

run: setup module ## the same, left running on the ports of envoy.yaml, with commands to try
	@$(PY) demo/run.py --stay

test: test-native test-cli test-manifests test-oracle test-wasm demo ## all tests, the demo among them

test-native: ## unit tests of the library
	cargo test --package temporal-auth --package temporal-auth-module --package temporal-auth-tests $(CARGO_TEST_ARGS)

test-cli: ## tests of the command line
	cargo test --package temporal-auth-cli

test-manifests: setup ## the Helm chart and its manifests; before an API server and istiod, where make test-mesh has built them
	$(PY) -m pytest istio -c istio/pytest.ini $(PYTEST_ARGS)

# Where there is no Go, the recorded answers, which test-native has compared already, must do.
test-oracle: ## ten thousand requests: what this library makes of them, and Temporal's own code
	@scripts/oracle.sh 10000 1 || [ $$? = 3 ]

oracle: setup ## the same with a million (ORACLE_COUNT, ORACLE_SEED), and whether vectors/ is current
	@$(PY) tools/vectors.py --check
	@scripts/oracle.sh $(ORACLE_COUNT) $(ORACLE_SEED) --release

mutants: ## break the filter in many ways, one at a time: a comparison must notice each
	@$(PYTHON) tools/mutants.py

fuzz: ## feed every parser with hostile bytes, FUZZ_SECONDS (60) each; FUZZ_KEEP=1 writes fuzz/corpora (needs nightly Rust)
	@scripts/fuzz.sh

vectors: setup ## write vectors/ again, with Temporal's own answers
	@$(PY) tools/vectors.py

test-wasm: setup module ## the built module in a real Envoy, before a real Temporal
	@scripts/go-build.sh wasm-test/go-worker || [ $$? = 3 ] # without Go its test is skipped
	@scripts/wasm-cargo.sh build --quiet --profile module --package hostile-plugin --package verifiers
	$(PY) -m pytest wasm-test $(PYTEST_ARGS)

soak: setup module ## real workers under limits, SOAK_SECONDS (600) long, and one through five minutes without its issuer
	QUEUES_SECONDS=$(SOAK_SECONDS) $(PY) -m pytest wasm-test/test_worker_queues.py -n 0 $(PYTEST_ARGS)
	OUTAGE_SECONDS=300 $(PY) -m pytest wasm-test/test_worker_outage.py -n 0 $(PYTEST_ARGS)

# Not part of `test`: what it runs takes a quarter of an hour to build, once.
test-mesh: setup image ## the image in a real Istio: gateway, sidecar, Gateway API, real Kubernetes API (needs Go; first run 15 minutes, later 5)
	@scripts/mesh-build.sh
	$(PY) -m pytest istio -c istio/pytest.ini $(PYTEST_ARGS)
	$(PY) -m pytest wasm-test/mesh -n 0 --timeout 600 $(PYTEST_ARGS)

test-egctl: setup ## Envoy Gateway's own check of its manifest (the first run builds it: ten minutes)
	@scripts/go-build.sh wasm-test/mesh/egctl "about ten minutes"
	$(PY) -m pytest istio/test_envoy_gateway.py -c istio/pytest.ini $(PYTEST_ARGS)

image: module ## write target/image, the module as an OCI image layout, with its licences and bill of materials
	@scripts/image.sh

reproduce: module ## build the module once more, elsewhere and from nothing: the bytes must be the same
	@scripts/reproduce.sh

push: image ## push it to a registry: make push IMAGE=registry.example.com/temporal-auth:0.1.0 (with `docker login`'s credentials)
	@scripts/push.sh "$(IMAGE)" $(PUSH_ARGS)

parity: setup module ## compare with Temporal's own authorizer, call by call (the first run builds a server: 10 minutes)
	@scripts/go-build.sh wasm-test/parity/server "about ten minutes"
	$(PY) -m pytest wasm-test/parity -n 0 -s $(PYTEST_ARGS)

lint: setup ## formatting, clippy (native and wasm), generated table up to date
	cargo fmt --all --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy --package temporal-auth-bench --package temporal-auth-fuzz --all-targets -- -D warnings
	scripts/wasm-cargo.sh clippy --package temporal-auth-module --package hostile-plugin --package verifiers -- -D warnings
	$(PY) tools/methods.py --check
	$(PY) -m ruff check --quiet
	scripts/mypy.sh
	.cache/venv/bin/shellcheck scripts/*.sh .ci/run
	.cache/venv/bin/typos
	$(PY) tools/check_docs.py
	$(PYTHON) tools/mutants.py --check
	$(PY) tools/rooms.py
	@! command -v gofmt >/dev/null || test -z "$$(gofmt -l wasm-test | tee /dev/stderr)"

format: ## format the Rust code
	cargo fmt --all

table: setup ## regenerate the method table from data/temporal
	$(PY) tools/methods.py

manifests: ## render istio/manifests from the chart, and its schema of values
	$(PYTHON) tools/chart_schema.py
	$(PYTHON) tools/manifests.py

flood: module ## what a flood of bad tokens takes from callers with good ones
	@scripts/setup.sh bench
	$(PY) bench/flood.py

bench: module ## proxy CPU per request: no filter, this one, Envoy's native chain; new tokens; ten thousand grants
	@scripts/setup.sh bench
	$(PY) bench/run.py $(BENCH_ARGS)
	$(PY) bench/cold.py
	$(PY) bench/scale.py

clean: ## remove everything that was built or installed here
	rm -rf target .cache demo/idp/node_modules
