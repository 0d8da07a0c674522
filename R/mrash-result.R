# The result of a regression with adaptive shrinkage.

# The object that the user gets, without what only individual-level data have. `column` is that of
# the response among the products.
new_mr_ash <- function(fit, marginal, column, settings, call) {
  names <- marginal$names
  n <- marginal$samples
  products <- marginal$products[, column]
  d <- fit$norms
  flat <- d <= 0
  scale <- if (settings$standardize) ifelse(flat, 1, sqrt(d / (n - 1))) else rep(1, length(d))
  Bhat <- fit$c / d
  Shat <- sqrt(fit$sigma2 / d)
  Bhat[flat] <- Shat[flat] <- NA
  variance <- if (settings$scaled_prior) fit$sigma2 * fit$grid else fit$grid
  posterior <- normal_means_posterior(Bhat * scale, Shat * scale, variance, fit$pi)
  ended <- ending(fit)
  trace <- data.frame(
    iteration = seq_along(ended$trace), elbo = ended$trace, sigma2 = fit$sigma2_trace,
    change = fit$change, weights = fit$weights
  )
  named <- \(x) stats::setNames(x, names)
  # b'X'Xb, because c = X'r + d b and X'r = X'y - X'Xb; and its part from the uncertainty of b.
  signal <- sum(fit$b * (products - fit$c + d * fit$b)) + fit$variance
  structure(
    list(
      beta = named(fit$b), posterior_sd = named(posterior$sd / scale),
      lfsr = named(posterior$lfsr), lfdr = named(posterior$lfdr), pi = fit$pi, sa2 = fit$grid,
      sigma2 = fit$sigma2, pve = if (n > 0) signal / (signal + n * fit$sigma2),
      Bhat = named(Bhat), Shat = named(Shat),
      elbo = ended$trace[length(ended$trace)], trace = trace, iterations = ended$iterations,
      converged = ended$converged, message = ended$message, convergence = ended, n = n,
      p = length(d),
      scale = if (settings$standardize) named(scale),
      dirichlet = if (!identical(settings$prior, "uniform")) {
        dirichlet_parameters(settings$prior, length(fit$pi), settings$nullweight)
      }, scaled_prior = settings$scaled_prior,
      call = call
    ),
    class = "mr_ash"
  )
}

# The same with what individual-level data say of the samples.
finish_mr_ash <- function(fit, problem, column, settings, call) {
  found <- new_mr_ash(fit, problem$marginal, column, settings, call)
  y <- problem$Y[, column]
  samples <- rownames(problem$Y)
  signal <- drop(predictor_values(problem$X, fit$b))
  basis <- problem$space$basis
  found$covariates <- covariate_coefficients(problem$space, y - signal)
  found$fitted <- stats::setNames(signal + drop(basis %*% crossprod(basis, y - signal)), samples)
  found$y <- stats::setNames(y, samples)
  found
}

# Least-squares coefficients; NA for those that others determine, as in lm().
covariate_coefficients <- function(space, y) {
  if (!ncol(space$W)) return(stats::setNames(numeric(), character()))
  stats::setNames(qr.coef(space$qr, y), colnames(space$W))
}

warn_unconverged <- function(fit) {
  if (!fit$converged) {
    warn_mnmash(
      "convergence", "the fit has not converged: ", fit$message, " (", fit$iterations, ")"
    )
  }
}

# Posterior of one-dimensional normal means under a mixture of N(0, variance_k), through the core
# that mash uses. A missing mean has its prior.
normal_means_posterior <- function(Bhat, Shat, variance, pi) {
  null <- variance == 0
  g <- list(
    pi = c(pi[null], pi[!null]), Ulist = list(one = matrix(1)), grid = sqrt(variance[!null]),
    usepointmass = any(null)
  )
  sd <- lfsr <- lfdr <- numeric(length(Bhat))
  sd[] <- sqrt(sum(pi * variance))
  lfdr[] <- sum(pi[null])
  lfsr[] <- (1 + lfdr[1L]) / 2
  if (!length(g$grid)) return(list(sd = sd, lfsr = lfsr, lfdr = lfdr))
  known <- which(!is.na(Bhat))
  # In units of the standard errors' middle, which are fit for squares.
  unit <- stats::median(Shat[known])
  g$grid <- g$grid / unit
  data <- new_mash_data(
    matrix(Bhat[known] / unit), matrix(Shat[known] / unit), 0, diag(1), NULL, "exact"
  )
  found <- posterior_in_blocks(data, g, 0, FALSE, 1L)
  sd[known] <- found$PosteriorSD * unit
  lfsr[known] <- found$lfsr
  lfdr[known] <- found$lfdr
  list(sd = sd, lfsr = lfsr, lfdr = lfdr)
}
