#!/usr/bin/env bash
# What happens when the machine fails: too little memory, a full disk, processes and workers that are
# killed, damaged files. Each must end in an error that R can catch, and leave no half of a file.
# As root (a small tmpfs is the full disk), with the package installed. Prints one line for each.
set -u
work=$(mktemp -d)
trap 'umount "$work/small" 2>/dev/null; rm -rf "$work"' EXIT
failures=0
say() {
  local name=$1 expected=$2 log=$work/log
  if grep -q "$expected" "$log" && ! grep -q -e "caught segfault" -e "core dumped" "$log"; then
    echo "ok      $name: $(grep -m1 "$expected" "$log" | cut -c1-110)"
  else
    echo "FAILED  $name"
    tail -5 "$log"
    failures=$((failures + 1))
  fi
}
common='suppressPackageStartupMessages(library(mnmash)); set.seed(1); options(mnmash.threads = 1)
sims <- simple_sims(nsamp = 50000, ncond = 10, err_sd = 0.5)
data <- mash_set_data(sims$Bhat, sims$Shat); U <- cov_canonical(data)
small <- mash_set_data(sims$Bhat[1:400, 1:3], sims$Shat[1:400, 1:3])
caught <- function(code) tryCatch({code; cat("no error\n")}, error = \(e)
  cat("caught:", gsub("\n", " ", conditionMessage(e)), "\n"))
again <- function() cat("usable:", is.finite(get_loglik(mash(small, cov_canonical(small), verbose = FALSE))), "\n")'

# Tables: damaged bytes, every amount of room on a disk, kills, limits of memory. Some minutes each.
here=$(dirname "$0")
run_table() {
  mkdir -p "$2"
  if ! Rscript "$here/faults.R" "$1" "$2"; then failures=$((failures + 1)); fi
}
run_table flips "$work/flips"
run_table kills "$work/kills"
run_table memory "$work/memory"
mkdir "$work/small"
if mount -t tmpfs -o size=4m tmpfs "$work/small" 2>/dev/null; then
  dd if=/dev/zero of="$work/small/pad" bs=4k count=1024 2>/dev/null
  run_table disk "$work/small"
  umount "$work/small"
else
  echo "skipped disk full: cannot mount a tmpfs here"
fi

Rscript -e "$common" -e "folder <- '$work/killed'" -e 'future::plan(future::multisession, workers = 2)
  regions <- list(a = 1, b = 2, c = 3, d = 4)
  caught(each_region(regions, \(i) if (i == 3) tools::pskill(Sys.getpid(), tools::SIGKILL) else i, folder = folder))' >"$work/log" 2>&1
say "a worker is killed" "caught: "

exit "$failures"
