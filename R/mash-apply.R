# Applying a fitted prior to data.

#' Posteriors and likelihoods under a given prior
#'
#' Apply the prior of a fit to data, usually other data than it was estimated from: learn the prior
#' from a random set of units, and get the posteriors of the strongest ones.
#'
#' @param g a fit from [mash()], its `fitted_g`, or another prior (see [as_prior()]), of the units
#'   of the data (`alpha`).
#' @param data data from [mash_set_data()], matched to the prior by the names of conditions: in
#'   another order they give the same results in that order, of some conditions those under the
#'   exact margin of the prior.
#' @param algorithm.version ignored; kept for scripts written for mashr.
#' @inheritParams shared_arguments
#'
#' @return `mash_compute_posterior_matrices()`: a list of J x R matrices in the units of `Bhat` (see
#'   [mash_set_data()] for missing cells): `PosteriorMean`, `PosteriorSD`, `lfdr`, `NegativeProb`,
#'   `lfsr`, `PositiveProb`, and if asked for the arrays `PosteriorCov` (R x R x J) and
#'   `PosteriorSamples` (J x R x samples); `lfsr_unmapped` as in [mash()].
#'   `mash_compute_vloglik()`: the log-likelihoods of the units, J x 1.
#'   `mash_compute_loglik()`: their sum.
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 20, err_sd = 0.3)
#' random <- mash_set_data(sims$Bhat[1:40, ], sims$Shat[1:40, ])
#' strong <- mash_set_data(sims$Bhat[41:80, ], sims$Shat[41:80, ])
#' m <- mash(random, cov_canonical(random), verbose = FALSE)
#' posterior <- mash_compute_posterior_matrices(m, strong)
#' head(posterior$PosteriorMean)
#' mash_compute_loglik(m, strong)
#' head(mash_compute_vloglik(m, strong))
mash_compute_posterior_matrices <- function(g, data, pi_thresh = 1e-10,
                                            algorithm.version = c("Rcpp", "R"), A = NULL,
                                            output_posterior_cov = FALSE, posterior_samples = 0,
                                            seed = 123, n_threads = NULL, ...) {
  take_dots(...)
  posterior_samples <- check_samples(posterior_samples, "posterior_samples")
  check_flag(output_posterior_cov)
  g <- given_prior(g, data)
  n_threads <- resolve_threads(n_threads)
  result <- posterior_in_blocks(data, g, pi_thresh, output_posterior_cov, n_threads, A = A)
  if (posterior_samples) {
    result$PosteriorSamples <- all_samples(
      data, g, pi_thresh, posterior_samples, seed, n_threads, A
    )
  }
  result
}

# The posterior weights, units x active components, are needed block by block only. `each` is shown
# the likelihoods of every block.
posterior_in_blocks <- function(data, g, pi_thresh, covariance, n_threads, cells = 2e7,
                                A = NULL, each = NULL) {
  J <- nrow(data$Bhat)
  pi_thresh <- check_number(pi_thresh, 0)
  want <- list(pi_thresh = pi_thresh, moments = TRUE, covariance = covariance, A = A)
  size <- max(1, floor(cells / max(1, sum(g$pi > pi_thresh))))
  parts <- lapply(seq(1, J, by = size), \(first) {
    block <- if (size < J) data_rows(data, first:min(J, first + size - 1)) else data
    found <- mash_model(block, g, want, n_threads)
    if (!is.null(each)) each(found)
    with_raised_lfsr(found$result, g, A)
  })
  bind_posteriors(parts)
}

#' @rdname mash_compute_posterior_matrices
#' @export
mash_compute_vloglik <- function(g, data, algorithm.version = c("Rcpp", "R"), n_threads = NULL,
                                 ...) {
  take_dots(...)
  g <- given_prior(g, data)
  # No posterior is wanted, hence no weights: none is above 1.
  fit <- mash_model(data, g, list(pi_thresh = 1), resolve_threads(n_threads))
  matrix(fit$vloglik - log_scale(data), dimnames = if (!is.null(rownames(data$Bhat))) {
    list(rownames(data$Bhat), NULL)
  })
}

#' @rdname mash_compute_posterior_matrices
#' @export
mash_compute_loglik <- function(g, data, algorithm.version = c("Rcpp", "R"), n_threads = NULL,
                                ...) {
  take_dots(...)
  sum(mash_compute_vloglik(g, data, algorithm.version, n_threads))
}

#' Posterior of linear functions of the effects, such as contrasts
#'
#' @param mash_data data from [mash_set_data()].
#' @param m a fit from [mash()] whose prior is used.
#' @param contrast_mat Q x R matrix: one linear function of the effects per row.
#' @inheritParams shared_arguments
#' @return A list of J x Q matrices: `PosteriorMean`, `PosteriorSD`, `lfdr`, `NegativeProb`, `lfsr`,
#'   `PositiveProb`; `lfsr_unmapped` as in [mash()].
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 20, err_sd = 0.3)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), verbose = FALSE)
#' against_first <- contrast_matrix(5, ref = 1)
#' head(get_posterior_condition_wise_summary(data, m, against_first)$lfsr)
get_posterior_condition_wise_summary <- function(mash_data, m, contrast_mat, ...) {
  take_dots(...)
  known_as(
    list(g = "m", data = "mash_data", A = "contrast_mat"),
    mash_compute_posterior_matrices(m, mash_data, A = contrast_mat)
  )
}

# The posteriors of consecutive units, as one list.
bind_posteriors <- function(parts) {
  if (length(parts) == 1L) return(parts[[1L]])
  tables <- setdiff(names(parts[[1L]]), "PosteriorCov")
  pieces <- \(what) unname(lapply(parts, `[[`, what))
  result <- lapply(stats::setNames(nm = tables), \(what) do.call(rbind, pieces(what)))
  slices <- pieces("PosteriorCov")
  if (!is.null(slices[[1L]])) {
    result$PosteriorCov <- array(
      unlist(slices, use.names = FALSE), c(dim(slices[[1L]])[1:2], nrow(result[[1L]]))
    )
    names <- dimnames(slices[[1L]])[1:2]
    if (!is.null(names) || !is.null(rownames(result[[1L]]))) {
      dimnames(result$PosteriorCov) <- list(names[[1L]], names[[2L]], rownames(result[[1L]]))
    }
  }
  result
}
