# mr.ash from summary statistics.

#' Multiple regression with adaptive shrinkage, from summary statistics
#'
#' [mr_ash()] where only univariate effects and the correlations of the predictors are known. With
#' the sample size and correlations of the same samples, the fit is that of the individual-level
#' data.
#'
#' With `z = Bhat / Shat`, the share of the variance that predictor j explains alone is
#' `z^2 / (z^2 + n - 2)`, from which follow the sums of squares and products of the regression
#' (`x_j'x_j = covY (n - 1) / ((z_j^2 + n - 2) Shat_j^2)`, and so on). What is fitted depends on
#' what is given:
#' - `Bhat`, `Shat`, `n` and `covY`: everything is known, and the fit is `mr_ash(X, y)`;
#' - `n` with `Z`, or with `Bhat` and `Shat`: predictors and response as if scaled to variance 1,
#'   that is `mr_ash(scale(X), scale(y))`. Effects of `Bhat` and `Shat` are scaled back; those of
#'   `Z` are in standard deviations of y per standard deviation of the predictor;
#' - no `n`: the likelihood `Bhat ~ N(S R S^{-1} b, S R S)` (for `Z`: `z ~ N(R b, R)`), `R` being
#'   the correlations, of a large study in which every predictor explains little. `sigma2`
#'   is 1 and prior variances `sa2` are in
#'   squared units of `Bhat` (of z). The bound is then known up to a constant.
#'
#' With `LD` of N other people (`LD_samples`) the residual variance is not estimated unless that is
#' asked for: errors of correlations look like effects, and an estimate falls towards zero. It is
#' then the variance of the response, times `1 + q (n / N - 1)` where `n > N`, with `q` the largest
#' share that a predictor explains alone (to first order the errors are noise of `n / N` times what
#' the predictors explain).
#'
#' Signs must refer to the same allele in the statistics and in `LD`. Variants are matched by name
#' where both have names; an `LD` of more variants is reduced to those of the statistics.
#'
#' @param Bhat,Shat univariate effects and their standard errors, p numbers each, as from
#'   [univariate_sumstats()].
#' @param Z z-scores, in place of `Bhat` and `Shat`.
#' @param n number of samples; numbers of each predictor if they are nearly the same (see
#'   [finemap_sumstats()]).
#' @param covY variance of the response.
#' @param LD_shrink a number `s` between 0 and 1: use `(1 - s) LD + s I`. Some 0.01 to 0.1 helps if
#'   `LD` is from other, or fewer, samples than the statistics.
#' @param check_LD check that `LD` is positive semi-definite (a Cholesky factorisation).
#' @inheritParams mr_ash
#' @inheritParams shared_arguments
#'
#' @return As [mr_ash()], without `fitted`, `y` and `covariates`, with `check` (see [finemap()],
#'   section Contradictions).
#' @references Zhu and Stephens (2017), Annals of Applied Statistics 11, 1561-1592 (the likelihood
#'   without `n`).
#' @export
#' @examples
#' sim <- simulate_mr_mash(n = 200, p = 50, p_causal = 4, r = 1, pve = 0.5, seed = 1)
#' s <- univariate_sumstats(sim$X, sim$Y)
#' fit <- mr_ash_rss(s$Bhat, s$Shat, LD = cor(sim$X), n = 200, covY = var(sim$Y))
#' all.equal(unname(fit$beta), unname(mr_ash(sim$X, sim$Y)$beta), tolerance = 1e-6)
mr_ash_rss <- function(Bhat = NULL, Shat = NULL, Z = NULL, LD, n = NULL, covY = NULL, sa2 = NULL,
                       pi = NULL, sigma2 = NULL, beta_init = NULL, update_pi = TRUE,
                       update_sigma2 = is.null(LD_samples), scaled_prior = TRUE,
                       method = c("convex", "em"),
                       order = c("consecutive", "random", "marginal"), standardize = FALSE,
                       prior = "uniform", nullweight = 10, LD_shrink = 0,
                       check_LD = TRUE, LD_samples = NULL, contradiction = c("stop", "warn"),
                       tol = 1e-8, max_iter = 1000, n_threads = NULL, ...) {
  call <- match.call()
  peer_arguments(take_dots(..., also = names(ash_peers)), ash_peers)
  settings <- ash_settings(mget(names(ash_table)))
  contradiction <- match_choice(contradiction, c("stop", "warn"))
  stats <- as_sumstats(Bhat, Shat, Z)
  if (ncol(stats$z) > 1L) {
    stop_mnmash("dimension", as_typed(stats$kind), " must have one column: see mr_mash_rss()")
  }
  marginal <- rss_products(stats, n, covY)
  LD <- as_ld(LD, length(marginal$norms), marginal$names, LD_shrink, check_flag(check_LD))
  if (is.null(marginal$names)) marginal$names <- LD$names
  if (is.null(n)) {
    if (settings$standardize) stop_mnmash("argument", "`standardize` needs ", as_typed("n"))
    settings$update_sigma2 <- FALSE
    if (is.null(sigma2)) sigma2 <- 1
  }
  if (is.null(sigma2)) sigma2 <- held_variance(LD_samples, stats, marginal, settings)
  settings$slack <- ld_slack(LD_samples, n, LD_shrink)
  start <- list(sa2 = sa2, pi = pi, sigma2 = sigma2, b = beta_init)
  fit <- rss_fits(LD, marginal, rss_start(start, marginal, LD), settings)[[1L]]
  found <- new_mr_ash(fit, marginal, 1L, settings, call)
  found <- scale_effects(found, marginal$unit)
  found$check <- rss_check(fit, found, stats, LD, 1L, contradiction)
  if (found$convergence$stop != "contradicted") warn_unconverged(found)
  found
}

# What the fit of one response says of its statistics, which are a column of `stats`.
rss_check <- function(fit, found, stats, LD, column, action, where = "") {
  of <- list(
    Z = stats$z[, column, drop = FALSE], V = 1, LD = LD$matrix,
    Shat = if (!is.null(stats$Shat)) stats$Shat[, column, drop = FALSE],
    predictors = names(found$beta), typed = typed_data(stats$kind)
  )
  bound <- c(found$elbo, largest_loglik(found$sigma2, found$n))
  data_check(fit$check, bound, of, action, where)
}

# The residual variances that are held where `LD` is of other people; NULL where they are estimated.
held_variance <- function(LD_samples, stats, marginal, settings) {
  if (is.null(ld_samples(LD_samples)) || settings$update_sigma2) return(NULL)
  marginal$total / (marginal$samples - 1) * ld_noise(LD_samples, stats$z, marginal$samples)
}

rss_start <- function(start, marginal, LD) {
  J <- ncol(marginal$products)
  start$b <- start_coefficients(start$b, marginal$names, LD$p, NULL, J, "beta_init")
  if (is.null(start$b)) return(start)
  if (!is.null(marginal$unit)) start$b <- start$b / unname(marginal$unit)
  scaled <- sqrt(marginal$norms) * start$b
  start$residual <- marginal$total - 2 * colSums(start$b * marginal$products) +
    colSums(scaled * as.matrix(LD$matrix %*% scaled))
  start
}

rss_fits <- function(LD, marginal, start, settings) {
  design <- core_products(LD, marginal$samples, norms = marginal$norms)
  ash_fits(design, marginal$products, marginal, start, settings)
}

# Effects of a regression on standardised data, in the units of those that were given.
scale_effects <- function(fit, unit) {
  if (is.null(unit)) return(fit)
  for (what in c("beta", "posterior_sd", "Bhat", "Shat")) fit[[what]] <- fit[[what]] * c(unit)
  fit$scale <- if (is.null(fit$scale)) 1 / c(unit) else fit$scale / c(unit)
  fit
}
