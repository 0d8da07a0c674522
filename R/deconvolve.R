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
#' - `"mnm"`: all conditions together, [mr_mash()], with the covariances in `...`.
#'
#' When predictors are strongly correlated (0.95, say), conditions that are fitted apart may choose
#' different predictors for one effect. All conditions are updated in the same order; `init =
#' "mean"` also starts all of them at the fit to the mean of the (scaled) responses.
#'
#' @param X,Z predictors and covariates, as in [mr_ash()].
#' @param Y responses, n samples x r conditions; `NA` where missing (`"mr.ash"` only).
#' @param method `"mr.ash"` or `"mnm"`, see below.
#' @param init start at zero (`"none"`) or at the fit to the mean response (`"mean"`).
#' @param V correlation of the errors among conditions, r x r. Default: that of the residuals (for
#'   `"mnm"`, of the model).
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
deconvolve <- function(X, Y, Z = NULL, method = c("mr.ash", "mnm"), init = c("none", "mean"),
                       V = NULL, ..., n_threads = NULL) {
  call <- match.call()
  method <- match_choice(method, c("mr.ash", "mnm"), "method")
  init <- match_choice(init, c("none", "mean"), "init")
  X <- as_predictors(X)
  Y <- as_responses(Y, X$n)
  Z <- as_covariates(Z, X$n)
  if (method == "mnm") return(deconvolve_mnm(X, Y, Z, init, V, ..., n_threads = n_threads,
                                             call = call))
  fits <- ash_responses(X, Y, Z, init, ..., n_threads = n_threads)
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
  check_flag(intercept, "intercept")
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

# Coefficients for the mean of the scaled responses, in the units of each.
mean_fit <- function(X, Y, Z, order, intercept, settings, sa2) {
  scale <- apply(Y, 2L, stats::sd, na.rm = TRUE)
  mean <- rowMeans(sweep(sweep(Y, 2L, colMeans(Y, na.rm = TRUE)), 2L, scale, "/"), na.rm = TRUE)
  rows <- which(!is.nan(mean))
  x <- if (length(rows) < X$n) predictor_rows(X, rows) else X
  y <- matrix(mean[rows])
  space <- covariate_space(Z[rows, , drop = FALSE], length(rows), intercept)
  design <- list(kind = x$kind, x = x$x, basis = space$basis, starts = x$starts, rows = x$rows)
  marginal <- marginal_products(x, space, y)
  fit <- ash_fits(design, y, marginal, x$n, order, list(sa2 = sa2), settings)[[1L]]
  outer(fit$b, scale)
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

# All conditions together.
deconvolve_mnm <- function(X, Y, Z, init, V, ..., n_threads, call) {
  if (anyNA(Y)) {
    stop_mnmash(
      "missing", "`Y` must be complete for `method = \"mnm\"`: there is a missing value at ",
      describe_cell(Y, which(is.na(Y))[1L])
    )
  }
  if (!is.null(list(...)$standardize)) {
    stop_mnmash("argument", "`standardize` is not for `method = \"mnm\"`: scale the columns of `X`")
  }
  x <- if (X$kind == "dense") X$x else as.matrix(X$matrix)
  space <- covariate_space(Z, X$n, TRUE)
  x <- x - space$basis %*% crossprod(space$basis, x)
  y <- Y - space$basis %*% crossprod(space$basis, Y)
  d <- colSums(x^2)
  flat <- d <= 1e-14 * predictor_squares(X)
  x[, flat] <- 0
  dimnames(x) <- list(NULL, X$names)
  if (init == "mean") {
    settings <- ash_settings(
      TRUE, TRUE, TRUE, "convex", FALSE, "uniform", 10, 1e-8, 1000, n_threads
    )
    b <- mean_fit(X, Y, Z, "consecutive", TRUE, settings, NULL)
    fit <- mr_mash(x, y, ..., B_init = b, standardize = FALSE, n_threads = n_threads)
  } else {
    fit <- mr_mash(x, y, ..., standardize = FALSE, n_threads = n_threads)
  }
  Bhat <- fit$mu1 + crossprod(x, y - x %*% fit$mu1) / d
  Shat <- sqrt(outer(1 / d, diag(fit$V)))
  Bhat[flat, ] <- Shat[flat, ] <- NA
  V <- if (is.null(V)) stats::cov2cor(fit$V) else check_residual_correlation(V, X$p, ncol(Y))
  dimnames(V) <- list(colnames(Y), colnames(Y))
  dimnames(Bhat) <- dimnames(Shat) <- list(X$names, colnames(Y))
  structure(
    list(
      Bhat = Bhat, Shat = Shat, V = V, PosteriorMean = fit$mu1, PosteriorSD = fit$psd,
      lfsr = fit$lfsr, sigma2 = diag(fit$V),
      converged = rep(fit$convergence$converged, ncol(Y)), method = "mnm", fit = fit, call = call
    ),
    class = "deconvolved"
  )
}

#' Deconvolved effects from summary statistics
#'
#' [deconvolve()] where only univariate effects and the correlations of the predictors are known:
#' [mr_ash_rss()] for each condition.
#'
#' @param Bhat,Shat univariate effects and standard errors, p x r.
#' @param z z-scores, p x r, in place of `Bhat` and `Shat`.
#' @param R,R_shrink,check_R correlation of the predictors, p x p, and what to do with it, as in
#'   [mr_ash_rss()].
#' @param n number of samples, the same in all conditions.
#' @param cov_Y covariance of the responses (less covariates), r x r: gives their variances, and
#'   `V`.
#'   Default: unknown, and then effects are fitted as if standardized (see [mr_ash_rss()]).
#' @param V correlation of the errors among conditions, r x r. Default: from `cov_Y`, else the
#'   identity matrix.
#' @param init as in [deconvolve()]; `"mean"` needs `cov_Y`.
#' @param ... further arguments of [mr_ash_rss()]: `sa2`, `update_pi`, `order`, `tol` and others.
#' @param n_threads number of threads, over conditions.
#' @return As [deconvolve()].
#' @export
#' @examples
#' sim <- simulate_mr_mash(n = 200, p = 50, p_causal = 5, r = 2, pve = 0.4, seed = 1)
#' s <- univariate_sumstats(sim$X, sim$Y)
#' d <- deconvolve_rss(s$Bhat, s$Shat, R = cor(sim$X), n = 200, cov_Y = cov(sim$Y))
#' all.equal(d$Bhat, deconvolve(sim$X, sim$Y)$Bhat, tolerance = 1e-6)
deconvolve_rss <- function(Bhat = NULL, Shat = NULL, z = NULL, R, n, cov_Y = NULL, V = NULL,
                           init = c("none", "mean"), R_shrink = 0, check_R = TRUE, ...,
                           n_threads = NULL) {
  call <- match.call()
  init <- match_choice(init, c("none", "mean"), "init")
  effects <- if (is.null(z)) as_numeric_matrix(Bhat, "Bhat") else as_numeric_matrix(z, "z")
  conditions <- colnames(effects)
  if (!is.null(cov_Y)) cov_Y <- check_cov_Y(cov_Y, ncol(effects))
  var_y <- if (is.null(z) && !is.null(cov_Y)) diag(cov_Y)
  marginal <- rss_products(Bhat, Shat, z, check_number(n, "n", 3), var_y)
  J <- ncol(marginal$products)
  if (!is.null(cov_Y) && is.null(var_y)) cov_Y <- stats::cov2cor(cov_Y)
  R <- as_ld(R, length(marginal$norms), R_shrink, check_flag(check_R, "check_R"))
  found <- rss_responses(R, marginal, init, cov_Y, ..., n_threads = n_threads)
  names <- if (is.null(marginal$names)) R$names else marginal$names
  fits <- lapply(seq_len(J), \(j) {
    fit <- new_mr_ash(
      found$fits[[j]], names, marginal$samples, found$settings, NULL, marginal$products[, j]
    )
    scale_effects(fit, if (!is.null(marginal$unit)) marginal$unit[, j])
  })
  V <- if (!is.null(V)) {
    check_residual_correlation(V, R$p, J)
  } else if (is.null(cov_Y)) {
    diag(J)
  } else {
    B <- do.call(cbind, lapply(found$fits, `[[`, "b"))
    rss_residual_correlation(B, marginal, R, cov_Y)
  }
  new_deconvolved(fits, V, conditions, call)
}

check_cov_Y <- function(cov_Y, J) {
  cov_Y <- as_numeric_matrix(cov_Y, "cov_Y")
  if (!identical(dim(cov_Y), c(J, J))) {
    stop_mnmash("dimension", "`cov_Y` must be ", J, " x ", J, ", not ", describe_dim(cov_Y))
  }
  check_finite(cov_Y, "cov_Y", na_ok = FALSE)
  if (any(diag(cov_Y) <= 0)) stop_mnmash("value", "`cov_Y` must have positive variances")
  unname(cov_Y)
}

rss_responses <- function(R, marginal, init, cov_Y, sa2 = NULL, pi = NULL, sigma2 = NULL,
                          update_pi = TRUE, update_sigma2 = TRUE, scaled_prior = TRUE,
                          method = "convex", order = "consecutive", standardize = FALSE,
                          prior = "uniform", nullweight = 10, tol = 1e-8, max_iter = 1000,
                          n_threads = NULL) {
  settings <- ash_settings(
    update_pi, update_sigma2, scaled_prior, method, standardize, prior, nullweight, tol, max_iter,
    n_threads
  )
  order <- ash_order(order, marginal)
  start <- list(sa2 = sa2, pi = pi, sigma2 = sigma2)
  if (init == "mean") {
    if (is.null(cov_Y)) stop_mnmash("argument", "`init = \"mean\"` needs `cov_Y`")
    sd <- sqrt(diag(cov_Y))
    mean <- marginal
    mean$products <- matrix(rowMeans(marginal$products / rep(sd, each = R$p)))
    mean$total <- (marginal$samples - 1) * mean(stats::cov2cor(cov_Y))
    start$b <- outer(rss_fits(R, mean, order, list(sa2 = sa2), settings)[[1L]]$b, sd)
    unit <- marginal$unit
    marginal$unit <- NULL # these are in the units of the products
    start <- rss_start(start, marginal, R)
    marginal$unit <- unit
  }
  list(fits = rss_fits(R, marginal, order, start, settings), settings = settings)
}

# E'E = Y'Y - B'X'Y - Y'XB + B'X'XB.
rss_residual_correlation <- function(B, marginal, R, cov_Y) {
  scaled <- sqrt(marginal$norms) * B
  cross <- crossprod(B, marginal$products)
  E <- (marginal$samples - 1) * cov_Y - cross - t(cross) +
    crossprod(scaled, as.matrix(R$matrix %*% scaled))
  E <- (E + t(E)) / 2
  none <- which(!(diag(E) > 0))
  if (length(none)) {
    warn_mnmash(
      "inconsistent", "`cov_Y` leaves no residual variance in ", describe_index("column", none[1L]),
      and_more(length(none)), ": its residuals are taken as uncorrelated"
    )
    E[none, ] <- E[, none] <- 0
    E[cbind(none, none)] <- 1
  }
  V <- stats::cov2cor(E)
  smallest <- min(eigen(V, symmetric = TRUE, only.values = TRUE)$values)
  if (smallest > 1e-6) V else nearest_correlation(V, 1e-6)
}

#' Are the weights of a regression those of mash on its deconvolved effects?
#'
#' Where a regression with a mixture prior has converged, its weights maximise the log-likelihood of
#' the normal-means model (adaptive shrinkage for one condition, mash for several) on its
#' deconvolved effects (see [deconvolve()]). This finds the maximum and says how far from it the fit
#' is.
#'
#' @param fit a fit from [deconvolve()], [deconvolve_rss()], [mr_ash()] or [mr_ash_rss()].
#' @return A data frame of class `deconvolution_check` with a row for each condition (`"mnm"`: one
#'   row): `loglik`, the log-likelihood of the deconvolved effects with the weights of the
#'   regression; `best`, the largest possible; `gap`, their difference, which is 0 up to rounding
#'   for a converged fit; `pi_difference`, the largest difference of a weight (similar components
#'   may trade weight without a gap); `converged`.
#' @export
#' @examples
#' sim <- simulate_mr_mash(n = 200, p = 50, p_causal = 5, r = 1, pve = 0.4, X_cor = 0.5, seed = 1)
#' check_deconvolution(mr_ash(sim$X, sim$Y))
check_deconvolution <- function(fit) {
  found <- if (inherits(fit, "mr_ash")) {
    check_ash(fit)
  } else if (!inherits(fit, "deconvolved")) {
    stop_mnmash("type", "`fit` must come from deconvolve(), mr_ash() or their kin")
  } else if (fit$method == "mnm") {
    check_mnm(fit)
  } else {
    rows <- do.call(rbind, lapply(fit$fits, check_ash))
    rownames(rows) <- NULL
    conditions <- if (is.null(names(fit$fits))) seq_along(fit$fits) else names(fit$fits)
    cbind(condition = conditions, rows)
  }
  structure(found, class = c("deconvolution_check", "data.frame"))
}

check_ash <- function(fit) {
  known <- which(!is.na(fit$Bhat))
  scale <- if (is.null(fit$scale)) 1 else fit$scale[known]
  variance <- if (fit$scaled_prior) fit$sigma2 * fit$sa2 else fit$sa2
  null <- which(variance == 0)
  unit <- stats::median(fit$Shat[known] * scale)
  data <- new_mash_data(
    matrix(fit$Bhat[known] * scale / unit), matrix(fit$Shat[known] * scale / unit), 0, diag(1),
    NULL, "exact"
  )
  g <- list(
    Ulist = list(one = matrix(1)), grid = sqrt(variance[variance > 0]) / unit,
    usepointmass = length(null) > 0L
  )
  compare_weights(
    loglik_matrix(data, g, 1L), c(fit$pi[null], fit$pi[variance > 0]), fit$converged,
    if (is.null(fit$dirichlet)) "uniform" else fit$dirichlet[c(null, which(variance > 0))]
  )
}

check_mnm <- function(fit) {
  known <- !is.na(fit$Bhat[, 1L])
  data <- mash_set_data(
    fit$Bhat[known, , drop = FALSE], fit$Shat[known, , drop = FALSE], V = stats::cov2cor(fit$fit$V)
  )
  S0 <- fit$fit$S0
  if (!is.list(S0)) S0 <- lapply(seq_len(dim(S0)[3L]), \(k) S0[, , k])
  names(S0) <- paste0("S", seq_along(S0))
  null <- vapply(S0, \(S) all(S == 0), NA)
  g <- list(Ulist = S0[!null], grid = 1, usepointmass = any(null))
  pi <- unname(c(if (any(null)) sum(fit$fit$w0[null]), fit$fit$w0[!null]))
  compare_weights(loglik_matrix(data, g, 1L), pi, fit$converged[1L], "uniform")
}

compare_weights <- function(loglik, pi, converged, prior) {
  best <- mixture_weights(loglik, prior, tol = 1e-10, n_threads = 1L)
  here <- loglik[, pi > 0, drop = FALSE] + rep(log(pi[pi > 0]), each = nrow(loglik))
  top <- apply(here, 1L, max)
  value <- sum(top + log(rowSums(exp(here - top))))
  if (is.numeric(prior)) value <- value + sum(((prior - 1) * log(pi))[prior > 1])
  data.frame(
    loglik = value, best = best$objective, gap = best$objective - value,
    pi_difference = max(abs(best$pi - pi)), converged = converged
  )
}

#' @export
print.deconvolution_check <- function(x, ...) {
  print(as.data.frame(unclass(x)), digits = 6, row.names = FALSE)
  worst <- max(x$gap)
  cat(
    "Largest gap to the maximum of the log-likelihood: ", format(worst, digits = 2),
    if (worst > 1e-3) ": the regression has not converged (lower `tol`)", "\n",
    sep = ""
  )
  invisible(x)
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
