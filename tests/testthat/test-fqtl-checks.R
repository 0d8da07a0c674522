# Factored regression against other models of this package, and its answers to bad input.

test_that("for fixed loadings the step of the variants is a multivariate regression", {
  # With one factor, loadings v and residual variances s, eta_t = v_t X u: the regression of the
  # stacked outcomes Y_t / s_t on the stacked predictors X v_t / s_t. Rows u_j v of the effects have
  # prior covariances 0 and v v' / tau.
  set.seed(1)
  n <- 90
  p <- 12
  m <- 4
  X <- scale(matrix(rnorm(n * p), n) + rnorm(n), scale = FALSE)
  v <- c(1, -0.6, 0.3, 0)
  s <- sqrt(c(0.5, 1, 2, 0.8))
  u <- replace(numeric(p), c(2, 7), c(0.5, -0.4))
  Y <- scale((X %*% u) %*% t(v) + matrix(rnorm(n * m), n) %*% diag(s), scale = FALSE)
  inclusion <- 0.15
  tau <- 3
  expected <- mr_mash(
    X, Y,
    S0 = list(zero = matrix(0, m, m), shared = tcrossprod(v) / tau),
    w0 = c(1 - inclusion, inclusion), V = diag(s^2), residual = "known", update_w0 = FALSE,
    update_V = FALSE, standardize = FALSE, covariance = "full", tol = 0, tol_w0 = 0, max_iter = 3000
  )
  stacked <- list(y = c(Y %*% diag(1 / s)), X = do.call(rbind, lapply(1:m, \(t) X * v[t] / s[t])))
  spread <- mean((stacked$y - mean(stacked$y))^2)
  unit <- mean(scale(stacked$X, scale = FALSE)^2) / spread
  fit <- fqtl_regression(
    stacked$y, stacked$X,
    u_prior = "spike_slab",
    prior = list(pi_direct = inclusion, tau_direct = tau / unit),
    variance_bounds = c(1 - 1e-13, 1) / spread, tol = 0, max_iter = 3000
  )
  found <- fit$direct$mean[, 1] %o% v
  expect_lt(max(abs(found - expected$mu1)), 1e-8)
  variances <- fit$direct$sd[, 1]^2 %o% v^2
  expect_lt(max(abs(variances - t(apply(expected$S1, 3, diag)))), 1e-8)
  expect_gt(max(abs(found)), 0.2)
})

test_that("stochastic gradients agree with coordinate ascent", {
  set.seed(2)
  n <- 120
  X <- matrix(rbinom(n * 8, 2, 0.4), n)
  eta <- X[, 3] %o% c(1, -0.8, 0)
  cases <- list(
    gaussian = eta + matrix(rnorm(3 * n), n),
    nb = matrix(rnbinom(3 * n, mu = exp(1 + 0.7 * eta), size = 4), n)
  )
  for (family in names(cases)) {
    Y <- cases[[family]]
    Y[sample(3 * n, 30)] <- NA
    exact <- fqtl(Y, X, family = family, K = 2, u_prior = "spike_slab")
    drawn <- fqtl(Y, X, family = family, K = 2, method = "sgvb", seed = 4, n_threads = 2)
    expect_equal(drawn$rank, exact$rank, label = family)
    gap <- abs(tail(drawn$elbo, 1) - tail(exact$elbo, 1))
    expect_lt(gap, 3 * drawn$elbo_se + 0.1, label = family)
    expect_lt(max(abs(drawn$B - exact$B)), 0.05, label = family)
    expect_lt(max(abs(pip(drawn) - pip(exact))), 0.05, label = family)
    again <- fqtl(Y, X, family = family, K = 2, method = "sgvb", seed = 4, n_threads = 1)
    expect_identical(again$B, drawn$B)
  }
  expect_null(exact$elbo_se)
  set.seed(1)
  old <- .Random.seed
  fqtl(cases$gaussian, X, K = 1, method = "sgvb", seed = 3, max_iter = 1)
  expect_identical(.Random.seed, old)
  expect_error(fqtl(Y, X, method = "sgvb", u_prior = "susie"), "`u_prior` \"spike_slab")
  expect_error(
    fqtl(Y, X, method = "sgvb", direct_prior = "susie"), "`direct_prior` \"spike_slab"
  )
})

test_that("bad input is an error that names the argument at fault", {
  set.seed(3)
  n <- 30
  X <- matrix(rnorm(n * 4), n)
  Y <- matrix(rnorm(n * 3), n)
  bad <- function(code, pattern) {
    expect_error(code, pattern, class = "mnmash_error")
  }
  bad(fqtl("text", X), "`Y` must be a numeric matrix")
  bad(fqtl(NULL, X), "`Y`")
  bad(fqtl(list(1, 2), X), "`Y`")
  bad(fqtl(Y[0, ], X), "`Y` is empty")
  bad(fqtl(Y, "text"), "`X` must be a numeric matrix")
  bad(fqtl(Y, X[-1, ]), "`Y` has 30 rows \\(samples\\), but `X` has 29")
  bad(fqtl(replace(Y, 5, Inf), X), "`Y` must be finite.*row 5, column 1")
  bad(fqtl(replace(Y, 5, NaN), X), "`Y` must be finite")
  bad(fqtl(Y, X, K = -1), "`K`")
  bad(fqtl(Y, X, K = 1.5), "`K` must be a whole number")
  bad(fqtl(Y, X, family = 3), "`family`")
  bad(fqtl(Y, X, method = "mcmc"), "`method`")
  bad(fqtl(Y, X, u_prior = "ridge"), "`u_prior`")
  bad(fqtl(Y, X, direct_prior = "ridge"), "`direct_prior`")
  bad(fqtl_factorize(Y, X = X, direct_prior = "values"), "`direct_prior`")
  bad(fqtl(Y, X, covariates = matrix(1:5)), "`covariates` has 5 rows")
  bad(fqtl(Y, X, var_covariates = "z"), "`var_covariates`")
  bad(fqtl(Y, X, offset = matrix(0, n, 2)), "`offset`")
  bad(fqtl(Y, X, offset = rep(NA_real_, n)), "`offset` must be finite")
  bad(fqtl(Y, X, weights = matrix(1, 3, 2)), "`weights` has 3 samples")
  bad(fqtl(Y, X, cis = "all"), "`cis`")
  bad(fqtl(Y, X, nonneg = NA), "`nonneg`")
  bad(fqtl(Y, X, prior = 1), "`prior` must be a list")
  bad(fqtl(Y, X, prior = list(pi_u = c(0.5, 0.1))), "`prior\\$pi_u`")
  bad(fqtl(Y, X, prior = list(tau_u = -1)), "`prior\\$tau_u`")
  bad(fqtl(Y, X, L = 0, u_prior = "susie"), "`L`")
  bad(fqtl(Y, X, n_seeds = 0), "`n_seeds`")
  bad(fqtl(Y, X, tol = "small"), "`tol`")
  bad(fqtl(Y, X, max_iter = -1), "`max_iter`")
  bad(fqtl(Y, X, variance_bounds = c(1, 0.1)), "`variance_bounds`")
  bad(fqtl(Y, X, n_threads = 0), "`n_threads`")
  bad(fqtl(Y, X, seed = "a", method = "sgvb"), "`seed`")
  bad(fqtl(Y, X, family = "binomial"), "`Y` must be between 0 and")
  bad(fqtl(Y, X, family = "beta"), "`Y` must be strictly between 0 and 1")
  counts <- matrix(rpois(3 * n, 4), n)
  bad(fqtl(counts, X, family = "binomial", size = matrix(9, 2, 2)), "`size`")
  bad(fqtl(counts, X, family = "nb", nb_link = "probit"), "`nb_link`")
  bad(fqtl(counts, X, family = "nb", nb_floor = -1), "`nb_floor`")
  bad(fqtl(Y, X, family = "voom", library_size = c(1, 2)), "`library_size`")
  bad(fqtl_regression("text", X), "`Y`")
  bad(fqtl_regression(Y, X, cis = matrix(TRUE, 2, 2)), "`cis`")
  bad(fqtl_factorize("text"), "`Y`")
  bad(fqtl_factorize(Y, X = X[-1, ]), "`Y` has 30 rows \\(samples\\), but `X` has 29")
  bad(fqtl_factorize(Y, weights = matrix(1, 3, 2)), "`weights`")
  bad(fqtl_factorize(Y, K = "many"), "`K`")
  fit <- fqtl_factorize(Y, K = 1)
  bad(coef(fit), "has no predictors")
  bad(predict(fit, X), "cannot be predicted")
  bad(fqtl_impute(1, Y), "`object`")
  bad(fqtl_impute(fit, Y[, 1]), "`object` has 3 outcomes, but `Y` has 1")
  bad(as_prior(fit), "no factor|no predictors")
  bad(plot(fqtl(Y, X, K = 0)), "no factor")
})
