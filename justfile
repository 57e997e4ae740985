# Recipes for people who work on Benchline. `just --list` shows them.

# What decides whether main is green, the same as in CI.
ci:
    bash .ci/run

# Measure this checkout and serve the pages.
up:
    cargo run --release -- up

# Every test.
test:
    cargo test

# Format, and let clippy speak.
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings
