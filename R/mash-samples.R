# Samples from the posterior: of all units at once, or block by block through a function.

#' Samples from the posterior
#'
#' Joint samples of the effects of a unit in all conditions answer questions that means and standard
#' deviations by condition do not: is the effect larger in one condition than in another, is it
#' shared, in how many conditions is it positive? `mash(posterior_samples = M)` and
#' `mash_compute_posterior_matrices(posterior_samples = M)` keep them; `posterior_functional()`
#' computes what is wanted of them block by block, so that they need never be held at once.
#'
#' A sample is drawn exactly: its component by the posterior weights, then the effects from the
#' posterior under this component, also where the prior covariance is singular. Effects that the
#' component holds at zero are exactly zero. Under a component of independent effects (`product` of
#' [mash()]) the effects are drawn one by one: exactly where errors are independent, and otherwise
#' from the best independent distributions.
#'
#' Every number depends on the seed, the row of the unit in `data`, and the number of the sample
#' alone, not on threads or blocks, nor on how many samples are drawn: the first 10 of 100 are those
#' of 10. The same unit in another row gets other samples; in a part of the data, too.
#' R's random numbers are neither used nor changed, but for one that is drawn to make a seed when
#' `seed` is `NULL`: then [set.seed()] decides.
#'
#' @param m a fit from [mash()] with `posterior_samples`.
#' @param g a fit from [mash()], or its `fitted_g`.
#' @param f function of an array of samples, units x conditions x samples with dimnames, that
#'   returns for each unit a number (a vector in all) or several (a matrix with a row per unit).
#' @param n_samples number of samples for each unit.
#' @param ... further arguments of `f`.
#' @param A Q x R matrix: samples are of these linear functions of the effects, instead of the
#'   effects themselves. See [contrast_matrix()].
#' @param pi_thresh components with weights up to this are left out.
#' @param block_size number of units in a call of `f`. Default: such that their samples take some
#'   100 MB. The result does not depend on it if `f` looks at every unit by itself.
#' @inheritParams shared_arguments
#'
#' @return `get_samples()`: an array of units x conditions x samples in the units of `Bhat` (see
#'   [mash_set_data()] for missing cells).
#'   `posterior_functional()`: a vector, or a matrix with a row for each unit, named by unit.
#' @seealso [get_pairwise_sharing_from_samples()]
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 20, err_sd = 0.3)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), verbose = FALSE, posterior_samples = 100)
#' dim(get_samples(m))
#' # Probability that the effect is larger in condition 1 than in condition 2
#' larger <- posterior_functional(m, data, \(b) rowMeans(b[, 1, ] > b[, 2, ]), n_samples = 500)
#' summary(larger)
get_samples <- function(m) posterior_part(m, "PosteriorSamples", "`posterior_samples`")

#' @rdname get_samples
#' @export
posterior_functional <- function(g, data, f, n_samples = 1000, seed = NULL, ..., A = NULL,
                                 pi_thresh = 1e-10, block_size = NULL, n_threads = NULL) {
  check_given()
  g <- given_prior(g, data)
  check_function(f)
  check_passed_on(f, list(...))
  n_samples <- check_samples(n_samples, "n_samples", 1)
  if (!is.null(block_size)) block_size <- check_count(block_size)
  parts <- samples_in_blocks(
    data, g, list(
      pi_thresh = pi_thresh, n = n_samples, seed = seed, A = A, block_size = block_size,
      n_threads = n_threads
    ),
    \(samples, rows) check_functional(f(samples, ...), rows)
  )
  combine_functionals(parts, rownames(data$Bhat))
}

# Arguments that a function of the user's must be able to take.
check_passed_on <- function(f, dots) {
  known <- names(formals(args(f)))
  if (!length(dots) || "..." %in% known) return(invisible())
  for (name in setdiff(names(dots), c(known, ""))) stop_unused(name, dots[[name]], known)
}

# What f returned for these rows, as a vector or matrix, with a complaint if it is neither.
check_functional <- function(value, rows) {
  n <- length(rows)
  fits <- if (length(dim(value)) == 2L) nrow(value) == n else is.atomic(value) && length(value) == n
  if (!fits) {
    stop_mnmash(
      "dimension", "`f` must return a vector of length ", n, " or a matrix of ", n,
      " rows for ", n, " units, not ",
      if (is.null(dim(value))) paste("length", length(value)) else describe_dim(value)
    )
  }
  if (length(dim(value)) == 1L) as.vector(value) else value
}

combine_functionals <- function(parts, units) {
  widths <- vapply(parts, \(part) if (is.null(dim(part))) 0L else ncol(part), 0L)
  if (any(widths != widths[1L])) {
    stop_mnmash("dimension", "`f` must return the same number of columns for every block of units")
  }
  if (widths[1L] == 0L && is.null(dim(parts[[1L]]))) {
    all <- unlist(parts, use.names = FALSE)
    names(all) <- units
  } else {
    all <- do.call(rbind, parts)
    rownames(all) <- units
  }
  all
}

# `use(samples, rows)` for one block of units after another; a list of what it returned. `draw` is
# list(pi_thresh, n, seed, A, block_size, n_threads). The first unit counts as the one after
# `before` others.
samples_in_blocks <- function(data, g, draw, use, before = 0) {
  draw$seed <- check_seed(draw$seed)
  draw$pi_thresh <- check_number(draw$pi_thresh, 0, name = "pi_thresh")
  n_threads <- resolve_threads(draw$n_threads)
  J <- nrow(data$Bhat)
  block_size <- draw$block_size
  if (is.null(block_size)) {
    numbers <- max(1, sum(g$pi > draw$pi_thresh), samples_of_unit(data, draw))
    block_size <- max(1, floor(1.25e7 / numbers))
  }
  lapply(seq(1, J, by = block_size), \(first) {
    rows <- first:min(J, first + block_size - 1)
    block <- if (length(rows) < J) data_rows(data, rows) else data
    draw$before <- before + first - 1
    use(mash_model(block, g, draw, n_threads)$samples, rows)
  })
}

# How many numbers the samples of one unit are.
samples_of_unit <- function(data, draw) {
  draw$n * max(ncol(data$Bhat), nrow(output_map(data, draw$A)))
}

# All samples of all units, J x R x M. The memory is asked of R first, which says so if there is
# not enough.
all_samples <- function(data, g, pi_thresh, n_samples, seed, n_threads, A, before = 0) {
  map <- output_map(data, A)
  results <- if (is.null(map)) ncol(data$Bhat) else nrow(map)
  all <- array(0, c(nrow(data$Bhat), results, n_samples))
  keep <- function(samples, rows) {
    all[rows, , ] <<- samples
    NULL
  }
  draw <- list(pi_thresh = pi_thresh, n = n_samples, seed = seed, A = A, n_threads = n_threads)
  samples_in_blocks(data, g, draw, keep, before)
  dimnames(all) <- sample_names(data, n_samples, map)
  all
}

# A number of samples: those of one unit are always held.
check_samples <- function(x, name, lower = 0) {
  check_count(check_number(x, name = name, lower, 1e7), name = name, lower)
}
