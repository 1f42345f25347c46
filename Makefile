# What people run. `make help` lists it.

CARGO ?= cargo

.PHONY: help demo test web lint bench soak fuzz

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: web ## build, start the sink, send it a sample campaign and show it in the browser
	$(CARGO) run --release --quiet -p glasspost -- demo

test: ## everything that a change must pass
	scripts/install-test-parts.sh
	$(MAKE) web lint
	$(CARGO) test --workspace
	tests/browser/run.sh
	tests/deploy/run.sh
	tests/schemathesis/run.sh
	fuzz/run.sh 5
	benches/run.sh --quick

# Everything the pages are made of; what is built and what is installed is not.
PAGES := $(shell find web -type f -not -path '*/node_modules/*' -not -path 'web/dist/*')

web: web/dist/index.html ## build the dashboard's pages

web/dist/index.html: $(PAGES)
	scripts/build-dashboard.sh

lint: web ## formatting, lints, types, documentation, dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet
	npm --prefix web run check
	scripts/check-dependencies.sh

bench: web ## the table: ours beside raw SMTP and others
	benches/run.sh

soak: web ## the fault tests at their full figures
	GLASSPOST_SOAK=1 $(CARGO) test --workspace

fuzz: ## the fuzzers, ten minutes each
	fuzz/run.sh 600
