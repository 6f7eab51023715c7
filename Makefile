# Tradewind: few verbs. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-web setup-tools build web run test test-rust test-web test-gold test-api test-e2e lint lint-rust lint-web fmt bench fuzz simulation bench-import bench-operators bench-kernels bench-spark crash soak clean

export CARGO_TARGET_DIR ?= $(CURDIR)/target
# The binary that run, tests and benchmarks use.
export TRADEWIND_BIN ?= $(CARGO_TARGET_DIR)/release/tradewind
CARGO := cargo
PYTHON ?= python3
DATA_DIR ?= ./data
WEB_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -path web/e2e -prune -o -path web/src/api/schema.ts -prune -o -type f -print 2>/dev/null)

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: setup-web ## install what building and running needs (C compiler, cmake, npm packages)
	@bench/setup-tools.sh build

setup-web: web/node_modules/.installed

web/node_modules/.installed: web/package-lock.json
	cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

setup-tools: ## install what only tests and lint need (Python, Chromium, cargo-deny)
	@bench/setup-tools.sh

web: web/dist/.built ## build the dashboard

web/dist/.built: web/node_modules/.installed crates/serve/openapi.json $(WEB_SOURCES)
	cd web && npm run --silent build
	@touch $@

build: setup web ## build target/release/tradewind
	$(CARGO) build --release --workspace --bins
	@mkdir -p target/release && { [ "$(CARGO_TARGET_DIR)" = "$(CURDIR)/target" ] || ln -sf "$(CARGO_TARGET_DIR)/release/tradewind" target/release/tradewind; }

run: build ## start the demo: shops with simulated shoppers, and print the address
	$(TRADEWIND_BIN) demo --data-dir $(DATA_DIR)

test: build setup-tools test-rust test-web test-gold test-api test-e2e ## run every test
	@echo "all tests passed"

test-rust: build
	$(CARGO) test --release --workspace --quiet

test-web: setup-web
	cd web && npm test --silent

test-gold: build ## gold tables against DuckDB on the raw REES46 file
	$(PYTHON) bench/gold_vs_duckdb.py

test-api: build ## the API against its own OpenAPI description, by schemathesis
	$(PYTHON) bench/api_conformance.py

test-e2e: build setup-tools
	web/e2e/run.sh

lint: lint-rust lint-web ## rustfmt, clippy, cargo-deny, TypeScript, eslint

lint-rust: web setup-tools
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --workspace --all-targets --features tradewind-bench/kernels --quiet -- -D warnings
	$(CARGO) deny --log-level error check bans licenses sources

lint-web: setup-web
	cd web && npm run --silent lint

bench: build ## one table beside Spark, Flink, DuckDB, ClickHouse, Redis, PostgreSQL and Kafka; ROWS=ingest,memory picks rows
	bench/setup-tools.sh bench
	cd bench && $(PYTHON) table.py

bench-import: build ## import with everything on beside one Spark job, same events
	$(PYTHON) bench/import_vs_spark.py

bench-operators: build ## decode + de-duplication + operators alone, two threads
	$(CARGO_TARGET_DIR)/release/operators "$$($(PYTHON) bench/events.py | tail -1)" 5 2

bench-kernels: ## criterion: decode, all operators by event type, each operator, journal, checkpoint
	$(CARGO) bench -p tradewind-bench --features kernels --bench kernels

bench-spark: build ## the Spark job alone
	$(PYTHON) bench/spark_streaming.py "$$($(PYTHON) bench/events.py --parts | tail -1)"

crash: build ## kill -9 ten times each, in every step: HTTP events, an import, simulated shoppers, a long history; then everything is counted
	SIM_KILLS=$${SIM_KILLS:-10} $(CARGO) test --release --workspace --test crash -- --nocapture --test-threads=1

fuzz: setup ## every fuzz target for FUZZ_SECONDS (60)
	fuzz/run.sh $${FUZZ_SECONDS:-60}

simulation: setup ## the whole pipeline on SIM_SEEDS (5000) seeds of chance, failing calls and deaths
	SIM_SEEDS=$${SIM_SEEDS:-5000} $(CARGO) test --release --workspace --test simulation -- --nocapture

soak: build simulation fuzz ## the crash scenarios with fifty kills and three seeds, ten million events of state, every kind of file damaged in six ways, many histories and seeds, a minute of each fuzz target and of random SQL
	SQL_SECONDS=60 SQL_SEED=$$(date +%s) $(CARGO) test --release --workspace --test query -- --nocapture t1_whatever
	SIM_HISTORIES=200 SIM_SEED=$$(date +%s) $(CARGO) test --release --workspace --test histories -- --nocapture
	SIM_DAMAGES=all $(CARGO) test --release --workspace --test damage -- --nocapture
	SIM_STATE_EVENTS=10000000 SIM_KILLS=10 $(CARGO) test --release --workspace --test crash -- --nocapture a_long_history
	for seed in 1 2 3; do SIM_SEED=$$seed SIM_KILLS=$${SIM_KILLS:-50} $(CARGO) test --release --workspace --test crash -- --nocapture --test-threads=1 || exit 1; done

fmt: ## format the sources
	$(CARGO) fmt --all

clean: ## remove what was built
	$(CARGO) clean
	rm -rf web/dist web/node_modules
