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
# Where `make push` pushes to, and more options for crane, which does it; the image that `make chart` names.
IMAGE ?=
PUSH_ARGS ?=
# The lowest compiler that Cargo.toml promises.
LOWEST := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml).0
# One list for all tests and for their lints, as cargo builds a dependency again for packages that need other features of it.
TESTED := --package temporal-auth --package temporal-auth-module --package temporal-auth-cli --package temporal-auth-tests

.DEFAULT_GOAL := help
# Two builds at once would only wait for each other's locks.
.NOTPARALLEL:
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' $(MAKEFILE_LIST))

help: ## list the commands
	@awk -F ':.*## ' '/^## / {printf "\n%s\n", substr($$0, 4)} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## Start here

setup: ## install what the demo, tests and bench need into .cache (other targets run it on demand)
	@scripts/setup.sh

module: ## build target/temporal-auth.wasm (and -lean.wasm, which cannot reduce lists of namespaces)
	@scripts/module.sh

demo: setup module ## watch a stock Temporal become role-protected, call by call
	@$(PY) demo/run.py

recording: setup module ## record what the demo prints, as the picture in README.md
	@$(PY) demo/recording.py docs/pictures/demo.svg

run: setup module ## keep the demo running on the ports of envoy.yaml, with the Web UI, and print what to try
	@scripts/ui.sh || [ $$? = 3 ] # without Go there is no Web UI
	@$(PY) demo/run.py --stay

## Test

test: prepare test-native test-manifests test-oracle test-wasm demo ## run all tests, including the demo

prepare:
	@TESTED="$(TESTED)" scripts/prepare.sh

test-native: ## run the tests of the library, the module and the command line
	cargo test $(TESTED) $(CARGO_TEST_ARGS)

test-manifests: setup ## test the chart and manifests (also against an API server and istiod, if test-mesh has built them)
	$(PY) -m pytest istio -c istio/pytest.ini $(PYTEST_ARGS)

# Without Go, the recorded answers must do, which test-native has compared already.
test-oracle: ## compare 10,000 random requests over gRPC, and as many over HTTP, with Temporal's own code
	@TESTED="$(TESTED)" scripts/oracle.sh 10000 1 || [ $$? = 3 ]

plugins:
	@scripts/wasm-cargo.sh build --quiet --profile module --package hostile-plugin --package verifiers

test-wasm: setup module plugins ## run the built module in a real Envoy, in front of a real Temporal
	@scripts/go-build.sh wasm-test/go-worker || [ $$? = 3 ] # without Go its test is skipped
	@scripts/go-build.sh wasm-test/sdks/go || [ $$? = 3 ]
	@scripts/monitoring.sh || [ $$? = 3 ] # without Prometheus its tests are skipped
	$(PY) -m pytest wasm-test $(PYTEST_ARGS)

## Test longer

oracle: setup ## compare ORACLE_COUNT (1,000,000) random requests over gRPC, and as many over HTTP, and check that vectors/ is current
	@$(PY) tools/vectors.py --check
	@TESTED="$(TESTED)" scripts/oracle.sh $(ORACLE_COUNT) $(ORACLE_SEED) --release

parity: setup module ## compare with Temporal's own authorizer, call by call (first run: 10 minutes)
	@scripts/go-build.sh wasm-test/parity/server "about ten minutes"
	$(PY) -m pytest wasm-test/parity -n 0 -s $(PYTEST_ARGS)

mutants: ## break the filter in many ways, one at a time: a test must notice each
	@$(PYTHON) tools/mutants.py

fuzz: ## feed hostile bytes to every parser for FUZZ_SECONDS (60) each; FUZZ_KEEP=1 updates fuzz/corpora (needs nightly Rust)
	@scripts/fuzz.sh

soak: setup module ## send calls of all kinds, and run real workers, for SOAK_SECONDS (600) each, and one through a long outage
	SOAK_SECONDS=$(SOAK_SECONDS) $(PY) -m pytest wasm-test/test_soak.py -n 0 --timeout 0 $(PYTEST_ARGS)
	QUEUES_SECONDS=$(SOAK_SECONDS) $(PY) -m pytest wasm-test/test_worker_queues.py -n 0 $(PYTEST_ARGS)
	OUTAGE_SECONDS=300 $(PY) -m pytest wasm-test/test_worker_outage.py -n 0 $(PYTEST_ARGS)

# Not part of `test`: what it runs takes a quarter of an hour to build, once.
test-mesh: setup image ## test the image in a real Istio with a real Kubernetes API (needs Go; first run 15 minutes, later 5)
	@scripts/mesh-build.sh
	@scripts/ui.sh browser
	$(PY) -m pytest istio -c istio/pytest.ini $(PYTEST_ARGS)
	$(PY) -m pytest wasm-test/mesh -n 0 --timeout 600 $(PYTEST_ARGS)

test-ui: setup module ## click through the real Web UI with a real login in a real browser (needs Go; first run 5 minutes, later 10)
	@scripts/ui.sh test
	$(PY) -m pytest wasm-test/ui -n 0 --timeout 1800 $(PYTEST_ARGS)

test-keycloak: setup module ## follow docs/presets/keycloak.md on a real Keycloak (needs Java 17; 8 minutes)
	@scripts/ui.sh keycloak
	$(PY) -m pytest wasm-test/keycloak -n 0 $(PYTEST_ARGS)

# Six at a time, which mostly wait.
test-sdks: setup module ## run a worker and a client of each SDK, and refuse them in every way (first run an hour, later 20 minutes)
	@scripts/sdks.sh
	$(PY) -m pytest wasm-test/sdks -n 6 --dist load $(PYTEST_ARGS)

test-egctl: setup ## run Envoy Gateway's own check of its manifest (first run: 10 minutes)
	@scripts/go-build.sh wasm-test/mesh/egctl "about ten minutes"
	$(PY) -m pytest istio/test_envoy_gateway.py -c istio/pytest.ini $(PYTEST_ARGS)

test-hosts: setup module plugins ## run the demo and a part of test-wasm with other versions of Envoy and of Temporal (800 MB into .cache, once)
	@scripts/hosts.sh $(PYTEST_ARGS)

## Check the code

lint: setup ## check formatting, lints, types, spelling, and that generated files are up to date
	cargo fmt --all --check
	cargo fmt --manifest-path wasm-test/sdks/rust/Cargo.toml --check
	cargo clippy $(TESTED) --all-targets -- -D warnings
	cargo clippy --package temporal-auth-bench --package temporal-auth-fuzz --all-targets -- -D warnings
	scripts/wasm-cargo.sh clippy --package temporal-auth-module --package hostile-plugin --package verifiers -- -D warnings
	@TESTED="$(TESTED)" $(PY) tools/generate.py --check
	$(PY) tools/check_docs.py
	$(PYTHON) tools/mutants.py --check
	$(PY) -m ruff check --quiet
	scripts/mypy.sh
	.cache/venv/bin/shellcheck scripts/*.sh .ci/run
	.cache/venv/bin/typos
	$(PY) tools/rooms.py
	$(PY) tools/callbacks.py
	@! command -v gofmt >/dev/null || test -z "$$(gofmt -l bench wasm-test | tee /dev/stderr)"

format: ## format the Rust code
	cargo fmt --all
	cargo fmt --manifest-path wasm-test/sdks/rust/Cargo.toml

# The command line apart: its pages have the library's name.
doc: export RUSTDOCFLAGS = -D warnings -A rustdoc::private-intra-doc-links
doc: ## build the documentation of the code; warnings are errors
	cargo doc --workspace --no-deps --document-private-items --exclude temporal-auth-cli --exclude hostile-plugin --exclude verifiers
	cargo doc --package temporal-auth-cli --no-deps --document-private-items --target-dir target/doc-cli

lowest: ## build the library, the module, the command line and their tests natively, with the lowest Rust that Cargo.toml promises
	cargo +$(LOWEST) test --no-run --target-dir target/lowest $(TESTED)

deny: ## check dependencies: licences, advisories, sources, duplicates (first run: 5 minutes)
	@scripts/deny.sh

## Generate

generate: setup ## rewrite everything that is generated: method table, schemas, tables in docs/, manifests
	@TESTED="$(TESTED)" $(PY) tools/generate.py

generate-check: setup ## name generated files that are stale
	@TESTED="$(TESTED)" $(PY) tools/generate.py --check

vectors: setup ## generate vectors/ with Temporal's own answers
	@$(PY) tools/vectors.py

## Release

image: module ## write target/image: the module as an OCI image layout, with licences and bill of materials
	@scripts/image.sh

sbom-check: image ## validate the bill of materials with CycloneDX's own validator (20 MB into .cache, once)
	@scripts/setup.sh
	@scripts/sbom-check.sh

chart: ## write target/temporal-auth-VERSION.tgz, the Helm chart: make chart IMAGE=registry.example.com/temporal-auth@sha256:… (optional)
	@scripts/chart.sh "$(IMAGE)"

reproduce: module ## build the module again in another place, from nothing: the bytes must be the same
	@scripts/reproduce.sh

push: image ## push the image: make push IMAGE=registry.example.com/temporal-auth:0.1.0 (with the credentials of `docker login`)
	@scripts/push.sh "$(IMAGE)" $(PUSH_ARGS)

## Measure

bench: module ## measure CPU per request: without a filter, with this one, with Envoy's own, with OPA; new tokens; ten thousand grants
	@scripts/setup.sh bench
	$(PY) bench/run.py $(BENCH_ARGS)
	$(PY) bench/run.py --shapes
	$(PY) bench/cold.py
	$(PY) bench/scale.py
	$(PY) bench/peers.py # without Go it does nothing

bounds: module ## measure what one caller with a good token can take from others: time, memory, room in the log
	@scripts/setup.sh bench
	$(PY) bench/bounds.py

count: module ## count the instructions of a call with callgrind: within 5 %, the same on any idle machine (fifteen minutes)
	@scripts/setup.sh count
	$(PY) bench/count.py

flood: module ## measure how a flood of bad tokens slows legitimate callers, and how soon a burst of new callers is let in
	@scripts/setup.sh bench
	$(PY) bench/flood.py
	$(PY) bench/burst.py

## Clean up

clean: ## remove everything that was built or installed here
	rm -rf target .cache demo/idp/node_modules
