.PHONY: install test test-rust test-r check fmt lint document release

# A cargo target directory that outlives an install makes the second build take seconds.
export MNMASH_TARGET ?= $(CURDIR)/src/rust/target

install:
	R CMD INSTALL --no-docs .

test: test-rust test-r

test-rust:
	cd src/rust && cargo test --locked -p mnmash-core

test-r: install
	cd tests && Rscript testthat.R

check: release
	MNMASH_TARGET= R CMD check --as-cran --no-manual $$(ls -t *.tar.gz | head -1)

fmt:
	cd src/rust && cargo fmt --all

lint:
	cd src/rust && cargo fmt --all --check && cargo clippy --locked --workspace --all-targets -- -D warnings
	Rscript -e 'stopifnot(length(print(lintr::lint_package())) == 0L)'

document:
	Rscript tools/document.R

release:
	tools/release.sh
