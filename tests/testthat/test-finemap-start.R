# The residual covariance by default, starts, and other optima.

start_data <- function(seed, n = 300, p = 20, R = 2) {
  set.seed(seed)
  X <- matrix(rnorm(n * p), n, dimnames = list(NULL, paste0("v", seq_len(p)))) + rnorm(n)
  B <- matrix(0, p, R)
  B[c(4, 11), ] <- c(0.5, 0.4)
  Y <- X %*% B + matrix(rnorm(n * R), n)
  colnames(Y) <- paste0("t", seq_len(R))
  list(X = X, Y = Y)
}

test_that("one trait has its residual variance estimated, unless it is said or cannot be", {
  s <- start_data(1, R = 1)
  data <- finemap_data(s$X, s$Y)
  fit <- finemap(data, 1)
  expect_identical(fit$V, finemap(data, 1, estimate_V = "full")$V)
  expect_equal(drop(fit$V), mean((s$Y - predict(fit, s$X))^2), tolerance = 0.02)
  expect_identical(fit$options$residual, "full")
  expect_equal(finemap(data, 1, V = matrix(2))$V[1, 1], 2)
  held <- finemap(data, 1, estimate_residual_variance = FALSE)
  expect_equal(unname(held$V), unname(var(s$Y)))
  expect_identical(held$options$residual, "none")
  z <- univariate_sumstats(s$X, s$Y)
  by_z <- finemap(finemap_sumstats(z$Bhat / z$Shat, cor(s$X), n = 300), 1)
  expect_equal(by_z$pip, fit$pip, tolerance = 1e-6)
  # Of correlations of other people, it is not.
  panel <- finemap_sumstats(z$Bhat / z$Shat, cor(s$X), n = 300, LD_samples = 1000)
  expect_equal(drop(finemap(panel, 1)$V), 1)
  expect_error(
    finemap(data, 1, estimate_V = "none", estimate_residual_variance = TRUE), "not both",
    class = "mnmash_error_argument"
  )
})

test_that("of several traits it is estimated where that raises the bound", {
  s <- start_data(2)
  data <- finemap_data(s$X, s$Y)
  prior <- list(diag(2), matrix(1, 2, 2))
  held <- finemap(data, prior, estimate_V = "none")
  fit <- finemap(data, prior)
  expect_gt(tail(fit$elbo, 1), tail(held$elbo, 1))
  expect_identical(fit$options$residual, "full")
  expect_true(all(diff(fit$elbo) > -1e-6))
  # Where it cannot be: missing outcomes, and older order.
  s$Y[1:20, 1] <- NA
  expect_identical(
    finemap(finemap_data(s$X, s$Y), prior, V = diag(2))$options$residual, "none"
  )
})

test_that("a fit starts where another ended, whatever the order of its variables", {
  s <- start_data(3)
  data <- finemap_data(s$X, s$Y)
  prior <- list(diag(2), matrix(1, 2, 2))
  V <- cov(s$Y)
  fit <- finemap(data, prior, V = V)
  expect_gt(sum(fit$scale > 0), 1)
  again <- finemap(data, prior, V = V, start = fit)
  expect_lte(again$n_iter, 3)
  expect_equal(again$pip, fit$pip, tolerance = 1e-4)
  turned <- finemap_data(s$X[, 20:1], s$Y[, 2:1])
  expect_equal(
    finemap(turned, prior, V = V[2:1, 2:1], model_init = fit)$pip[names(fit$pip)], fit$pip,
    tolerance = 1e-4
  )
  # Some variables only, and effects from elsewhere.
  fewer <- finemap_data(s$X[, -1], s$Y)
  expect_equal(finemap(fewer, prior, V = V, start = fit)$pip, fit$pip[-1], tolerance = 0.01)
  starts <- list(
    mr_mash(s$X, s$Y, prior, grid = c(0.1, 0.5)), coef(fit)[-1, ], coef(fit)[20:2, 2:1]
  )
  for (start in starts) {
    found <- finemap(data, prior, V = V, start = start)
    expect_equal(found$pip, fit$pip, tolerance = 0.01)
  }
  one <- finemap_data(s$X, s$Y[, 1])
  expect_equal(
    finemap(one, 1, start = mr_ash(s$X, s$Y[, 1]))$pip, finemap(one, 1)$pip, tolerance = 0.01
  )
  expect_error(finemap(data, prior, start = "v4"), "`start`", class = "mnmash_error_type")
  expect_error(
    finemap(data, prior, start = matrix(1, 3, 2)), "3 variables", class = "mnmash_error_dimension"
  )
  expect_error(
    finemap(data, prior, start = fit, compat = "mvsusieR"), "start", class = "mnmash_error_argument"
  )
})

test_that("variables that hide one another are found, and noise stays noise", {
  gained <- 0
  for (seed in 5:10) {
    set.seed(seed)
    X <- matrix(rnorm(400 * 24), 400) * 0.35 + rnorm(400)
    truth <- matrix(0, 24)
    truth[c(3, 9, 17)] <- c(0.9, -0.9, 0.9)
    y <- drop(X %*% truth) + rnorm(400)
    data <- finemap_data(X, y)
    bound <- \(...) tail(finemap(data, 1, V = matrix(1), ...)$elbo, 1)
    told <- bound(start = truth, refine = FALSE)
    expect_gte(bound(), told - 0.01)
    expect_gte(bound(refine = TRUE), told - 0.01)
    gained <- gained + (told > bound(refine = FALSE) + 1)
    noise <- finemap_data(X, rnorm(400))
    expect_identical(finemap(noise, 1)$sets, finemap(noise, 1, refine = FALSE)$sets)
  }
  expect_gt(gained, 0)
})
