# Every benchmark, or those named:   Rscript bench/run.R [CASE ...]     (make bench)
#
#   MNMASH_PEERS   a library with packages to compare with, besides the usual ones
#   MNMASH_BENCH   folder for what is kept between runs (default: demo-output/bench)
#   MNMASH_REUSE=1 take results of peers from that folder, where it has them
#   MNMASH_PARTS   which of "cases scaling roofline" (default: all)
#
# One process per case and package; BLAS on one thread. Writes bench/results and the section of
# bench/README.md between its markers.
source("bench/cases.R")
source("bench/report.R")
parts <- strsplit(Sys.getenv("MNMASH_PARTS", "cases scaling roofline"), " ")[[1L]]
arguments <- commandArgs(trailingOnly = TRUE)
names <- if (length(arguments)) arguments else names(cases)
if (!all(names %in% names(cases))) stop("cases are: ", toString(names(cases)))
folder <- Sys.getenv("MNMASH_BENCH", "demo-output/bench")
dir.create(folder, recursive = TRUE, showWarnings = FALSE)
dir.create("bench/results", showWarnings = FALSE)

process <- function(script, ..., timeout = 1800) {
  single <- c("OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1")
  command <- file.path(R.home("bin"), "Rscript")
  system2(command, shQuote(c(script, ...)), env = single, timeout = timeout) == 0L
}

one_case <- function(name) {
  case <- cases[[name]]
  file <- \(side) file.path(folder, paste0(name, "-", side, ".rds"))
  compare <- !is.null(case$package) && installed(case$package)
  peer <- file("peer")
  if (!compare || !nzchar(Sys.getenv("MNMASH_REUSE"))) unlink(peer)
  for (side in c("mnmash-1", "mnmash-2")) unlink(file(side))
  if (compare && !file.exists(peer)) {
    message(name, ": ", case$package)
    process("bench/run-case.R", name, "peer", "1", peer)
  }
  message(name)
  process("bench/run-case.R", name, "mnmash", "1", file("mnmash-1"), if (file.exists(peer)) peer) &&
    process("bench/run-case.R", name, "mnmash", "2", file("mnmash-2"))
}

ran <- c(
  if ("cases" %in% parts) vapply(names, one_case, NA),
  if ("scaling" %in% parts) c(scaling = process("bench/scaling.R"))
)
if ("roofline" %in% parts) {
  out <- system2(
    "cargo", c("run", "--release", "--locked", "--quiet", "-p", "mnmash-core", "--example",
               "roofline", "--manifest-path", "src/rust/Cargo.toml"), stdout = TRUE
  )
  ran <- c(ran, roofline = is.null(attr(out, "status")))
  if (ran[["roofline"]]) writeLines(out, "bench/results/roofline.csv")
}
report(names(cases), folder)
if (!all(ran)) stop("failed: ", toString(names(ran)[!ran]))
