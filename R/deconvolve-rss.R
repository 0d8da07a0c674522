# Deconvolved effects from summary statistics.

#' Deconvolved effects from summary statistics
#'
#' [deconvolve()] where only univariate effects and the correlations of the predictors are known:
#' [mr_ash_rss()] for each condition; with `LD_samples`, residual variances are held as there.
#'
#' @param n number of samples, the same in all conditions.
#' @param covY covariance of the responses (less covariates), r x r: gives their variances, and `V`.
#'   Default: unknown, and then effects are fitted as if standardized (see [mr_ash_rss()]).
#' @param V correlation of the errors among conditions, r x r, matched to them by name. Default:
#'   from `covY`, else the identity matrix.
#' @param init as in [deconvolve()]; `"mean"` needs `covY`.
#' @param ... further arguments of [mr_ash_rss()]: `sa2`, `update_pi`, `order`, `tol` and others.
#' @inheritParams mr_mash_rss
#' @inheritParams shared_arguments
#' @return As [deconvolve()]; each of `fits` has a `check` (see [finemap()], section
#'   Contradictions).
#' @export
#' @examples
#' sim <- simulate_mr_mash(n = 200, p = 50, p_causal = 5, r = 2, pve = 0.4, seed = 1)
#' s <- univariate_sumstats(sim$X, sim$Y)
#' d <- deconvolve_rss(s$Bhat, s$Shat, LD = cor(sim$X), n = 200, covY = cov(sim$Y))
#' all.equal(d$Bhat, deconvolve(sim$X, sim$Y)$Bhat, tolerance = 1e-6)
deconvolve_rss <- function(Bhat = NULL, Shat = NULL, Z = NULL, LD, n, covY = NULL, V = NULL,
                           init = c("none", "mean"), LD_shrink = 0, check_LD = TRUE,
                           LD_samples = NULL, contradiction = c("stop", "warn"), ...,
                           n_threads = NULL) {
  call <- match.call()
  further <- take_dots(..., also = TRUE)
  init <- match_choice(init, c("none", "mean"))
  if (missing(n)) stop_mnmash("argument", as_typed("n"), ", the number of samples, is needed")
  contradiction <- match_choice(contradiction, c("stop", "warn"))
  stats <- as_sumstats(Bhat, Shat, Z)
  J <- ncol(stats$z)
  conditions <- colnames(stats$z)
  if (!is.null(covY)) covY <- response_covariance(covY, conditions, J)
  # Of z-scores, variances say nothing: what is fitted is standardized.
  var_y <- if (stats$kind == "Bhat" && !is.null(covY)) diag(covY)
  if (!is.null(covY) && is.null(var_y)) covY <- stats::cov2cor(covY)
  marginal <- rss_products(stats, n, var_y)
  LD <- as_ld(LD, length(marginal$norms), marginal$names, LD_shrink, check_flag(check_LD))
  if (is.null(marginal$names)) marginal$names <- LD$names
  further <- ash_arguments(further, n_threads)
  settings <- further$settings
  if (!"update_sigma2" %in% further$asked) settings$update_sigma2 <- is.null(LD_samples)
  if (is.null(further$start$sigma2)) {
    further$start$sigma2 <- held_variance(LD_samples, stats, marginal, settings)
  }
  settings$order <- ash_order(settings$order, marginal)
  settings$slack <- ld_slack(LD_samples, n, LD_shrink)
  start <- further$start
  if (init == "mean") start <- rss_mean_start(start, marginal, LD, covY, settings)
  found <- rss_fits(LD, marginal, start, settings)
  fits <- lapply(seq_len(J), \(j) {
    fit <- new_mr_ash(found[[j]], marginal, j, settings, NULL)
    fit <- scale_effects(fit, if (!is.null(marginal$unit)) marginal$unit[, j])
    where <- if (J > 1L) paste0(describe_index("condition", j, conditions), ": ") else ""
    fit$check <- rss_check(found[[j]], fit, stats, LD, j, contradiction, where)
    fit
  })
  V <- if (!is.null(V)) {
    check_residual_correlation(V, LD$p, J, conditions)
  } else if (is.null(covY)) {
    diag(J)
  } else {
    rss_residual_correlation(do.call(cbind, lapply(found, `[[`, "b")), marginal, LD, covY)
  }
  new_deconvolved(fits, V, conditions, call)
}

# The start at the fit to the mean of the scaled responses.
rss_mean_start <- function(start, marginal, LD, covY, settings) {
  if (is.null(covY)) stop_mnmash("argument", "`init = \"mean\"` needs ", as_typed("covY"))
  sd <- sqrt(diag(covY))
  mean <- marginal
  mean$products <- matrix(rowMeans(marginal$products / rep(sd, each = LD$p)))
  mean$total <- (marginal$samples - 1) * mean(stats::cov2cor(covY))
  start$b <- outer(rss_fits(LD, mean, start["sa2"], settings)[[1L]]$b, sd)
  marginal$unit <- NULL # these are in the units of the products
  rss_start(start, marginal, LD)
}

# E'E = Y'Y - B'X'Y - Y'XB + B'X'XB.
rss_residual_correlation <- function(B, marginal, LD, covY) {
  scaled <- sqrt(marginal$norms) * B
  cross <- crossprod(B, marginal$products)
  E <- (marginal$samples - 1) * covY - cross - t(cross) +
    crossprod(scaled, as.matrix(LD$matrix %*% scaled))
  E <- (E + t(E)) / 2
  none <- which(!(diag(E) > 0))
  if (length(none)) {
    warn_mnmash(
      "inconsistent", as_typed("covY"), " leaves no residual variance in ",
      describe_index("column", none[1L]),
      and_more(length(none)), ": its residuals are taken as uncorrelated"
    )
    E[none, ] <- E[, none] <- 0
    E[cbind(none, none)] <- 1
  }
  V <- stats::cov2cor(E)
  smallest <- min(eigen(V, symmetric = TRUE, only.values = TRUE)$values)
  if (smallest > 1e-6) V else nearest_correlation(V, 1e-6)
}
