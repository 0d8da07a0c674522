# Fine-mapping of every region under what was learnt.

# list(sets, calls, variants, failures) of all regions.
finemap_all <- function(job, fit) {
  labels <- fit$regions$region
  shards <- split(labels, (seq_along(labels) - 1L) %/% regions_at_once)
  workers <- stream_workers()
  source <- job$regions$source
  prior <- collapsed_prior(fit$prior)
  fine <- job$how$finemap
  work <- finemap_shard(
    prior, fine, stream_threads(job$n_threads, workers),
    if (workers > 1) for_workers(source) else source
  )
  item <- \(i) {
    names <- shards[[i]]
    list(
      names = names, V = lapply(fit$fits[names], `[[`, "V"),
      given = if (workers > 1) source$regions[names],
      data = if (workers > 1) mget(names, source$held, ifnotfound = list(NULL))
    )
  }
  folder <- if (!is.null(job$folder)) file.path(job$folder, "finemap")
  found <- each_shard(length(shards), item, work, folder, list(shards = shards, prior = prior))
  bad <- vapply(found, inherits, NA, "error")
  stack <- \(what) {
    rows <- do.call(rbind, unname(lapply(found[!bad], `[[`, what)))
    rownames(rows) <- NULL
    rows
  }
  list(
    sets = stack("sets"), calls = stack("calls"), variants = stack("variants"),
    failures = rbind(fit$failures, failure_rows(found[bad], "finemap"))
  )
}

finemap_shard <- function(prior, fine, threads, source) {
  force(prior)
  force(fine)
  force(threads)
  force(source)
  function(piece) {
    if (!is.null(piece$given)) source$regions <- piece$given
    out <- lapply(piece$names, \(name) {
      tryCatch({
        region <- piece$data[[name]] %||% read_region(source, name)
        data <- finemap_region(source, name, region, piece$V[[name]])
        fit <- suppressWarnings(suppressMessages(finemap(
          data[[1L]], prior, L = min(fine$L, data[[1L]]$p), V = data[[2L]],
          coverage = fine$coverage, min_abs_corr = fine$min_abs_corr, n_threads = threads
        )), classes = c("mnmash_warning_convergence", "mnmash_warning_decrease"))
        set_tables(fit, name)
      }, error = identity)
    })
    stats::setNames(out, piece$names)
  }
}

# The sets of a region as tables.
set_tables <- function(fit, region) {
  shown <- as.data.frame(summary(fit))
  of <- \(columns) {
    cbind(data.frame(region = rep(region, nrow(shown))), shown[columns])
  }
  sets <- of(c("set", "sentinel", "pip", "size", "coverage", "purity", "log_bf", "probability"))
  names(sets)[3L] <- "lead"
  sets$converged <- rep(fit$convergence$converged, nrow(sets))
  calls <- of(c("set", "condition", "effect", "se", "lfsr", "signal_lfsr"))
  names(calls)[5L] <- "sd"
  members <- lapply(names(fit$sets), \(l) {
    at <- unname(fit$sets[[l]]$variables)
    data.frame(
      region = region, set = l, variant = names(fit$pip)[at],
      probability = unname(fit$alpha[l, at]), pip = unname(fit$pip[at])
    )
  })
  none <- data.frame(
    region = character(), set = character(), variant = character(), probability = numeric(),
    pip = numeric()
  )
  list(
    sets = sets[!duplicated(sets$set), ], calls = calls,
    variants = if (length(members)) do.call(rbind, members) else none
  )
}
