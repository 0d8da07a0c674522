# `work` on `item(i)` for each number i, as many at a time as there are workers, so that few results
# wait for their turn in `take(number, result)`. Items are made in this session. Where a worker
# dies, `lost(error)` is the result of what was under way; without it that is an error.
in_waves <- function(numbers, workers, work, take = NULL, item = identity, at_once = workers,
                     lost = NULL) {
  waves <- split(numbers, (seq_along(numbers) - 1) %/% at_once)
  with_progress("Chunks", length(numbers), \(report) {
    count <- 0
    for (wave in waves) {
      items <- lapply(wave, item)
      done <- if (is.null(lost)) {
        stream_apply(items, workers, work)
      } else {
        tryCatch(
          stream_apply(items, workers, work), error = \(e) rep(list(lost(e)), length(wave))
        )
      }
      if (!is.null(take)) for (at in seq_along(wave)) take(wave[at], done[[at]])
      count <- count + length(wave)
      if (!is.null(report)) report(count)
    }
  })
}

# lapply, on the user's workers if there are several. Random numbers are the work's own business.
stream_apply <- function(items, workers, work) {
  if (workers <= 1) return(lapply(items, work))
  future.apply::future_lapply(
    items, work,
    future.packages = "mnmash", future.seed = NULL, future.chunk.size = 1
  )
}

# How many processes the user's plan() has; one without the packages.
stream_workers <- function() {
  if (!requireNamespace("future.apply", quietly = TRUE)) return(1)
  workers <- future::nbrOfWorkers()
  if (is.finite(workers)) max(1, workers) else 100 # a cluster that takes what it is given
}

stream_threads <- function(n_threads, workers) {
  if (is.null(n_threads) && workers > 1) 1L else resolve_threads(n_threads)
}

# The threads of what runs on the workers, each of which would take all cores: what the user has
# said in this session, or one. NULL without workers: then the session's own rule holds.
worker_threads <- function(workers) {
  if (workers <= 1) return(NULL)
  said <- getOption("mnmash.threads", Sys.getenv("MNMASH_NUM_THREADS"))
  if (identical(said, "")) 1L else said
}

chunk_starts <- function(J, n_chunks) {
  force(J)
  force(n_chunks)
  function(i) floor(J * (i - 1) / n_chunks) + 1
}
