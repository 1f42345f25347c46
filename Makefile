# What people run. `make help` lists it.

CARGO ?= cargo

.PHONY: help demo test lint bench soak fuzz

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: ## build, start the sink, send it a sample campaign
	$(CARGO) run --release --quiet -p glasspost -- demo

test: ## everything that a change must pass
	scripts/install-test-parts.sh
	$(MAKE) lint
	$(CARGO) test --workspace
	fuzz/run.sh 5
	benches/run.sh --quick

lint: ## formatting, lints, documentation, dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet
	scripts/check-dependencies.sh

bench: ## the table: ours beside raw SMTP and others
	benches/run.sh

soak: ## the fault tests at their full figures
	GLASSPOST_SOAK=1 $(CARGO) test --workspace

fuzz: ## the fuzzers, ten minutes each
	fuzz/run.sh 600
