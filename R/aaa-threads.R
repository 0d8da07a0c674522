# How many threads a kernel may use: the argument, then the option `mnmash.threads`, then the
# environment variable MNMASH_NUM_THREADS, then all cores. `R CMD check` allows at most two
# (`_R_CHECK_LIMIT_CORES_`).
resolve_threads <- function(n_threads = NULL) {
  if (is.null(n_threads)) {
    n_threads <- getOption("mnmash.threads", Sys.getenv("MNMASH_NUM_THREADS", rust_cores()))
  }
  if (is.character(n_threads)) n_threads <- suppressWarnings(as.numeric(n_threads))
  if (!one_number(n_threads) || n_threads != round(n_threads) || n_threads < 1 ||
        n_threads > most_threads) {
    stop_mnmash(
      "threads", as_typed("n_threads"),
      " (or the option `mnmash.threads`) must be one whole number between 1 ",
      "and ", most_threads
    )
  }
  n_threads <- as.integer(n_threads)
  limit <- tolower(Sys.getenv("_R_CHECK_LIMIT_CORES_", ""))
  if (nzchar(limit) && limit != "false") min(n_threads, 2L) else n_threads
}

# More than any machine has use for: a mistake such as a date must not start that many.
most_threads <- 1024L
