# Credible sets of a spike-and-slab regression.

#' Credible sets of a spike-and-slab regression
#'
#' `credible_sets()` gives, for each signal, the smallest set of correlated predictors of which at
#' least one is included with probability `coverage`, under the approximate posterior averaged over
#' hyper-parameters: `sum_g w_g (1 - prod_j (1 - alpha_jg))` over the predictors j of the set.
#'
#' Sets are found one after the other. Each starts with the predictor of the largest inclusion
#' probability that is in no set yet, and takes others in the order of their probabilities, if the
#' absolute correlations with all members are at least `min_abs_corr`, until it has `coverage`.
#' Predictors of signals that never reach it are in no set. The fit keeps correlations (covariates
#' regressed out) of the up to 200 predictors with the largest probabilities above 0.001.
#'
#' The approximation treats predictors as independent given the data, and of two that are almost
#' the same often picks one and gives it all of the probability. Its sets are then too small; those
#' of [finemap()] are made for that case.
#'
#' @param x a fit from [varbvs()].
#' @inheritParams shared_arguments
#'
#' @return A list of the shape that [pip()] has, with an element for each set.
#' @name varbvs-sets
#' @examples
#' sim <- simulate_mr_mash(
#'   n = 200, p = 50, p_causal = 2, r = 1, pve = 0.5, X_cor = 0.9, X_pattern = "ar1", seed = 1
#' )
#' fit <- varbvs(sim$X, NULL, sim$Y)
#' sim$causal$predictor
#' lapply(credible_sets(fit), `[[`, "variables")
NULL

#' @rdname varbvs-sets
#' @export
credible_sets.mnmash_varbvs <- function(x, coverage = 0.95, min_abs_corr = 0.5, ...) {
  take_dots(...)
  coverage <- check_number(coverage, 0, 1)
  min_abs_corr <- check_number(min_abs_corr, 0, 1)
  near <- x$near
  related <- abs(near$correlation) >= min_abs_corr
  free <- rep(TRUE, length(near$variable))
  sets <- list()
  # Members come by decreasing probability.
  for (lead in seq_along(free)) {
    if (!free[lead]) next
    members <- lead
    others <- setdiff(which(free), lead)
    reached <- some_included(x, near$variable[members])
    while (reached < coverage && length(others)) {
      take <- others[1L]
      others <- others[-1L]
      if (!all(related[take, members])) next
      members <- c(members, take)
      reached <- some_included(x, near$variable[members])
    }
    if (reached < coverage) next
    free[members] <- FALSE
    variables <- near$variable[members]
    purity <- call_core("purity", correlation = near$correlation[members, members, drop = FALSE])
    sets[[length(sets) + 1L]] <- list(
      variables = stats::setNames(variables, names(x$pip)[variables]),
      alpha = unname(x$pip[variables]), coverage = reached,
      purity = stats::setNames(purity, c("min", "mean", "median"))
    )
  }
  new_credible_sets(stats::setNames(sets, if (length(sets)) paste0("S", seq_along(sets))))
}

# The probability that at least one of some predictors is included.
some_included <- function(fit, variables) {
  none <- exp(colSums(log1p(-fit$alpha[variables, , drop = FALSE])))
  sum(fit$weights * (1 - none))
}

# Correlations of the most probable predictors, without the covariates.
probable_predictors <- function(X, space, pip, most = 200L, least = 1e-3) {
  variable <- utils::head(order(-pip), most)
  variable <- unname(variable[pip[variable] > least])
  x <- if (X$kind == "dense") {
    X$x[, variable, drop = FALSE]
  } else {
    as.matrix(X$matrix[, variable, drop = FALSE])
  }
  x <- x - space$basis %*% crossprod(space$basis, x)
  norm <- sqrt(colSums(x^2))
  correlation <- unname(crossprod(x)) / outer(norm, norm)
  correlation[!is.finite(correlation)] <- 0
  diag(correlation) <- 1
  list(variable = variable, correlation = pmin(pmax(correlation, -1), 1))
}
