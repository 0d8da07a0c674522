# `work` on `item(i)` for each number i, as many at a time as there are workers, so that few results
# wait for their turn in `take(number, result)`. Items are made in this session.
in_waves <- function(numbers, workers, work, take = NULL, item = identity, at_once = workers) {
  waves <- split(numbers, (seq_along(numbers) - 1) %/% at_once)
  with_progress("Chunks", length(numbers), \(report) {
    count <- 0
    for (wave in waves) {
      done <- stream_apply(lapply(wave, item), workers, work)
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

remember_job <- function(job, folder, name = "sink") {
  if (!is.character(folder) || length(folder) != 1L || is.na(folder)) {
    stop_mnmash("type", as_typed(name), " must be the name of a folder")
  }
  if (!dir.exists(folder) && !dir.create(folder, recursive = TRUE, showWarnings = FALSE)) {
    stop_mnmash("file", as_typed(name), ": cannot make the folder '", folder, "'")
  }
  note <- file.path(folder, "job.rds")
  if (!file.exists(note)) return(save_rds(job, note, 0L))
  known <- readRDS(note)
  parts <- union(names(job), names(known))
  other <- !vapply(parts, \(part) identical(known[[part]], job[[part]]), NA)
  if (any(other)) {
    stop_mnmash(
      name, as_typed(name), ": the folder '", folder, "' has results of another job (`",
      parts[other][1L], "` differs): use another folder, or delete it"
    )
  }
}

chunk_starts <- function(J, n_chunks) {
  force(J)
  force(n_chunks)
  function(i) floor(J * (i - 1) / n_chunks) + 1
}
