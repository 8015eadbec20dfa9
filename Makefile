# make demo   installs what is missing, builds Tidegate, and walks the road of a private image on this machine
# make test   installs what the tests need and passes all of them
# make fuzz   feeds every door that strangers' bytes come through, each for SECONDS_EACH seconds; see fuzz/README.md
# make bench  measures what SPECIFICATION.md promises, beside what a user would run instead

.PHONY: demo build test lint fuzz bench

SECONDS_EACH ?= 60

demo: build
	target/release/tidegate demo

build:
	scripts/install.sh run
	cargo build --release --locked --package tidegate

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
	$(MAKE) lint
	cargo test --workspace --locked
	cargo build --locked --package tidegate
	target/python/bin/python -m pytest -q tests

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
	cargo build --release --locked --package tidegate
	target/python/bin/python benches/run.py
