# Posteriors of data that come, and go, in chunks.

#' Posteriors of any number of units, chunk by chunk
#'
#' Applies a fitted prior to data that do not fit in memory, or whose results do not: one chunk of
#' units at a time is read, gets its posteriors, and is handed on. Memory is that of one chunk.
#'
#' A chunk is what `chunk(i)` returns, for `i` from 1 to `n_chunks`, in any order and perhaps more
#' than once: a list of `Bhat` and `Shat` (matrices with units in rows, and perhaps `V`), or data
#' from [mash_set_data()]. It may read them from anywhere: some rows of a matrix in memory, of a
#' memory-mapped file, of a database, or of an HDF5 file; see the examples. Chunks of 1e5 to 1e6
#' units waste no time. The posteriors of a unit depend on its own data only, hence (up to rounding)
#' not on how the units were cut into chunks. A chunk may lack a condition altogether (all `NA`): it
#' is predicted from the others.
#'
#' @section Samples:
#' With `n_samples`, `posterior$PosteriorSamples` holds samples from the posterior of the
#' units of the chunk, as in [get_samples()]; `sink` is the place to reduce them. They depend on the
#' seed, the number of the chunk and the row in it (row r of chunk i counts as row
#' r + (i - 1) 2^31), hence on how units were cut into chunks, but not on threads or workers,
#' nor on which chunks were finished before. When `chunk` is data from [mash_set_data()], rows count
#' as in these data: the samples are those of [mash_compute_posterior_matrices()].
#'
#' @section In parallel:
#' Every chunk is worked on by `n_threads` threads. If the package future.apply is installed and
#' `future::plan()` names several workers (other processes, or other machines), the chunks are
#' shared out among them, with one thread each unless `n_threads` says otherwise; the results are
#' identical. `chunk` runs on the workers then, and must find there what it needs. A `sink` that is
#' a function is always called in this session, in the order of the chunks.
#'
#' @section Stopping and going on:
#' With a folder as `sink`, chunks whose file is there already are not computed again: after an
#' interruption, the same call finishes the work. The folder remembers what the files were computed
#' for (prior, number of chunks, `A` and other arguments), and using it for something else is an
#' error; that the chunks are the same is the caller's business.
#'
#' @param g a fit from [mash()], its `fitted_g`, or another prior (see [as_prior()]). The data must
#'   be of its units; those of chunks that are lists are made with its `alpha` (0 if it does not
#'   say). Conditions are matched by name; chunks of fewer get the posteriors under the exact
#'   margin.
#' @param chunk a function of one number `i` that returns chunk `i`, see below; or data from
#'   [mash_set_data()], to be cut into chunks.
#' @param n_chunks the number of chunks.
#' @param sink where the posteriors go: a function `sink(i, posterior)`, where `posterior` is what
#'   [mash_compute_posterior_matrices()] returns for chunk `i`; or the name of a folder, where chunk
#'   `i` becomes the file `posterior-<i>.rds`, made for reading with [readRDS()].
#' @param V residual correlation, R x R, of chunks that bring none: of their conditions, matched
#'   by name, or without names of those of the prior.
#' @param n_samples number of samples from the posterior of every unit, see below.
#' @param seed of the samples: a whole number, or `NULL` to draw one from R's random numbers (for a
#'   folder that was begun: the one it was begun with).
#' @inheritParams shared_arguments
#'
#' @return Invisibly, a data frame with a row for each chunk: `chunk`, `units`, `loglik` (the
#'   log-likelihood of its units under the prior) and, for a folder, its `file`.
#' @seealso [mash_compute_posterior_matrices()], `vignette("large-data")`
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 50, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), outputlevel = 1, verbose = FALSE)
#'
#' # Rows 1 to 40, 41 to 80, ...; kept of them: where the first condition has an effect
#' chunk <- function(i) {
#'   rows <- 40 * (i - 1) + 1:40
#'   list(Bhat = sims$Bhat[rows, ], Shat = sims$Shat[rows, ])
#' }
#' found <- list()
#' mash_stream(m, chunk, 5, \(i, posterior) found[[i]] <<- which(posterior$lfsr[, 1] < 0.05))
#' lengths(found)
#'
#' # Into files
#' folder <- tempfile("posterior")
#' print(mash_stream(m, chunk, 5, folder))
#' str(readRDS(file.path(folder, "posterior-00000003.rds"))$PosteriorMean)
#' unlink(folder, recursive = TRUE)
mash_stream <- function(g, chunk, n_chunks, sink, V = NULL, pi_thresh = 1e-10, A = NULL,
                        output_posterior_cov = FALSE, n_threads = NULL, n_samples = 0,
                        seed = 123, ...) {
  take_dots(...)
  job <- stream_job(g, chunk, if (missing(n_chunks)) NULL else n_chunks, V)
  chunk <- job$chunk
  first_row <- job$first_row
  job$chunk <- job$first_row <- NULL
  check_flag(output_posterior_cov)
  job$pi_thresh <- check_number(pi_thresh, 0, 1)
  job <- c(job, list(A = A, covariance = output_posterior_cov))
  n_samples <- check_samples(n_samples, "n_samples")
  if (!is.function(sink) && (!is.character(sink) || length(sink) != 1L || is.na(sink))) {
    stop_mnmash("type", "`sink` must be a function(i, posterior), or the name of a folder")
  }
  if (n_samples) {
    job$samples <- n_samples
    job$seed <- stream_seed(seed, sink)
  }
  source <- list(chunk = chunk, first_row = first_row)
  if (is.function(sink)) return(invisible(stream_to_function(job, source, sink, n_threads)))
  invisible(stream_to_folder(job, source, sink, n_threads))
}

# What is common to all chunks, and their source.
stream_job <- function(g, chunk, n_chunks, V) {
  prior <- model_prior(g, "g")
  if (inherits(chunk, "mash")) {
    given_prior(g, chunk) # the same units and conditions
    prior$alpha <- chunk$alpha
    if (is.null(n_chunks)) n_chunks <- ceiling(nrow(chunk$Bhat) / 1e5)
    first_row <- chunk_starts(nrow(chunk$Bhat), check_few(n_chunks))
    chunk <- rows_of_data(chunk, n_chunks)
  } else {
    first_row <- first_row_of_chunk
  }
  if (!is.function(chunk)) stop_mnmash("type", "`chunk` must be a function of the chunk's number")
  if (!is.null(V)) {
    # Of the chunks' conditions; without names, of those of the prior.
    nameless <- is.null(square_names(as_numeric_matrix(V), "V", "condition"))
    V <- check_covariance(V, if (nameless) prior$R else NROW(V))
    if (nameless && !is.null(prior$conditions)) dimnames(V) <- rep(list(prior$conditions), 2L)
  }
  list(
    g = prior$g, prior = prior, alpha = prior$alpha, V = V, n_chunks = check_few(n_chunks),
    chunk = chunk, first_row = first_row
  )
}

# Chunks of unknown size: far enough apart.
first_row_of_chunk <- function(i) 1 + (i - 1) * 2^31

# A folder that was begun with a random seed goes on with it.
stream_seed <- function(seed, sink) {
  begun <- if (is.null(seed) && is.character(sink)) known_job(sink, "sink")$seed
  check_seed(if (is.null(begun)) seed else begun)
}

# Read and checked, with the places of its conditions in the prior: errors say which chunk.
chunk_data <- function(job, chunk, i) {
  found <- chunk(i)
  complain <- function(why, kind = "type") stop_mnmash(kind, "`chunk(", i, ")` ", why)
  prior <- job$prior
  if (!inherits(found, "mash")) {
    if (!is.list(found) || is.null(found$Bhat)) {
      complain("must return a list of `Bhat` and `Shat`, or data from mash_set_data()")
    }
    found$Bhat <- as_numeric_matrix(found$Bhat, name = "Bhat")
    alpha <- if (is.null(job$alpha)) 0 else job$alpha
    found <- withCallingHandlers(
      {
        V <- found$V
        if (is.null(V)) V <- job$V
        if (is.null(V)) V <- diag(ncol(found$Bhat))
        data_with_unobserved(found$Bhat, found$Shat, V, alpha)
      },
      mnmash_error = \(e) {
        kind <- sub("^mnmash_error_", "", class(e)[1L])
        complain(paste0("is not usable: ", conditionMessage(e)), unique(c(kind, "value")))
      }
    )
  } else {
    check_same_scale(prior, found, "g", paste0("`chunk(", i, ")`"))
  }
  at <- tryCatch(
    align_to(
      prior$conditions, colnames(found$Bhat), "g", "condition", prior$R, ncol(found$Bhat),
      "the chunks"
    ),
    mnmash_error = \(e) {
      complain(
        paste("cannot be used:", conditionMessage(e)), sub("^mnmash_error_", "", class(e)[1L])
      )
    }
  )
  list(data = found, at = at)
}

# One chunk: how many units, their log-likelihood, their posteriors. Progress is that of the chunks.
stream_chunk <- function(job, source, i, n_threads) {
  found <- chunk_data(job, source$chunk, i)
  data <- found$data
  g <- marginal_prior(job$g, found$at)
  before <- options(mnmash.progress = FALSE)
  on.exit(options(before))
  loglik <- 0
  posterior <- posterior_in_blocks(
    data, g, job$pi_thresh, job$covariance, n_threads, A = job$A,
    each = \(fit) loglik <<- loglik + sum(fit$vloglik)
  )
  if (!is.null(job$samples)) {
    posterior$PosteriorSamples <- all_samples(
      data, g, job$pi_thresh, job$samples, job$seed, n_threads, job$A,
      before = source$first_row(i) - 1
    )
  }
  list(
    units = nrow(data$Bhat), loglik = loglik - sum(log_scale(data) + numeric(nrow(data$Bhat))),
    posterior = posterior
  )
}

# Everything the sink sees, it sees in order.
stream_to_function <- function(job, source, sink, n_threads) {
  numbers <- seq_len(job$n_chunks)
  units <- numeric(job$n_chunks)
  loglik <- numeric(job$n_chunks)
  take <- function(i, done) {
    sink(i, done$posterior)
    units[i] <<- done$units
    loglik[i] <<- done$loglik
  }
  workers <- stream_workers()
  threads <- stream_threads(n_threads, workers)
  in_waves(numbers, workers, \(i) stream_chunk(job, source, i, threads), take)
  data.frame(chunk = numbers, units = units, loglik = loglik)
}

# Each chunk is a file, complete or not there at all.
stream_to_folder <- function(job, source, folder, n_threads) {
  names <- sprintf("posterior-%08d.rds", seq_len(job$n_chunks))
  remember_job(job, folder, files = file.path(folder, names))
  # Workers may have another working directory.
  files <- file.path(normalizePath(folder), names)
  summaries <- sub("posterior-", "summary-", files, fixed = TRUE)
  workers <- stream_workers()
  threads <- stream_threads(n_threads, workers)
  write <- function(i) {
    done <- stream_chunk(job, source, i, threads)
    save_rds(data.frame(chunk = i, units = done$units, loglik = done$loglik), summaries[i], 0L)
    save_rds(done$posterior, files[i], 0L)
    NULL
  }
  in_waves(which(!(finished_files(files) & finished_files(summaries))), workers, write)
  cbind(do.call(rbind, lapply(summaries, read_rds, name = "sink")), file = files)
}
