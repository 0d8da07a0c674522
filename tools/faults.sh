#!/usr/bin/env bash
# What happens when the machine fails: too little memory, a full disk, a worker that is killed, a
# panic of the core, damaged files. Each must end in an error that R can catch, and leave no half of
# a file. As root (a small tmpfs is the full disk). Prints one line for each.
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

# Memory: R knows that it has not enough. (What Rust asks for and does not get ends the process.)
(
  ulimit -v 2000000
  Rscript -e "$common" -e 'm <- mash(data, U, verbose = FALSE, outputlevel = 1)
    caught(mash_compute_posterior_matrices(m, data, posterior_samples = 1000)); again()'
) >"$work/log" 2>&1
say "4 GB of samples in 2 GB" "caught: cannot allocate"
grep -q "usable: TRUE" "$work/log" || { echo "FAILED  session after too little memory"; failures=$((failures + 1)); }

mkdir "$work/small"
if mount -t tmpfs -o size=300k tmpfs "$work/small" 2>/dev/null; then
  Rscript -e "$common" -e "folder <- '$work/small/out'" -e 'm <- mash(small, cov_canonical(small), verbose = FALSE)
    half <- mash_set_data(sims$Bhat[1:20000, 1:3], sims$Shat[1:20000, 1:3])
    caught(mash_posterior(m, half, folder = folder, n_chunks = 4))
    left <- list.files(folder, all.files = TRUE, no.. = TRUE)
    whole <- vapply(file.path(folder, left), \(f) !inherits(try(readRDS(f), silent = TRUE), "try-error"), NA)
    cat("files:", length(left), "all readable:", all(whole), "\n"); again()' >"$work/log" 2>&1
  say "disk full while writing posteriors" "caught: .*cannot write"
  say "no half of a file is left" "all readable: TRUE"
  umount "$work/small"
else
  echo "skipped disk full: cannot mount a tmpfs here"
fi

Rscript -e "$common" -e "folder <- '$work/killed'" -e 'future::plan(future::multisession, workers = 2)
  regions <- list(a = 1, b = 2, c = 3, d = 4)
  caught(each_region(regions, \(i) if (i == 3) tools::pskill(Sys.getpid(), tools::SIGKILL) else i, folder = folder))' >"$work/log" 2>&1
say "a worker is killed" "caught: "

Rscript -e "$common" -e "file <- '$work/damaged.rds'" -e 'saveRDS(as_prior(mash(small, cov_canonical(small), verbose = FALSE)), file)
  bytes <- readBin(file, "raw", 1e6); set.seed(2); survived <- 0
  for (i in 1:200) {
    bad <- bytes
    if (i %% 2) bad <- head(bad, sample(length(bad), 1)) else bad[sample(length(bad), 3)] <- as.raw(sample(0:255, 3))
    writeBin(bad, file)
    found <- tryCatch(suppressMessages(mash_fit(simulate_mash_input(10, 20, 20, 3, seed = 1), file, verbose = FALSE)),
      mnmash_error = \(e) "classed", error = \(e) conditionMessage(e))
    if (is.list(found) || identical(found, "classed")) survived <- survived + 1 else print(found)
  }
  cat("damaged files:", survived, "of 200 are an error of this package\n")' >"$work/log" 2>&1
say "damaged RDS files" "200 of 200"

exit "$failures"
