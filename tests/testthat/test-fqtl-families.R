# Families of factored regression against glm, and what a fit gives.

test_that("without shrinkage binomial trials have the coefficients of glm", {
  set.seed(1)
  n <- 250
  X <- matrix(rnorm(n * 2), n)
  size <- matrix(sample(5:20, 2 * n, TRUE), n)
  eta <- cbind(0.3 + X %*% c(0.5, -0.3), -0.5 + X %*% c(0, 0.4))
  Y <- matrix(rbinom(2 * n, size, plogis(eta)), n)
  fit <- fqtl_regression(
    Y, X,
    u_prior = "spike_slab", family = "binomial", size = size, tol = 1e-10, max_iter = 5000,
    prior = list(pi_direct = 1, tau_direct = 1e-9)
  )
  for (t in 1:2) {
    reference <- summary(glm(cbind(Y[, t], size[, t] - Y[, t]) ~ X, family = binomial))$coefficients
    off <- (coef(fit)[, t] - reference[, 1]) / reference[, 2]
    expect_lt(max(abs(off)), 0.05)
  }
  # Means of the outcomes: numbers of successes.
  expect_equal(colMeans(fitted(fit)), colMeans(Y), tolerance = 0.01, ignore_attr = TRUE)
})

test_that("without shrinkage counts have the coefficients of glm at their size", {
  set.seed(2)
  n <- 300
  X <- matrix(rnorm(n * 2), n)
  depth <- runif(n, 0.5, 2)
  y <- rnbinom(n, mu = exp(1 + X %*% c(0.4, -0.2)) * depth, size = 3)
  fit <- fqtl_regression(
    y, X,
    u_prior = "spike_slab", family = "nb", offset = log(depth), tol = 1e-9, max_iter = 5000,
    prior = list(pi_direct = 1, tau_direct = 1e-9)
  )
  skip_if_not_installed("MASS")
  family <- MASS::negative.binomial(fit$dispersion$value[1])
  reference <- glm(y ~ X + offset(log(depth)), family = family)
  reference <- summary(reference, dispersion = 1)$coefficients
  expect_lt(max(abs((coef(fit)[, 1] - reference[, 1]) / reference[, 2])), 0.05)
  # New samples: the mean at their predictors and depth.
  expected <- exp(drop(cbind(1, X) %*% coef(fit)) + log(depth))
  expect_equal(drop(predict(fit, X, offset = log(depth))), expected, ignore_attr = TRUE)
  floor <- fqtl_regression(y, X, family = "nb", nb_floor = 20, offset = log(depth))
  expect_gte(min(floor$dispersion$value), 20)
})

test_that("a fit predicts new samples with covariates, and prints", {
  set.seed(3)
  n <- 150
  X <- matrix(rbinom(n * 20, 2, 0.4), n)
  age <- cbind(age = rnorm(n))
  Y <- X[, 4] %o% c(1, 1, -1) + 0.5 * age[, 1] + matrix(rnorm(3 * n), n)
  fit <- fqtl(Y, X, covariates = age)
  expect_equal(unname(fit$covariates["age", ]), rep(0.5, 3), tolerance = 0.4)
  expect_equal(predict(fit, X, covariates = age), fitted(fit), ignore_attr = TRUE)
  expect_equal(predict(fit, X, covariates = age, type = "link"), fit$eta, ignore_attr = TRUE)
  expect_error(predict(fit, X), "`covariates`", class = "mnmash_error")
  expect_output(print(fit), "1 factor; bound")
  expect_output(print(summary(fit)), "Share of variance explained")
  expect_equal(as.numeric(logLik(fit)), tail(fit$elbo, 1))
  expect_identical(dim(pip(fit, "factor")), c(20L, 1L))
  expect_gt(pip(fit, "outcome")[4, 1], 0.9)
})

test_that("log-counts that start next to their fit still show their variants", {
  set.seed(12)
  n <- 250
  X <- matrix(rbinom(n * 20, 2, 0.4), n)
  library <- round(exp(rnorm(n, 13, 0.4)))
  rate <- 5 * exp(0.6 * (X[, 4] - 0.8) + rnorm(n, sd = 0.4)) * library / exp(13)
  Y <- log2((rpois(n, rate) + 0.5) / (library + 1) * 1e6)
  fit <- fqtl_regression(Y, X, family = "voom", library_size = library)
  expect_identical(unname(which(fit$direct$pip[, 1] > 0.5)), 4L)
  expect_true(all(diff(fit$elbo) > -1e-8 * abs(fit$elbo[1])))
})
