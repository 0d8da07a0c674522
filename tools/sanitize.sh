#!/usr/bin/env bash
# The unsafe code of the core (linalg/lanes) and the kernels that rest on it, apart from the rest,
# under Miri and under AddressSanitizer: tools/sanitize.sh [miri|address ...]. Miri needs
# `rustup +nightly component add miri rust-src`; it checks each instruction set it knows.
set -eu
cd "$(dirname "$0")/.."
from=$PWD/src/rust/core/src/linalg
work=${MNMASH_SANITIZE:-$(mktemp -d)}
mkdir -p "$work/src/linalg"
cp -r "$from"/{cholesky,columns,cross,gamma,gram,inverse,lanes,normal_tail,special,tridiagonal}.rs \
  "$from/lanes" "$work/src/linalg/"
printf '[package]\nname = "lanes"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[profile.dev]\nopt-level = 1\n' \
  >"$work/Cargo.toml"
{
  echo '#![allow(missing_docs, unexpected_cfgs)]'
  echo 'pub mod linalg {'
  for module in cholesky columns cross gamma gram inverse lanes normal_tail special tridiagonal; do
    echo "    pub mod $module;"
  done
  echo '}'
} >"$work/src/lib.rs"
cd "$work"
export CARGO_TARGET_DIR=$work/target
avx2="-C target-feature=+avx2,+fma"
avx512="-C target-feature=+avx2,+fma,+avx512f,+avx512dq,+avx512vl --cfg avx512"
for what in "${@:-miri}"; do
  case $what in
    miri)
      # Many of the tests of numbers go over more cases than an interpreter can: what is unsafe is
      # the same in each, so a few of them are enough.
      for flags in "" "$avx2" "$avx512"; do
        echo "== Miri, RUSTFLAGS='$flags'"
        RUSTFLAGS=$flags MIRIFLAGS="-Zmiri-ignore-leaks" cargo +nightly miri test --lib -- \
          ${MNMASH_MIRI_TESTS:-lanes}
      done
      ;;
    address)
      echo "== AddressSanitizer"
      RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address --cfg avx512" \
        cargo test --lib --target "$(rustc -vV | sed -n 's/^host: //p')"
      ;;
  esac
done
