# make demo   installs what is missing, builds Tidegate, and walks the road of a private image on this machine
# make test   installs what the tests need and passes all of them
# make bench  measures what SPECIFICATION.md promises, beside what a user would run instead

.PHONY: demo build test lint bench

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

bench:
	scripts/install.sh test
	scripts/python.sh
	cargo build --release --locked --package tidegate
	target/python/bin/python benches/run.py
