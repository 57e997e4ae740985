# Recipes for people who work on Benchline. `just --list` shows them.

# Unit tests, tidy and site tests: under a minute once built.
quick:
    cargo test --locked --workspace --lib
    cargo test --locked -p benchline --test tests -- tidy

# What decides whether main is green, the same as in CI.
ci:
    bash .ci/run

# Long checks: many kills, fuzzing, peers, advisories. Resumable; logs seeds and times to target/nightly/.
nightly:
    bash .ci/nightly

# Measure this checkout and serve the pages.
up:
    cargo run --release -- up

# Every test.
test:
    cargo test

# Format and lint.
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings
