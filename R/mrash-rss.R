# mr.ash from summary statistics.

#' Multiple regression with adaptive shrinkage, from summary statistics
#'
#' [mr_ash()] where only univariate effects and the correlations of the predictors are known. With
#' the sample size and correlations of the same samples, the fit is that of the individual-level
#' data.
#'
#' With `z = Bhat / Shat`, the share of the variance that predictor j explains alone is
#' `z^2 / (z^2 + n - 2)`, from which follow the sums of squares and products of the regression
#' (`x_j'x_j = var_y (n - 1) / ((z_j^2 + n - 2) Shat_j^2)`, and so on). What is fitted depends on
#' what is given:
#' - `Bhat`, `Shat`, `n` and `var_y`: everything is known, and the fit is `mr_ash(X, y)`;
#' - `n` with `z`, or with `Bhat` and `Shat`: predictors and response as if scaled to variance 1,
#'   that is `mr_ash(scale(X), scale(y))`. Effects of `Bhat` and `Shat` are scaled back; those of
#'   `z` are in standard deviations of y per standard deviation of the predictor;
#' - no `n`: the likelihood `Bhat ~ N(S R S^{-1} b, S R S)` (for `z`: `z ~ N(R b, R)`) of a large
#'   study in which every predictor explains little. `sigma2` is 1 and prior variances `sa2` are in
#'   squared units of `Bhat` (of z). The bound is then known up to a constant.
#'
#' Signs must refer to the same allele in the statistics and in `R`.
#'
#' @param Bhat,Shat univariate effects and their standard errors, p numbers each, as from
#'   [univariate_sumstats()].
#' @param z z-scores, in place of `Bhat` and `Shat`.
#' @param R correlation of the predictors, p x p: a matrix, or a sparse matrix of package Matrix
#'   (banded, or in blocks). Symmetric, with ones on the diagonal, positive semi-definite.
#' @param n number of samples.
#' @param var_y variance of the response.
#' @param R_shrink a number `s` between 0 and 1: use `(1 - s) R + s I`. Some 0.01 to 0.1 helps if
#'   `R` is from other, or fewer, samples than the statistics.
#' @param check_R check that `R` is positive semi-definite (a Cholesky factorisation).
#' @inheritParams mr_ash
#'
#' @return As [mr_ash()], without `fitted`, `y` and `covariates`.
#' @references Zhu and Stephens (2017), Annals of Applied Statistics 11, 1561-1592 (the likelihood
#'   without `n`).
#' @export
#' @examples
#' sim <- simulate_mr_mash(n = 200, p = 50, p_causal = 4, r = 1, pve = 0.5, seed = 1)
#' s <- univariate_sumstats(sim$X, sim$Y)
#' fit <- mr_ash_rss(s$Bhat, s$Shat, R = cor(sim$X), n = 200, var_y = var(sim$Y))
#' all.equal(unname(fit$beta), unname(mr_ash(sim$X, sim$Y)$beta), tolerance = 1e-6)
mr_ash_rss <- function(Bhat = NULL, Shat = NULL, z = NULL, R, n = NULL, var_y = NULL, sa2 = NULL,
                       pi = NULL, sigma2 = NULL, beta_init = NULL, update_pi = TRUE,
                       update_sigma2 = TRUE, scaled_prior = TRUE, method = c("convex", "em"),
                       order = c("consecutive", "random", "marginal"), standardize = FALSE,
                       prior = "uniform", nullweight = 10, R_shrink = 0,
                       check_R = TRUE, tol = 1e-8, max_iter = 1000, n_threads = NULL) {
  call <- match.call()
  settings <- ash_settings(
    update_pi, update_sigma2, scaled_prior, method, standardize, prior, nullweight, tol, max_iter,
    n_threads
  )
  marginal <- rss_products(Bhat, Shat, z, n, var_y)
  if (ncol(marginal$products) > 1L) {
    stop_mnmash("dimension", "`Bhat` (or `z`) must have one column: see mr_mash_rss()")
  }
  R <- as_ld(R, length(marginal$norms), R_shrink, check_flag(check_R))
  if (is.null(n)) {
    if (settings$standardize) stop_mnmash("argument", "`standardize` needs `n`")
    settings$update_sigma2 <- FALSE
    if (is.null(sigma2)) sigma2 <- 1
  }
  start <- rss_start(
    list(sa2 = sa2, pi = pi, sigma2 = sigma2, b = beta_init), marginal, R
  )
  fit <- rss_fits(R, marginal, order, start, settings)[[1L]]
  names <- if (is.null(marginal$names)) R$names else marginal$names
  found <- new_mr_ash(fit, names, marginal$samples, settings, call, marginal$products[, 1L])
  found <- scale_effects(found, marginal$unit)
  warn_unconverged(found)
  found
}

# Cross-products: norms d (p), products (p x J), total (J), the number of samples that goes with
# them, and what effects must be multiplied with to be in the units of Bhat.
rss_products <- function(Bhat, Shat, z, n, var_y) {
  if (is.null(z) == is.null(Bhat)) stop_mnmash("argument", "give `z`, or `Bhat` and `Shat`")
  if (is.null(z) && is.null(Shat)) stop_mnmash("argument", "`Bhat` needs `Shat`")
  effects <- as_numeric_matrix(if (is.null(z)) Bhat else z, name = if (is.null(z)) "Bhat" else "z")
  check_complete_effects(effects, if (is.null(z)) "Bhat" else "z")
  names <- rownames(effects)
  if (is.null(z)) {
    Shat <- as_numeric_matrix(Shat)
    if (!identical(dim(Shat), dim(effects))) {
      stop_mnmash("dimension", "`Shat` must have the dimensions of `Bhat` (", describe_dim(effects),
                  "), not ", describe_dim(Shat))
    }
    check_complete_effects(Shat, "Shat")
    if (any(Shat <= 0)) {
      bad <- which(Shat <= 0)
      stop_mnmash("value", "`Shat` must be positive: it is ", Shat[bad[1L]], " at ",
                  describe_cell(Shat, bad[1L]), and_more(length(bad)))
    }
    z <- effects / Shat
  } else {
    z <- effects
  }
  if (is.null(n)) {
    if (!is.null(var_y)) stop_mnmash("argument", "`var_y` needs `n`")
    if (ncol(z) > 1L) stop_mnmash("argument", "more than one response needs `n`")
    s <- if (is.null(Shat)) rep(1, length(z)) else drop(Shat)
    return(list(
      norms = 1 / s^2, products = z / s, total = 0, samples = 0, names = names, unit = NULL,
      variance = 1
    ))
  }
  n <- check_number(n, 3)
  known <- !is.null(Shat) && !is.null(var_y)
  if (!known && !is.null(var_y)) stop_mnmash("argument", "`var_y` needs `Bhat` and `Shat`")
  if (!known) {
    r <- z / sqrt(z^2 + n - 2)
    return(list(
      norms = rep(n - 1, nrow(z)), products = (n - 1) * unname(r), total = rep(n - 1, ncol(z)),
      samples = n, names = names, unit = if (!is.null(Shat)) Shat * sqrt(z^2 + n - 2)
    ))
  }
  var_y <- check_each(var_y, ncol(z), 1e-100, 1e100)
  d <- rep(var_y, each = nrow(z)) * (n - 1) / ((z^2 + n - 2) * Shat^2)
  norms <- rowMeans(d)
  list(
    norms = unname(norms), products = unname(effects * d), total = (n - 1) * var_y, samples = n,
    names = names, unit = NULL
  )
}

check_complete_effects <- function(x, name) {
  if (anyNA(x)) {
    stop_mnmash("missing", "`", name, "` must not have missing values: there is one at ",
                describe_cell(x, which(is.na(x))[1L]), "; leave the predictor out, also of `R`")
  }
  check_finite(x, name = name)
}

rss_start <- function(start, marginal, R) {
  J <- ncol(marginal$products)
  start$b <- check_ash_start(start$b, length(marginal$norms), J)
  if (is.null(start$b)) return(start)
  if (!is.null(marginal$unit)) start$b <- start$b / marginal$unit
  root <- sqrt(marginal$norms)
  scaled <- root * start$b
  start$residual <- marginal$total - 2 * colSums(start$b * marginal$products) +
    colSums(scaled * as.matrix(R$matrix %*% scaled))
  start
}

rss_fits <- function(R, marginal, order, start, settings) {
  design <- list(
    kind = "gram", x = R$x, starts = R$starts, rows = R$rows, norms = marginal$norms,
    samples = marginal$samples
  )
  ash_fits(design, marginal$products, marginal, marginal$samples, order, start, settings)
}

# Effects of a regression on standardised data, in the units of those that were given.
scale_effects <- function(fit, unit) {
  if (is.null(unit)) return(fit)
  for (what in c("beta", "posterior_sd", "Bhat", "Shat")) fit[[what]] <- fit[[what]] * c(unit)
  fit$scale <- if (is.null(fit$scale)) 1 / c(unit) else fit$scale / c(unit)
  fit
}
