#!/bin/sh
# Installs, with apt-get, what a make target needs and this machine lacks. Silent if nothing is.
#
#   tools/setup.sh core|build|demo|test|document|lint|site|release|check
#
# Rust is never installed: `cargo` must be there (1.85 or newer), see the message of ./configure.
set -eu
target=${1:-build}

debian=""   # Debian packages to install
missing=""  # the same in words, for a machine without apt-get

want() { # want PROGRAM DEBIAN-PACKAGE
  command -v "$1" >/dev/null 2>&1 || { debian="$debian $2"; missing="$missing $1"; }
}

want_r_packages() {
  if command -v Rscript >/dev/null 2>&1; then
    absent=$(Rscript --no-init-file -e '
      wanted <- commandArgs(TRUE)
      found <- vapply(wanted, \(p) nzchar(system.file(package = p)), NA)
      cat(wanted[!found])' "$@")
  else
    absent="$*"
  fi
  for name in $absent; do
    debian="$debian r-cran-$(echo "$name" | tr '[:upper:]' '[:lower:]')"
    missing="$missing R-package:$name"
  done
}

if ! command -v cargo >/dev/null 2>&1 && [ ! -x "$HOME/.cargo/bin/cargo" ]; then
  echo "cargo was not found: install Rust 1.85 or newer (https://rustup.rs, or the system's" \
    "package: cargo-web on Debian 12, cargo on Debian 13 and Ubuntu), then run this again" >&2
  exit 1
fi

want gcc gcc
[ -e /usr/include/stdlib.h ] || ! command -v apt-get >/dev/null 2>&1 || debian="$debian libc6-dev"
[ -e /etc/ssl/certs/ca-certificates.crt ] || ! command -v apt-get >/dev/null 2>&1 ||
  debian="$debian ca-certificates"

if [ "$target" != core ]; then
  want Rscript r-base-core
  want make make
fi

case $target in
  core | build) ;;
  demo) want_r_packages ggplot2 ;;
  test) want_r_packages testthat withr ggplot2 mixsqp future.apply hdf5r ;;
  document) want_r_packages roxygen2 ;;
  lint) want_r_packages lintr codetools ;;
  site)
    want pandoc pandoc
    want_r_packages pkgdown knitr rmarkdown ggplot2
    ;;
  release | check)
    want git git
    want xz xz-utils
    want pandoc pandoc
    want_r_packages jsonlite knitr rmarkdown ggplot2
    if [ "$target" = check ]; then
      want qpdf qpdf
      want checkbashisms devscripts
      want_r_packages testthat withr mixsqp
    fi
    ;;
  *)
    echo "tools/setup.sh: unknown target '$target'" >&2
    exit 2
    ;;
esac

[ -n "$debian" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "Missing:$missing" >&2
  echo "There is no apt-get here: install these with this system's package manager (R packages" \
    "with install.packages()), then run the same command again" >&2
  exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
  as_root=sudo
  if ! command -v sudo >/dev/null 2>&1; then
    echo "Missing packages; as root, run:  apt-get install --no-install-recommends$debian" >&2
    exit 1
  fi
fi

echo "Installing with apt-get:$debian"
log=$(mktemp)
trap 'rm -f "$log"' EXIT INT TERM
# Lists may be absent or older than the mirror; a failed update is only worth reporting if the
# install fails too.
{
  $as_root apt-get update -q || echo "apt-get update failed"
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends $debian
} >"$log" 2>&1 </dev/null || {
  cat "$log" >&2
  echo "apt-get could not install:$debian" >&2
  exit 1
}
