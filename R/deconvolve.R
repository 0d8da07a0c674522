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
#' @param X,covariates predictors and covariates, as in [mr_ash()].
#' @param Y responses, n samples x r conditions; `NA` where missing.
#' @param method `"mr.ash"` or `"mnm"`, see below.
#' @param init start at zero (`"none"`) or at the fit to the mean response (`"mean"`).
#' @param V correlation of the errors among conditions, r x r. Default: that of the residuals; for
#'   `"mnm"`, that of the model, or with missing values the mean over predictors of the correlations
#'   of their errors.
#' @param ... further arguments of [mr_ash()] (but not `beta_init`) or of [mr_mash()].
#' @param n_threads number of threads, over conditions. Default: the option `mnmash.threads`, or all
#'   cores.
#'
#' @return An object of class `deconvolved`, which [mash_set_data()] takes in place of `Bhat`; a
#'   list of
#' - `Bhat`, `Shat`: deconvolved effects and their standard errors, p x r, in the units of Y per
#'   unit of X; `NA` for predictors without variation, which [mash_set_data()] leaves out;
#' - `V`: correlation of the errors among conditions, r x r;
#' - `PosteriorMean`, `PosteriorSD`, `lfsr`: of the regression, p x r;
#' - `sigma2`: residual variances, r numbers;
#' - `converged`, `method`, and `fits` (a list of [mr_ash()] fits) or `fit` (of [mr_mash()]).
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
  fits <- do.call(ash_responses, c(
    list(X, Y, data$Z$x, init, n_threads = n_threads), further
  ), quote = TRUE)
  fits <- lapply(fits, \(fit) {
    fit$terms <- data$Z$terms
    fit
  })
  V <- if (is.null(V)) {
    residual_correlations(vapply(fits, \(f) spread(f, X$n), numeric(X$n)))
  } else {
    check_residual_correlation(V, X$p, ncol(Y))
  }
  new_deconvolved(fits, V, colnames(Y), call)
}

# The fits of all responses, those with the same samples on one design.
ash_responses <- function(X, Y, Z, init, sa2 = NULL, pi = NULL, sigma2 = NULL, update_pi = TRUE,
                          update_sigma2 = TRUE, scaled_prior = TRUE, method = "convex",
                          order = "consecutive", standardize = FALSE, intercept = TRUE,
                          prior = "uniform", nullweight = 10, tol = 1e-8, max_iter = 1000,
                          n_threads = NULL) {
  settings <- ash_settings(
    update_pi, update_sigma2, scaled_prior, method, standardize, prior, nullweight, tol, max_iter,
    n_threads
  )
  check_flag(intercept)
  check_samples_of_responses(Y)
  parts <- lapply(response_patterns(Y), \(pattern) {
    rows <- pattern$rows
    x <- if (length(rows) < X$n) predictor_rows(X, rows) else X
    y <- Y[rows, pattern$columns, drop = FALSE]
    space <- covariate_space(Z[rows, , drop = FALSE], length(rows), intercept)
    c(pattern, list(x = x, y = y, space = space, marginal = marginal_products(x, space, y)))
  })
  order <- common_order(order, parts, X$p)
  b <- if (init == "mean") mean_fit(X, Y, Z, order, intercept, settings, sa2)
  fits <- vector("list", ncol(Y))
  for (part in parts) {
    start <- list(sa2 = sa2, pi = pi, sigma2 = sigma2)
    if (!is.null(b)) start$b <- b[, part$columns, drop = FALSE]
    start <- individual_start(start, part$x, part$y, part$space)
    design <- list(
      kind = part$x$kind, x = part$x$x, basis = part$space$basis, starts = part$x$starts,
      rows = part$x$rows
    )
    found <- ash_fits(design, part$y, part$marginal, part$x$n, order, start, settings)
    for (i in seq_along(part$columns)) {
      fit <- finish_mr_ash(
        found[[i]], part$x, part$y, i, part$space, settings, NULL, part$marginal$products[, i],
        warn = FALSE
      )
      fit$rows <- part$rows
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

# Correlations over the samples that each pair of conditions shares.
residual_correlations <- function(E) {
  E <- as.matrix(E)
  V <- stats::cor(E, use = if (anyNA(E)) "pairwise.complete.obs" else "everything")
  V[is.na(V)] <- 0 # conditions without common samples
  diag(V) <- 1
  smallest <- min(eigen(V, symmetric = TRUE, only.values = TRUE)$values)
  if (smallest > 1e-6) V else nearest_correlation(V, 1e-6)
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

#' @export
print.deconvolved <- function(x, ...) {
  cat(
    "deconvolved effects of ", number(nrow(x$Bhat)), " predictors in ", ncol(x$Bhat),
    " conditions (", x$method, ")\n",
    sep = ""
  )
  cat("  ", number(sum(apply(x$lfsr, 1L, min) < 0.05)),
      " predictors with lfsr < 0.05 in some condition\n", sep = "")
  cat("  ", if (all(x$converged)) "all fits converged" else paste(
    sum(!x$converged), "fits have NOT converged"
  ), "; give it to mash_set_data()\n", sep = "")
  invisible(x)
}

#' @export
coef.deconvolved <- function(object, ...) object$PosteriorMean

#' @rdname lfsr
#' @export
lfsr.deconvolved <- function(x, ...) x$lfsr
