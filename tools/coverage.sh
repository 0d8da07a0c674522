#!/usr/bin/env bash
# Lines of the code that the tests go over: tools/coverage.sh [core] [r]. The core needs
# `rustup component add llvm-tools`; R needs the package covr. Ends with the share for each file.
set -eu -o pipefail
cd "$(dirname "$0")/.."
target=${MNMASH_TARGET:-$PWD/src/rust/target}

core() {
  local bin out=$target/coverage
  bin=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
  mkdir -p "$out"
  rm -f "$out"/*.profraw
  # Only this workspace is instrumented, so that its dependencies are built once for all.
  printf '#!/bin/sh\nexec "$@" -C instrument-coverage\n' >"$out/rustc"
  chmod +x "$out/rustc"
  export RUSTC_WORKSPACE_WRAPPER=$out/rustc LLVM_PROFILE_FILE=$out/core-%p-%m.profraw
  export CARGO_TARGET_DIR=$target
  (cd src/rust && cargo test --locked -p mnmash-core --lib --no-run --message-format=json) |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' >"$out/tests"
  while read -r test; do
    (cd src/rust/core && "$test" -q)
    (cd src/rust/core && MNMASH_SIMD=portable "$test" -q normal_means)
  done <"$out/tests"
  "$bin/llvm-profdata" merge -sparse "$out"/*.profraw -o "$out/core.profdata"
  # shellcheck disable=SC2046
  "$bin/llvm-cov" report -instr-profile="$out/core.profdata" \
    $(sed 's/^/-object=/' "$out/tests") --ignore-filename-regex='registry|rustc|tests\.rs|/tests/|testing\.rs' \
    --show-region-summary=false --show-branch-summary=false | tee "$out/core.txt"
}

r() {
  Rscript tools/coverage.R "$target/r-library"
}

for what in "${@:-core}"; do "$what"; done
