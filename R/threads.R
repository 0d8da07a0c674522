# How many threads a kernel may use: the argument, then the option `mnmash.threads`, then the
# environment variable MNMASH_NUM_THREADS, then all cores. `R CMD check` allows at most two
# (`_R_CHECK_LIMIT_CORES_`).
resolve_threads <- function(n_threads = NULL) {
  if (is.null(n_threads)) {
    n_threads <- getOption("mnmash.threads", Sys.getenv("MNMASH_NUM_THREADS", rust_cores()))
  }
  n_threads <- suppressWarnings(as.integer(n_threads))
  if (length(n_threads) != 1L || is.na(n_threads) || n_threads < 1L) {
    stop_mnmash(
      "threads", "`n_threads` (or the option `mnmash.threads`) must be one positive whole number"
    )
  }
  limit <- tolower(Sys.getenv("_R_CHECK_LIMIT_CORES_", ""))
  if (nzchar(limit) && limit != "false") min(n_threads, 2L) else n_threads
}
