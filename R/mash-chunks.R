# Weights of the prior from data that come in chunks: the core asks for sums over all of them.

#' Fit the weights of a prior to any number of units, chunk by chunk
#'
#' What [mash()] does to data in memory, for data that do not fit: starting from the fit of a
#' sample, finds the weights that maximise the (penalised) likelihood of all units of all chunks.
#' The result does not depend on the sample (but its matrices and grid are those of `g`), and
#' carries the same certificate. Each of about five to ten iterations reads every chunk once;
#' nothing is kept of a chunk but sums.
#'
#' Chunks go to the workers of `future::plan()` as in [mash_stream()].
#'
#' @section Stopping and going on:
#' With a folder as `checkpoint`, the sums of every finished chunk and pass are kept in it (a few
#' numbers for each pair of components that matter). After an interruption the same call goes on
#' with the chunk that was not finished, and ends with the same fit, to the last bit; so it does
#' with another `control`, which makes a fit more exact, or longer. Using the folder for another job
#' (prior, penalty, number of chunks) is an error; that the chunks are the same is the caller's
#' business.
#'
#' @param g a fit from [mash()] to a random sample of the units, its `fitted_g`, or another prior
#'   (see [as_prior()]): the matrices and the grid, and the weights to start from. Conditions are
#'   matched by name. A `product` (see [mash()]) is one component, whose own scales stay.
#' @param chunk,n_chunks,V as in [mash_stream()].
#' @param prior,nullweight the penalty of the weights, as in [mash()].
#' @param control a list of `tol` (largest KKT violation, default 1e-8) and `max_iter` (50).
#' @param checkpoint `NULL`, or the name of a folder to go on from after an interruption, see below.
#' @inheritParams shared_arguments
#'
#' @return An object of classes `mash_fit` and `mash` without anything by unit: `fitted_g`,
#'   `loglik`, `n_units`, `alpha` and `convergence`, as in [mash()]; the `trace` of `convergence`
#'   has an element for each accepted iteration.
#' @seealso [mash_stream()] for the posteriors, `vignette("large-data")`
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 200, err_sd = 0.5)
#' chunk <- function(i) {
#'   rows <- 200 * (i - 1) + 1:200
#'   list(Bhat = sims$Bhat[rows, ], Shat = sims$Shat[rows, ])
#' }
#' some <- sample(800, 200)
#' data <- mash_set_data(sims$Bhat[some, ], sims$Shat[some, ])
#' start <- mash(data, cov_canonical(data), outputlevel = 1, verbose = FALSE)
#' m <- mash_fit_chunks(start, chunk, n_chunks = 4)
#' m$loglik
mash_fit_chunks <- function(g, chunk, n_chunks, V = NULL, prior = c("nullbiased", "uniform"),
                            nullweight = 10, control = list(), n_threads = NULL,
                            checkpoint = NULL, ...) {
  take_dots(...)
  job <- stream_job(g, chunk, if (missing(n_chunks)) NULL else n_chunks, V)
  g <- job$g
  control <- fit_control(control, tol = 1e-8, max_iter = 50)
  a <- dirichlet_parameters(prior, n_weights(g), nullweight, weight_names(g))
  workers <- stream_workers()
  threads <- stream_threads(n_threads, workers)
  if (!is.null(checkpoint)) {
    same <- c("g", "alpha", "V", "n_chunks")
    remember_job(c(job[same], list(penalty = a)), checkpoint, "checkpoint")
  }
  kept <- kept_passes(checkpoint)
  total <- NULL
  fit <- call_core_back(
    "mixture_weights_by_passes",
    start = as.double(c(g$pi, g$product$weight)),
    sums = \(point) {
      total <<- weight_sums(job, point, workers, threads, kept)
      c(total[c("value", "g", "hessian", "cover")], list(rows = total$units))
    },
    control = c(list(penalty = a), control)
  )
  convergence <- c(ending(fit, c("objective", "kkt")), list(method = "convex"))
  if (!convergence$converged) warn_not_converged(convergence)
  g <- with_weights(g, stats::setNames(fit$pi, weight_names(g)))
  penalty <- sum(((a - 1) * log(fit$pi))[a > 1])
  structure(
    list(
      result = NULL, n_units = total$units, loglik = fit$objective - penalty - total$lost,
      fitted_g = g, alpha = if (is.null(job$alpha)) 0 else job$alpha, convergence = convergence
    ),
    class = c("mash_fit", "mash")
  )
}

# Sums at a point, list(x, columns, floor), from one pass over the chunks: added in their order.
weight_sums <- function(job, point, workers, threads, kept) {
  work <- function(i) {
    found <- chunk_data(job, job$chunk, i)
    data <- found$data
    before <- options(mnmash.progress = FALSE)
    on.exit(options(before))
    sums <- core_mash(
      "weight_sums", data, reduced_matrices(job$g, found$at), point = point, label = "Chunk",
      n_threads = threads
    )
    sums$units <- nrow(data$Bhat)
    sums$lost <- sum(log_scale(data) + numeric(nrow(data$Bhat)))
    sums
  }
  kept(point, job$n_chunks, \(numbers, take) in_waves(numbers, workers, work, take))
}

# Sums over the chunks of one pass after another. Their order is that of a calculation without
# random numbers: repeated, it makes the same passes, and finds the sums of those that a folder has.
kept_passes <- function(folder) {
  pass <- 0
  function(inputs, n_chunks, run) {
    pass <<- pass + 1
    if (is.null(folder)) {
      total <- NULL
      run(seq_len(n_chunks), \(i, sums) total <<- add_sums(total, sums))
      return(total)
    }
    whole <- file.path(folder, sprintf("pass-%03d.rds", pass))
    part <- sprintf("pass-%03d-%s.rds", pass, c("inputs", sprintf("chunk-%08d", seq_len(n_chunks))))
    note <- file.path(folder, part[1L])
    chunks <- file.path(folder, part[-1L])
    known <- found_earlier(whole)
    if (is.list(known) && identical(known$inputs, inputs)) {
      # Killed after the sum was written, and before its parts were removed.
      unlink(c(chunks, note))
      return(known$total)
    }
    # Sums of chunks belong to these inputs, or to none.
    if (!identical(found_earlier(note), inputs)) {
      unlink(chunks)
      save_rds(inputs, note)
    }
    run(which(!finished_files(chunks)), \(i, sums) save_rds(sums, chunks[i]))
    total <- NULL
    for (file in chunks) total <- add_sums(total, read_rds(file, "checkpoint"))
    save_rds(list(inputs = inputs, total = total), whole)
    unlink(c(chunks, note))
    total
  }
}

add_sums <- function(total, sums) if (is.null(total)) sums else Map(`+`, total, sums)
