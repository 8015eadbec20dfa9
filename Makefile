# make demo   installs what is missing, builds Tidegate, and walks the road of a private image on this machine
# make test   installs what the tests need and passes all of them
# make console  builds the web console, which cargo build then embeds; needs Node
# make fuzz   feeds every door that strangers' bytes come through, each for SECONDS_EACH seconds; see fuzz/README.md
# make bench  measures what SPECIFICATION.md promises, beside what a user would run instead

.PHONY: demo build release console test lint fuzz bench

# A binary that is tested or measured always has the console in it.
test bench: export CONSOLE_REQUIRED = 1

SECONDS_EACH ?= 60

demo: build
	target/release/tidegate demo

build:
	scripts/install.sh run
	@# Debian 12's Node is too old for the console's build; the demo and the server do without.
	@if scripts/install.sh node; then $(MAKE) console && CONSOLE_REQUIRED=1 $(MAKE) release; else $(MAKE) release; fi

release:
	cargo build --release --locked --package tidegate

console: console/dist/index.html

console/node_modules/.package-lock.json: console/package-lock.json
	npm --prefix console ci --ignore-scripts --no-audit --no-fund

console/dist/index.html: console/node_modules/.package-lock.json $(wildcard console/*.ts console/*.html console/*.json) \
		$(shell find console/src console/public console/scripts -type f)
	npm --prefix console run build

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	cargo xtask codegen --check
	cargo xtask compatibility --check
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --log-level error check bans licenses sources; \
	else echo "cargo deny is not installed here; .ci/run installs and runs it"; fi

test:
	scripts/install.sh test
	scripts/python.sh
	$(MAKE) console
	$(MAKE) lint
	cargo test --workspace --locked
	cargo build --locked --package tidegate
	target/python/bin/python -m pytest -q tests
	npm --prefix console test
	npm --prefix console run e2e

fuzz/Cargo.lock: Cargo.lock
	cp Cargo.lock fuzz/Cargo.lock

fuzz: fuzz/Cargo.lock
	scripts/install.sh run
	cargo fuzz --version >/dev/null 2>&1 || cargo install --quiet --locked cargo-fuzz
	@cd fuzz && for target in $$(cargo fuzz list); do \
		echo "fuzzing $$target for $(SECONDS_EACH) seconds"; \
		mkdir -p found/$$target; \
		cargo fuzz run --sanitizer none $$target found/$$target corpus/$$target -- \
			-max_total_time=$(SECONDS_EACH) -timeout=10 -print_final_stats=1 || exit 1; \
	done

bench:
	scripts/install.sh test
	scripts/python.sh
	$(MAKE) console
	cargo build --release --locked --package tidegate
	target/python/bin/python benches/run.py
