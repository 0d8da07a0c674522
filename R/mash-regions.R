# Posteriors under a fitted prior: for many data sets, parts of them, or some of the conditions.

#' Posteriors by region, or chunk by chunk, for all conditions or some
#'
#' Applies a fitted prior to data: to one data set, or to many (regions, genes), in this session or
#' on the workers of `future::plan()`, with the same results on any number of workers.
#'
#' @section Fewer conditions:
#' `exclude` leaves conditions out of the analysis, as if they had not been measured: of the prior
#' and of the data their margins are used, which is exact. Matrices that are zero in the others
#' become part of the null; weights are kept. Data with fewer conditions than the model, or with
#' the same in another order, are matched by name.
#'
#' `exclude_rule = "workflow"` does what the mixture-prior workflows did, for comparison: a matrix
#' called by a condition (or `ED_` and a condition) that is left out is dropped, all weights with
#' that condition's name in theirs go with it, one called by a condition that stays becomes an
#' effect in that condition alone, `"identity"` becomes an effect in the first condition, and
#' matrices without names lose their last rows and columns, whichever conditions those are.
#'
#' @section Data sets:
#' A region's data are from [mash_set_data()], or a list of effects (`Bhat`, `bhat` or `b`) and
#' standard errors (`Shat`, `shat`, `sbhat` or `s`), perhaps with `V`; `NA` where missing. Also a
#' condition without any value is predicted from the others. Posteriors of missing cells of such
#' lists are in the units of effects, also under EZ: for a cell with the median standard error of
#' its condition in the region, or of the region. Regions as a character vector are files
#' with such lists, read by `read` where the work is done. Without names a vector's regions are
#' named by their files.
#'
#' @section Errors:
#' An error in one region does not keep the others from being finished: see [each_region()].
#'
#' @section Stopping and going on:
#' With a `folder`, results become files as they are finished; the same call again does only what is
#' missing. See [each_region()].
#'
#' @param data data from [mash_set_data()]; or regions: a list with names, or a character vector of
#'   files; or a function of a number that returns a data set, with `n_chunks`.
#' @param exclude names or numbers of conditions of the model to leave out.
#' @param exclude_rule how: `"marginal"`, exactly, or `"workflow"`.
#' @param n_chunks into how many chunks one data set is cut. Default: of 20,000 units or fewer.
#' @param V residual correlation of lists without `V`: R x R, for the conditions of the model.
#'   Default: that of the model, if it is from [mash_fit()] or [mixture_prior()]; else independence.
#' @param read a function of a file's name that returns a data set.
#' @param A linear functions of the effects (without the excluded ones), as in
#'   [mash_compute_posterior_matrices()].
#' @inheritParams shared_arguments
#'
#' @return For one data set: a list as from [mash_compute_posterior_matrices()]. For regions: a list
#'   of such lists, with their names. With a `folder`: invisibly, a data frame with a row for each
#'   file: `region` (or chunk) and `file`; [readRDS()] reads the list from it.
#' @seealso [mash_stream()] for data that do not fit in memory.
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 30, err_sd = 0.5)
#' colnames(sims$Bhat) <- c("liver", "lung", "brain", "skin", "blood")
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), outputlevel = 1, verbose = FALSE)
#' str(mash_posterior(m, data, exclude = "skin")$PosteriorMean)
#'
#' # By gene, into files
#' genes <- list(
#'   gene1 = list(Bhat = sims$Bhat[1:20, ], Shat = sims$Shat[1:20, ]),
#'   gene2 = list(Bhat = sims$Bhat[21:50, 1:3], Shat = sims$Shat[21:50, 1:3])
#' )
#' folder <- tempfile("posterior")
#' done <- mash_posterior(m, genes, folder = folder)
#' dim(readRDS(done$file[2])$lfsr)
#' unlink(folder, recursive = TRUE)
mash_posterior <- function(model, data, exclude = NULL, folder = NULL, n_chunks = NULL, V = NULL,
                           read = readRDS, A = NULL, output_posterior_cov = FALSE,
                           pi_thresh = 1e-10, n_threads = NULL,
                           exclude_rule = c("marginal", "workflow"), ...) {
  take_dots(...)
  job <- posterior_job(model, data, exclude, V, pi_thresh, read, exclude_rule)
  job$A <- A
  job$covariance <- check_flag(output_posterior_cov)
  run_posterior(job, data, n_chunks, read, n_threads, folder, piece_posterior, bind_posteriors)
}

# The question, checked: what does not depend on the data set.
posterior_job <- function(model, data, exclude, V, pi_thresh, read, exclude_rule) {
  exclude_rule <- match_choice(exclude_rule, c("marginal", "workflow"))
  if (!is.function(read)) stop_mnmash("type", "`read` must be a function of a file's name")
  prior <- model_prior(model)
  if (is.null(prior$conditions)) prior$conditions <- names_in_data(data, prior$R)
  condition_numbers(exclude, prior$conditions, prior$R)
  if (is.null(V)) V <- model_correlation(model, prior$R)
  if (!is.null(V)) {
    V <- check_covariance(V, prior$R, conditions = prior$conditions, to = "the model")
  }
  list(
    prior = prior, exclude = exclude, exclude_rule = exclude_rule, V = V,
    pi_thresh = check_number(pi_thresh, 0, 1)
  )
}

# The residual correlation that a fit was made with, if it says so and it is the same for all units.
model_correlation <- function(model, R) {
  V <- if (inherits(model, c("mash", "mnmash_prior"))) unclass(model)[["V"]]
  if (is.matrix(V) && identical(dim(V), c(R, R))) V
}

# What the data in memory call the R conditions, if any of them has all and names them.
names_in_data <- function(data, R) {
  if (!is.list(data)) return(NULL)
  if (is.null(table_entry(data, effect_names))) {
    return(Find(Negate(is.null), lapply(unname(data), names_in_data, R)))
  }
  Bhat <- table_entry(data, effect_names)
  if (NCOL(Bhat) == R) colnames(Bhat)
}

# `answer(job, data, threads)` for each piece of the data.
run_posterior <- function(job, data, n_chunks, read, n_threads, folder, answer, bind) {
  pieces <- posterior_pieces(data, n_chunks)
  threads <- stream_threads(n_threads, stream_workers())
  work <- posterior_work(job, read, threads, answer, if (is.function(data)) data)
  job$pieces <- pieces[c("labels", "fingerprint")]
  if (is.character(data)) job$read <- as_written(read)
  found <- work_through(
    pieces$labels, pieces$item, work, folder, job, partial = pieces$regions
  )
  if (!is.null(folder)) return(invisible(found))
  if (pieces$regions) found else bind(found)
}

# How the data fall into pieces, what they are called, and what is sent to the worker of each.
posterior_pieces <- function(data, n_chunks) {
  chunk_labels <- \(n) sprintf("posterior-%08d", seq_len(n))
  if (is.function(data)) {
    n_chunks <- check_few(n_chunks)
    return(list(labels = chunk_labels(n_chunks), item = identity, regions = FALSE))
  }
  if (is.list(data) && !inherits(data, "mash") && !is.null(table_entry(data, effect_names))) {
    data <- list(data)
    names(data) <- "posterior"
    return(list(labels = names(data), item = \(i) data[[i]], regions = FALSE))
  }
  if (!inherits(data, "mash")) {
    data <- named_regions(data, "data")
    return(list(labels = names(data), item = \(i) data[[i]], regions = TRUE))
  }
  check_mash_data(data)
  J <- nrow(data$Bhat)
  n_chunks <- if (is.null(n_chunks)) ceiling(J / 20000) else check_few(n_chunks)
  # Enough to notice that a folder is about other data.
  fingerprint <- c(dim(data$Bhat), sum(data$Bhat), sum(data$Shat), sum(data$V))
  list(
    labels = chunk_labels(n_chunks), item = rows_of_data(data, n_chunks), regions = FALSE,
    fingerprint = fingerprint
  )
}

# A function of one piece; it carries nothing that the piece does not need.
posterior_work <- function(job, read, threads, answer, chunk = NULL) {
  force(job)
  force(read)
  force(threads)
  force(answer)
  force(chunk)
  function(piece) {
    if (!is.null(chunk)) piece <- chunk(piece)
    if (is.character(piece)) piece <- read_piece(read, piece)
    answer(job, piece, threads)
  }
}

read_piece <- function(read, file) {
  if (identical(read, readRDS)) return(read_rds(file, "data"))
  tryCatch(suppressWarnings(read(file)), error = \(e) {
    stop_mnmash("file", "`read` cannot read '", file[1L], "': ", conditionMessage(e))
  })
}

piece_posterior <- function(job, piece, threads) {
  ready <- ready_piece(job, piece)
  before <- options(mnmash.progress = FALSE)
  on.exit(options(before))
  posterior_in_blocks(
    ready$data, ready$g, job$pi_thresh, job$covariance, threads,
    A = job$A
  )
}

# Data and prior of the same conditions, those with the numbers `keep` in the model.
ready_piece <- function(job, piece) {
  prior <- job$prior
  if (!inherits(piece, "mash")) {
    piece <- region_data(piece, prior, job$exclude, job$V)
  } else {
    check_same_scale(prior, piece, "model")
  }
  match <- matched_conditions(prior, colnames(piece$Bhat), ncol(piece$Bhat), job$exclude)
  g <- if (job$exclude_rule == "marginal") {
    marginal_prior(prior$g, match$keep)
  } else {
    workflow_prior(prior$g, match$keep, prior$conditions, prior$nameless)
  }
  list(data = data_columns(piece, match$columns), g = g, keep = match$keep)
}

effect_names <- c("Bhat", "bhat", "b")
error_names <- c("Shat", "shat", "sbhat", "s")

table_entry <- function(x, names) {
  found <- names[names %in% base::names(x)]
  if (length(found)) x[[found[1L]]]
}

# A region's tables as data; conditions of which nothing was measured are missing in all units.
region_data <- function(x, prior, exclude, V) {
  Bhat <- table_entry(x, effect_names)
  Shat <- table_entry(x, error_names)
  if (!is.list(x) || is.null(Bhat)) {
    stop_mnmash(
      "type", "a region's data must be a list of `Bhat` and `Shat`, or of mash_set_data()"
    )
  }
  Bhat <- as_numeric_matrix(Bhat)
  Bhat <- with_names_of(Bhat, Shat)
  Shat <- if (is.null(Shat)) Bhat * 0 + 1 else check_shat(Shat, Bhat)
  if (!is.null(x$V)) x$V <- data_correlation(x$V, Bhat)
  match <- matched_conditions(prior, colnames(Bhat), ncol(Bhat), exclude)
  used <- \(M) M[, match$columns, drop = FALSE]
  Bhat <- used(Bhat)
  Shat <- used(Shat)
  if (!is.null(x$V)) {
    V <- if (length(dim(x$V)) == 3L) {
      x$V[match$columns, match$columns, , drop = FALSE]
    } else {
      x$V[match$columns, match$columns, drop = FALSE]
    }
  } else {
    V <- if (is.null(V)) diag(length(match$keep)) else V[match$keep, match$keep, drop = FALSE]
  }
  # What as_numeric_matrix() names is used to match again.
  if (is.null(colnames(Bhat)) && !is.null(prior$conditions)) {
    colnames(Bhat) <- prior$conditions[match$keep]
  }
  alpha <- if (is.null(prior$alpha)) 0 else prior$alpha
  data <- data_with_unobserved(Bhat, Shat, V, alpha)
  if (alpha > 0) with_missing_units(data, Shat) else data
}
