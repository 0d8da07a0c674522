.PHONY: install demo test test-rust test-r check fmt lint document site release bench coverage

# Every target installs what it needs and lacks with apt-get (tools/setup.sh); Rust is taken as given.
# Build products stay in one folder, so that the second build takes seconds.
export MNMASH_TARGET ?= $(CURDIR)/src/rust/target
# Tests run against a library of their own: what the user has installed is neither used nor changed.
LIBRARY = $(MNMASH_TARGET)/r-library
# What a shell puts in the background ignores interrupts, which tests of them want to come.
INTERRUPTIBLE := $(shell env --default-signal=INT true 2>/dev/null && echo env --default-signal=INT)

install:
	tools/setup.sh build
	Rscript tools/install.R

demo:
	tools/setup.sh demo
	Rscript tools/install.R
	Rscript inst/scripts/demo.R demo-output

test: test-rust test-r

# Once with this machine's widest instructions, once with those that every machine has.
test-rust:
	tools/setup.sh core
	cd src/rust && cargo test --locked --no-fail-fast -p mnmash-core
	cd src/rust && MNMASH_SIMD=portable cargo test --locked --no-fail-fast -p mnmash-core normal_means

test-r:
	tools/setup.sh test
	cd src/rust && cargo test --locked -p mnmash # what the face reads: needs R to build, not to run
	Rscript tools/install.R "$(LIBRARY)"
	R_LIBS="$(LIBRARY)" $(INTERRUPTIBLE) Rscript tools/test.R

check:
	tools/setup.sh check
	tools/release.sh "$(MNMASH_TARGET)/check"
	# ashr is suggested, but not in Debian
	cd "$(MNMASH_TARGET)/check" && _R_CHECK_FORCE_SUGGESTS_=false MNMASH_TARGET= R CMD check --no-manual mnmash_*.tar.gz

fmt:
	cd src/rust && cargo fmt --all

lint:
	tools/setup.sh lint
	cd src/rust && cargo fmt --all --check
	cd src/rust && cargo clippy --locked --workspace --all-targets -- -D warnings
	Rscript tools/unused.R
	Rscript tools/layers.R
	Rscript tools/formals.R
	Rscript tools/arguments.R
	Rscript -e 'print(found <- lintr::lint_package()); quit(status = length(found) > 0L)'

document:
	tools/setup.sh document
	Rscript tools/document.R

# The code of the README, which draws its pictures, and the web site in docs/.
site:
	tools/setup.sh site
	Rscript tools/install.R
	Rscript tools/readme.R
	Rscript tools/site.R

release:
	tools/setup.sh release
	tools/release.sh .

# MNMASH_PEERS names a library of packages to compare with; see bench/README.md.
bench:
	tools/setup.sh demo
	Rscript tools/install.R "$(LIBRARY)"
	R_LIBS="$(LIBRARY)" Rscript bench/run.R

# Lines that the tests go over, of the core and of R (needs llvm-tools of rustup, and covr).
coverage:
	tools/setup.sh test
	tools/coverage.sh core
	Rscript tools/install.R "$(LIBRARY)"
	R_LIBS="$(LIBRARY)" tools/coverage.sh r
