# A prior in the words of other packages.

#' A prior for other packages
#'
#' `as_mashr()` writes a prior as the `fitted_g` of a mash fit: for `mash(data, g = , fixg = TRUE)`
#' and [mash_compute_posterior_matrices()], of this package or of mashr. `as_mvsusie_prior()` writes
#' the list that `create_mixture_prior()` of mvsusieR reads as its `mixture_prior`.
#'
#' Both describe the density of the prior exactly. mvsusieR wants one weight for each matrix, and
#' no weight of the null among them, hence the weights are those given that there is an effect; give
#' `null_weight` to `create_mixture_prior()` separately if you want it. mvsusieR works with z-scores
#' or with standardised effects: scales of the matrices are relative there.
#'
#' @param x anything that [as_prior()] understands.
#' @param w_thresh drop matrices with weights up to this. Default: keep all.
#' @param ... further arguments of [as_prior()].
#'
#' @return `as_mashr()`: a list of `pi` (null first, named), `Ulist`, `grid` (1), `usepointmass`
#'   (`TRUE`), and where they are known `units` and `alpha`, and the `product` of a prior that has
#'   one (see [learn_prior()]), which mashr does not know. `as_mvsusie_prior()`: a list of
#'   `matrices`, `weights` (which sum to 1) and `null_weight`.
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 25, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' prior <- as_prior(mash(data, cov_canonical(data), verbose = FALSE))
#' m <- mash(data, g = as_mashr(prior), fixg = TRUE, verbose = FALSE)
#' get_loglik(m)
#' str(as_mvsusie_prior(prior), max.level = 1)
as_mashr <- function(x, ...) {
  check_given()
  prior <- as_prior(x, ...)
  g <- list(
    pi = c(prior$null_weight, prior$w), Ulist = prior$U, grid = 1, usepointmass = TRUE
  )
  names(g$pi) <- component_names(g$Ulist, g$grid, TRUE)
  g$product <- prior$product
  g$lfsr_map <- prior$lfsr_map
  g$units <- prior$units
  g$alpha <- if (is.null(prior$units)) prior$alpha else units_alpha(prior$units)
  g
}

#' @rdname as_mashr
#' @export
as_mvsusie_prior <- function(x, w_thresh = -1, ...) {
  check_given()
  prior <- as_prior(x, ...)
  prior <- normals_only(prior, "x")
  keep <- prior$w > check_number(w_thresh, -1, 1)
  total <- sum(prior$w[keep])
  if (total <= 0) {
    stop_mnmash("value", as_typed("x"), " has no matrix with a weight above ", max(w_thresh, 0))
  }
  list(
    matrices = prior$U[keep], weights = prior$w[keep] / total, null_weight = prior$null_weight
  )
}
