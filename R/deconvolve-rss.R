# Deconvolved effects from summary statistics.

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
  init <- match_choice(init, c("none", "mean"))
  effects <- if (is.null(z)) as_numeric_matrix(Bhat) else as_numeric_matrix(z)
  conditions <- colnames(effects)
  if (!is.null(cov_Y)) cov_Y <- check_cov_Y(cov_Y, ncol(effects))
  var_y <- if (is.null(z) && !is.null(cov_Y)) diag(cov_Y)
  marginal <- rss_products(Bhat, Shat, z, check_number(n, 3), var_y)
  J <- ncol(marginal$products)
  if (!is.null(cov_Y) && is.null(var_y)) cov_Y <- stats::cov2cor(cov_Y)
  R <- as_ld(R, length(marginal$norms), R_shrink, check_flag(check_R))
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
  cov_Y <- as_numeric_matrix(cov_Y)
  if (!identical(dim(cov_Y), c(J, J))) {
    stop_mnmash("dimension", "`cov_Y` must be ", J, " x ", J, ", not ", describe_dim(cov_Y))
  }
  check_finite(cov_Y, na_ok = FALSE)
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
