# One case in a fresh process, so that the peak of memory is its own:
#   Rscript bench/run-case.R CASE mnmash|peer THREADS RESULT.rds [PEER-RESULT.rds]
# The first run is timed too, and no run is thrown away: the table has the median.
arguments <- commandArgs(trailingOnly = TRUE)
side <- arguments[2L]
if (side == "peer" && nzchar(Sys.getenv("MNMASH_PEERS"))) {
  .libPaths(c(Sys.getenv("MNMASH_PEERS"), .libPaths()))
}
suppressPackageStartupMessages(library(mnmash))
source("bench/cases.R")
case <- cases[[arguments[1L]]]
options(mnmash.threads = as.integer(arguments[3L]))
# Not attached: it may have functions of the same names.
if (side == "peer") invisible(loadNamespace(case$package))
work <- if (side == "peer") case$peer else case$ours
d <- case$data()

# Megabytes, from the kernel
resident <- function(field) {
  line <- grep(field, readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) / 1024
}
timed <- function(times) {
  fit <- NULL
  time <- system.time(for (i in seq_len(times)) fit <- suppressMessages(suppressWarnings(work(d))))
  list(
    fit = fit, cpu = (time[["user.self"]] + time[["sys.self"]]) / times,
    wall = time[["elapsed"]] / times
  )
}

invisible(gc())
try(writeLines("5", "/proc/self/clear_refs"), silent = TRUE)
before <- resident("VmRSS")
# Some peers draw random numbers, and some report on standard output.
set.seed(1)
if (side == "peer") sink(nullfile())
first <- timed(1L)
peak <- resident("VmHWM")
runs <- list(first[c("cpu", "wall")])
# A clock of milliseconds needs a tenth of a second of work. Peers of seconds are run once.
times <- max(1, ceiling(0.1 / max(first$wall, 1e-4)))
repeats <- if (first$cpu < 1) 5L else if (side == "mnmash" && first$cpu < 20) 2L else 0L
for (i in seq_len(repeats)) runs[[i + 1L]] <- timed(times)[c("cpu", "wall")]
if (side == "peer") sink()

median_of <- function(what) stats::median(vapply(runs, `[[`, 0, what))
package <- if (side == "peer") case$package else "mnmash"
result <- list(
  case = case$name, size = case$size, side = side, package = package,
  version = as.character(utils::packageVersion(package)), threads = as.integer(arguments[3L]),
  runs = length(runs), cpu = median_of("cpu"), wall = median_of("wall"), peak = peak,
  rise = peak - before
)
if (side == "peer") {
  result$fit <- case$keep(first$fit)
} else {
  file <- tempfile()
  writeBin(serialize(unname(unlist(case$value(first$fit))), NULL), file)
  result$digest <- unname(tools::md5sum(file))
  theirs <- if (length(arguments) > 4L) readRDS(arguments[5L])$fit
  result$checks <- do.call(rbind, as.list(case$check(first$fit, theirs, d)))
}
saveRDS(result, arguments[4L])
