# Inclusion probabilities of fqtl() are probabilities: in noise, in linkage disequilibrium, exactly.

test_that("one effect of one outcome has the posterior of Bayes' rule", {
  set.seed(1)
  n <- 60
  p <- 5
  X <- scale(matrix(rnorm(n * p), n) + rnorm(n), scale = FALSE)
  y <- drop(scale(0.3 * X[, 2] + rnorm(n), scale = FALSE))
  spread <- mean(y^2)
  noise <- 0.9 * spread
  inclusion <- 0.06
  precisions <- c(2, 8)
  unit <- mean(X^2) / spread
  bayes <- \(variance) {
    d <- colSums(X^2) / noise
    b <- drop(crossprod(X, y)) / noise
    exp(b^2 * variance / (1 + variance * d) / 2) / sqrt(1 + variance * d)
  }
  # A variance is at most four times the next.
  factor <- rowMeans(vapply(1 / (precisions * unit), bayes, numeric(p)))
  fit <- fqtl_regression(
    y, X,
    L = 1, prior = list(pi_direct = inclusion, tau_direct = precisions),
    variance_bounds = c(0.9 * (1 - 1e-13), 0.9), tol = 0, max_iter = 50
  )
  there <- inclusion * p
  expected <- there * factor / p / (1 - there + there * mean(factor))
  expect_equal(unname(fit$direct$pip[, 1]), expected, tolerance = 1e-5)
  expect_gt(max(expected), 0.2)
})

test_that("in noise hardly any cell is likely, whatever the candidates and the family", {
  shares <- \(Y, X, cis, ...) {
    fit <- suppressWarnings(fqtl_regression(Y, X, cis = cis, ...))
    mean(fit$direct$pip[cis] > 0.5)
  }
  set.seed(2)
  X <- matrix(rnorm(100 * 200), 100)
  Y <- matrix(rnorm(100 * 50), 100)
  cis <- outer(1:200, 1:50, \(i, j) abs(i - j) <= 5)
  expect_lte(shares(Y, X, cis), 0.005)
  expect_lte(shares(matrix(rpois(100 * 50, 3), 100), X, cis, family = "nb"), 0.005)
  # With a factor for the taking, too.
  both <- suppressWarnings(fqtl(Y, X, cis = cis))
  expect_lte(mean(both$direct$pip[cis] > 0.5), 0.005)
  expect_identical(both$rank, 0L)
  # What the faster prior does, so that this is a test.
  expect_gt(shares(Y, X, cis, u_prior = "spike_slab"), 0.05)
})

test_that("predictors that cannot be told apart share their probability", {
  set.seed(3)
  X <- matrix(rbinom(200 * 30, 2, 0.4), 200)
  X[, 8] <- X[, 7]
  Y <- X[, 7] %o% c(0.8, 0.6, 0.7, 0) + matrix(rnorm(800), 200)
  for (K in c(0, 2)) {
    cis <- if (K == 0) TRUE
    pip <- pip(fqtl(Y, X, K = K, cis = cis), "outcome")
    expect_equal(pip[7, ], pip[8, ], tolerance = 1e-6)
    expect_equal(unname(pip[7, 1:3]), rep(0.5, 3), tolerance = if (K) 0.05 else 0.4)
    expect_gt(min(rowSums(t(pip[7:8, 1:3]))), 0.95)
    # A spike and a slab settle on one.
    settled <- pip(fqtl(Y, X, K = K, cis = cis, u_prior = "spike_slab"), "outcome")
    expect_gt(max(abs(settled[7, 1:3] - settled[8, 1:3])), 0.9)
  }
  alone <- fqtl_factorize(Y, K = 1, X = X)$direct$pip
  expect_equal(alone[7, ], alone[8, ], tolerance = 1e-6)
})
