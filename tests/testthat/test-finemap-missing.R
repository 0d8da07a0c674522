# Missing outcomes against dense normal densities of what is observed.

missing_region <- function(seed = 5, n = 60, p = 6) {
  set.seed(seed)
  X <- matrix(rnorm(n * p), n)
  X[, 2] <- 0.7 * X[, 1] + 0.7 * X[, 2]
  V <- matrix(c(1, 0.5, 0.2, 0.5, 1.4, 0.3, 0.2, 0.3, 0.7), 3)
  Y <- X[, 1] %o% c(0.6, 0.5, 0) + matrix(rnorm(3 * n), n) %*% chol(V) + rep(c(1, -2, 5), each = n)
  Y[sample(length(Y), 50)] <- NA
  Y[1:3, 1] <- NA
  prior <- list(U = list(matrix(0.2, 3, 3), diag(c(0, 0, 0.3)), 0.1 * diag(3)), w = c(5, 2, 3) / 10)
  list(X = X, Y = Y, V = V, prior = prior)
}

# Log Bayes factors of one effect at each variable, with intercepts of a very wide prior, and the
# posterior mean of the effect.
dense_missing <- function(s, X = s$X) {
  o <- which(!is.na(t(s$Y)))
  y <- t(s$Y)[o]
  y <- y - mean(y)
  n <- nrow(s$Y)
  base <- kronecker(diag(n), s$V)[o, o] + kronecker(matrix(1e6, n, n), diag(3))[o, o]
  density <- function(C) {
    root <- chol(C)
    -sum(log(diag(root))) - sum(backsolve(root, y, transpose = TRUE)^2) / 2
  }
  null <- density(base)
  lapply(seq_len(ncol(X)), \(j) {
    Z <- kronecker(X[, j], diag(3))[o, ]
    each <- vapply(s$prior$U, \(U) density(base + Z %*% U %*% t(Z)) - null, 0)
    q <- s$prior$w * exp(each - max(each))
    q <- q / sum(q)
    mean <- Reduce(`+`, Map(
      \(U, q) q * U %*% t(Z) %*% solve(base + Z %*% U %*% t(Z), y), s$prior$U, q
    ))
    list(log_bf = log(sum(s$prior$w * exp(each))), mean = drop(mean), weights = q)
  })
}

test_that("one effect on incomplete outcomes has the likelihood of the observed cells", {
  s <- missing_region()
  want <- dense_missing(s, scale(s$X, scale = FALSE))
  for (memory in c(2e9, 0)) {
    withr::local_options(mnmash.memory = memory)
    fit <- finemap(
      finemap_data(s$X, s$Y), s$prior, L = 1, V = s$V, scale = "fixed", effect_model = "EE",
      standardize = FALSE, n_threads = 1
    )
    log_bf <- vapply(want, `[[`, 0, "log_bf")
    expect_lt(max(abs(fit$lbf_variable - log_bf)), 1e-5)
    alpha <- exp(log_bf - max(log_bf))
    expect_lt(max(abs(fit$alpha - alpha / sum(alpha))), 1e-6)
    effect <- fit$effects[[1]]
    for (i in seq_along(effect$variable)) {
      exact <- want[[effect$variable[i]]]
      expect_lt(max(abs(effect$mean[i, ] - exact$mean)), 1e-5)
      expect_lt(max(abs(effect$weights[i, ] - exact$weights)), 1e-5)
    }
  }
})

test_that("complete outcomes are a special case of incomplete ones", {
  s <- missing_region()
  Y <- s$Y
  Y[is.na(Y)] <- rnorm(sum(is.na(Y)))
  complete <- finemap(finemap_data(s$X, Y), s$prior, L = 3, V = s$V, n_threads = 1)
  # A row without any outcome says nothing.
  with_row <- finemap(
    finemap_data(rbind(s$X, colMeans(s$X)), rbind(Y, NA)), s$prior, L = 3, V = s$V,
    standardize = FALSE, n_threads = 1
  )
  plain <- finemap(
    finemap_data(s$X, Y), s$prior, L = 3, V = s$V, standardize = FALSE, n_threads = 1
  )
  expect_equal(with_row$pip, plain$pip, tolerance = 1e-7)
  expect_equal(with_row$lfsr, plain$lfsr, tolerance = 1e-7)
  expect_equal(with_row$coef, plain$coef, tolerance = 1e-6)
  expect_equal(with_row$intercept, plain$intercept, tolerance = 1e-6)
  expect_equal(diff(with_row$elbo), diff(plain$elbo), tolerance = 1e-5)
  expect_true(complete$converged)
})

test_that("the bound grows, and imputing nothing finds what full data find", {
  set.seed(8)
  n <- 400
  X <- matrix(rbinom(n * 30, 2, 0.4), n)
  Y <- X[, 3] %o% c(0.6, 0.6, 0) + X[, 17] %o% c(0, 0, 0.7) + matrix(rnorm(3 * n), n)
  Y[sample(length(Y), 500)] <- NA
  fit <- finemap(
    finemap_data(X, Y), list(U = list(matrix(1, 3, 3), diag(3)), w = c(1, 1) / 2), V = diag(3),
    n_threads = 2
  )
  expect_gt(min(diff(fit$elbo)), -1e-6)
  expect_true(all(pip(fit)[c(3, 17)] > 0.9))
  one <- finemap(
    finemap_data(X, Y), list(U = list(matrix(1, 3, 3), diag(3)), w = c(1, 1) / 2), V = diag(3),
    n_threads = 1
  )
  expect_identical(fit$alpha, one$alpha)
  expect_error(
    finemap(finemap_data(X, Y), list(diag(3)), V = diag(3), estimate_V = "full"),
    class = "mnmash_error_argument"
  )
  expect_error(finemap(finemap_data(X, Y), list(diag(3))), "`V`", class = "mnmash_error_argument")
})
