# Effects of each predictor with those of all others taken out: step one of the modular route.

#' Deconvolved effects: each predictor given all others
#'
#' A univariate effect of a predictor contains the effects of all predictors correlated with it.
#' `deconvolve()` fits all predictors together and returns, for each, what the data say about it
#' alone once the fitted effects of the others are taken out, in the form that [mash()] takes:
#'
#' `Bhat_j = r_j + x_j'(y - X r) / d_j`, `Shat_j = sqrt(sigma2 / d_j)`,
#'
#' where `r` are posterior means and `d_j = x_j'x_j` (covariates regressed out). These are not the
#' posterior means, which are shrunken already: `N(Bhat_j; b_j, Shat_j^2)` is the approximate
#' posterior of `b_j` divided by its prior, that is, a likelihood.
#'
#' A theorem makes the route modular: where the regression has converged, its prior weights maximise
#' the likelihood of [mash()] (for one condition, of adaptive shrinkage) on its deconvolved effects.
#' [check_deconvolution()] reports by how much they do not. So mash on deconvolved effects finds the
#' prior of the joint model, where on univariate effects it finds far too few null effects.
#'
#' @section Methods:
#' - `"mr.ash"`: each condition by itself, [mr_ash()]. Fast, and each condition may have its own
#'   samples (missing `Y`) and prior. mash learns the sharing among conditions afterwards.
#' - `"mnm"`: all conditions together, [mr_mash()], with the covariances in `...`. Where `Y` has
#'   missing values, `Bhat` and `Shat` are what the observed values say: with `S_i` the block of the
#'   residual covariance for the values that sample i has (zero elsewhere), effects of predictor j
#'   have the precision `sum_i x_ij^2 S_i^-1`, less what is lost with the intercept and covariates.
#'   The theorem then is about the completed responses, which say more than the observed ones.
#'
#' When predictors are strongly correlated (0.95, say), conditions that are fitted apart may choose
#' different predictors for one effect. All conditions are updated in the same order; `init =
#' "mean"` also starts all of them at the fit to the mean of the (scaled) responses.
#'
#' @param Y responses, n samples x r conditions; `NA` where missing.
#' @param method `"mr.ash"` or `"mnm"`, see below.
#' @param init start at zero (`"none"`) or at the fit to the mean response (`"mean"`).
#' @param V correlation of the errors among conditions, r x r, matched to them by name. Default:
#'   that of the residuals; for `"mnm"`, that of the model, or with missing values the mean over
#'   predictors of the correlations of their errors.
#' @param ... further arguments of [mr_ash()] (but not `beta_init`) or of [mr_mash()].
#' @inheritParams mr_ash
#' @inheritParams shared_arguments
#'
#' @return An object of class `deconvolved`, which [mash_set_data()] takes in place of `Bhat`; a
#'   list of
#' - `Bhat`, `Shat`: deconvolved effects and their standard errors, p x r, in the units of Y per
#'   unit of X; `NA` for predictors without variation, which [mash_set_data()] leaves out;
#' - `V`: correlation of the errors among conditions, r x r;
#' - `PosteriorMean`, `PosteriorSD`, `lfsr`: of the regression, p x r;
#' - `sigma2`: residual variances, r numbers;
#' - `samples`, their names or number; `converged` (r logical values), `convergence` (as in
#'   [mash()], of all conditions: their traces as a list), `method`, and `fits` (a list of
#'   [mr_ash()] fits) or `fit` (of [mr_mash()]).
#' @seealso [deconvolve_rss()] for summary statistics.
#' @export
#' @examples
#' sim <- simulate_mr_mash(
#'   n = 200, p = 100, p_causal = 8, r = 3, pve = 0.4, X_cor = 0.8, X_pattern = "ar1", seed = 1
#' )
#' d <- deconvolve(sim$X, sim$Y)
#' d
#' data <- mash_set_data(d)
#' m <- mash(data, cov_canonical(data), verbose = FALSE)
#' get_estimated_pi(m)[["null"]] # 0.92 of the effects are zero
#' check_deconvolution(d)
deconvolve <- function(X, Y, covariates = NULL, method = c("mr.ash", "mnm"),
                       init = c("none", "mean"), V = NULL, ..., n_threads = NULL) {
  call <- match.call()
  further <- take_dots(..., also = TRUE)
  method <- match_choice(method, c("mr.ash", "mnm"))
  init <- match_choice(init, c("none", "mean"))
  data <- regression_data(X, Y, covariates)
  X <- data$X
  Y <- data$Y
  if (method == "mnm") {
    return(deconvolve_mnm(data, covariates, init, V, further, n_threads, call))
  }
  further <- ash_arguments(further, n_threads, intercept = TRUE)
  fits <- ash_responses(data, init, further)
  V <- if (is.null(V)) {
    residual_correlations(vapply(fits, \(f) spread(f, X$n), numeric(X$n)))
  } else {
    check_residual_correlation(V, X$p, ncol(Y), colnames(Y))
  }
  found <- new_deconvolved(fits, V, colnames(Y), call)
  found$samples <- if (is.null(data$samples)) X$n else data$samples
  found
}

# Arguments of mr_ash() by name, as list(start, intercept, settings). `intercept` is its default.
ash_arguments <- function(given, n_threads, intercept = NULL) {
  own <- c("sa2", "pi", "sigma2")
  given <- own_words(given, c(own, if (!is.null(intercept)) "intercept", names(ash_table)))
  if (!is.null(given$intercept)) intercept <- check_flag(given$intercept, name = "intercept")
  settings <- given[names(given) %in% names(ash_table)]
  list(
    start = given[names(given) %in% own], intercept = intercept,
    settings = ash_settings(c(settings, list(n_threads = n_threads))), asked = names(settings)
  )
}

# The fits of all responses, those with the same samples on one design.
ash_responses <- function(data, init, arguments) {
  intercept <- arguments$intercept
  settings <- arguments$settings
  start <- arguments$start
  check_samples_of_responses(data$Y)
  parts <- lapply(response_patterns(data$Y), \(pattern) {
    c(pattern, ash_problem(regression_rows(data, pattern$rows, pattern$columns), intercept))
  })
  settings$order <- common_order(settings$order, parts, data$X$p)
  b <- if (init == "mean") mean_fit(data, intercept, start["sa2"], settings)
  fits <- vector("list", ncol(data$Y))
  for (part in parts) {
    own <- start
    if (!is.null(b)) own$b <- b[, part$columns, drop = FALSE]
    own <- individual_start(own, part)
    found <- ash_fits(part$design, part$Y, part$marginal, own, settings)
    for (i in seq_along(part$columns)) {
      fit <- finish_mr_ash(found[[i]], part, i, settings, NULL)
      fit$rows <- part$rows
      fit$terms <- data$Z$terms
      fits[[part$columns[i]]] <- fit
    }
  }
  fits
}

check_samples_of_responses <- function(Y) {
  few <- which(colSums(!is.na(Y)) < 3)
  if (length(few)) {
    stop_mnmash(
      "missing", "`Y` has fewer than 3 values in ",
      describe_index("column", few[1L], colnames(Y)), and_more(length(few))
    )
  }
}

# One order for all conditions, whatever their samples.
common_order <- function(order, parts, p) {
  if (!identical(order, "marginal")) return(ash_order(order, parts[[1L]]$marginal))
  strength <- vapply(parts, \(part) marginal_strength(part$marginal), numeric(p))
  order(-apply(matrix(strength, p), 1L, max), seq_len(p))
}

# Residuals of a fit on its samples, as n numbers.
spread <- function(fit, n) {
  values <- rep(NA_real_, n)
  values[fit$rows] <- fit$y - fit$fitted
  values
}

new_deconvolved <- function(fits, V, conditions, call) {
  bind <- \(what) {
    x <- do.call(cbind, lapply(fits, `[[`, what))
    dimnames(x) <- list(names(fits[[1L]]$beta), conditions)
    x
  }
  dimnames(V) <- list(conditions, conditions)
  found <- structure(
    list(
      Bhat = bind("Bhat"), Shat = bind("Shat"), V = V, PosteriorMean = bind("beta"),
      PosteriorSD = bind("posterior_sd"), lfsr = bind("lfsr"),
      sigma2 = stats::setNames(vapply(fits, `[[`, 1, "sigma2"), conditions),
      converged = stats::setNames(vapply(fits, `[[`, NA, "converged"), conditions),
      convergence = endings(lapply(stats::setNames(fits, conditions), `[[`, "convergence")),
      method = "mr.ash", fits = stats::setNames(fits, conditions), call = call
    ),
    class = "deconvolved"
  )
  if (!all(found$converged)) {
    bad <- which(!found$converged)
    warn_mnmash("convergence", "the fit has not converged in ",
                describe_index("condition", bad[1L], conditions), and_more(length(bad)))
  }
  found
}
