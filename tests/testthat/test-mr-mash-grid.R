# Without a grid, scales and a null come from the data.

regression_of <- function(seed, r = 3, n = 200, p = 60) {
  sim <- simulate_mr_mash(
    n, p, 4, r, pve = 0.3, X_cor = 0.5, X_pattern = "ar1", V_cor = 0.3, B_cor = 0.7, seed = seed
  )
  shapes <- list(shared = matrix(1, r, r), independent = diag(r), one = diag(c(1, numeric(r - 1))))
  c(sim[c("X", "Y")], list(U = shapes))
}

test_that("covariances alone reach the bound of any grid by hand, and have a null", {
  for (seed in 1:4) {
    d <- regression_of(seed)
    own <- mr_mash(d$X, d$Y, d$U, n_threads = 1)
    s <- univariate_sumstats(d$X, d$Y, standardize = TRUE)
    by_hand <- mr_mash(d$X, d$Y, d$U, grid = autoselect_grid(s, 2), n_threads = 1)
    expect_equal(own$ELBO, by_hand$ELBO, tolerance = 1e-9)
    expect_identical(names(own$S0), names(by_hand$S0))
    expect_true(all(own$S0$null == 0))
    fine <- mr_mash(d$X, d$Y, d$U, grid = exp(seq(log(0.002), log(2), length.out = 40)),
                    n_threads = 1)
    expect_gt(own$ELBO, fine$ELBO - 1.5)
    # Matrices as they are: variance one, and nothing that is zero.
    as_given <- mr_mash(d$X, d$Y, S0 = d$U, n_threads = 1)
    expect_length(as_given$S0, 3)
    expect_gt(own$ELBO, as_given$ELBO + 5)
    weighted <- mr_mash(d$X, d$Y, d$U, w0 = c(1, 1, 1), n_threads = 1)
    expect_identical(weighted$ELBO, as_given$ELBO)
    expect_length(mr_mash(d$X, d$Y, as_prior(d$U), n_threads = 1)$S0, 3)
  }
})

test_that("the grid follows the units, and summary statistics find the same", {
  d <- regression_of(7)
  own <- mr_mash(d$X, d$Y, d$U, n_threads = 1)
  rescaled <- mr_mash(d$X * 50, d$Y * 1000, d$U, n_threads = 1)
  expect_equal(coef(rescaled)[-1, ] / 20, coef(own)[-1, ], tolerance = 1e-4)
  s <- univariate_sumstats(d$X, d$Y)
  rss <- mr_mash_rss(s$Bhat, s$Shat, LD = cor(d$X), n = 200, covY = cov(d$Y), prior = d$U,
                     n_threads = 1)
  expect_equal(rss$ELBO, own$ELBO, tolerance = 1e-6)
  expect_equal(rss$mu1, own$mu1, tolerance = 1e-4, ignore_attr = TRUE)
  raw <- mr_mash(d$X, d$Y, d$U, standardize = FALSE, n_threads = 1)
  raw_rss <- mr_mash_rss(s$Bhat, s$Shat, LD = cor(d$X), n = 200, covY = cov(d$Y), prior = d$U,
                         standardize = FALSE, n_threads = 1)
  expect_equal(raw_rss$ELBO, raw$ELBO, tolerance = 1e-6)
  z <- mr_mash_rss(Z = s$Bhat / s$Shat, LD = cor(d$X), n = c(200, 180, 150), prior = d$U,
                   V = cor(d$Y), n_threads = 1)
  by_hand <- mr_mash_rss(Z = s$Bhat / s$Shat, LD = cor(d$X), n = c(200, 180, 150), prior = d$U,
                         grid = exp(seq(log(0.005), log(2), length.out = 30)), V = cor(d$Y),
                         n_threads = 1)
  expect_gt(z$ELBO, by_hand$ELBO - 1.5)
})

test_that("covariates, missing responses and one response have a grid too", {
  d <- regression_of(9)
  age <- cbind(age = seq(-1, 1, length.out = 200))
  Y <- d$Y + 5 * drop(age)
  fit <- mr_mash(d$X, Y, d$U, covariates = age, n_threads = 1)
  without <- mr_mash(d$X, d$Y, d$U, covariates = age, n_threads = 1)
  expect_equal(fit$S0, without$S0, tolerance = 1e-6)
  Y <- d$Y
  Y[1:20, 1] <- NA
  missing <- mr_mash(d$X, Y, d$U, n_threads = 1)
  expect_true("null" %in% names(missing$S0))
  one <- mr_mash(d$X, d$Y[, 1], list(matrix(1)), n_threads = 1)
  fine <- mr_mash(d$X, d$Y[, 1], list(matrix(1)), n_threads = 1,
                  grid = exp(seq(log(0.005), log(2), length.out = 30)))
  expect_gt(one$ELBO, fine$ELBO - 1)
})

test_that("pooled regions share one grid that covers theirs", {
  regions <- lapply(c(a = 1, b = 2), \(seed) regression_of(seed, r = 2)[c("X", "Y")])
  U <- list(shared = matrix(1, 2, 2), own = diag(2))
  pooled <- suppressWarnings(pool_weights(regions, mr_mash, prior = U, n_threads = 1))
  own <- lapply(regions, \(d) mr_mash(d$X, d$Y, U, n_threads = 1)$S0)
  size <- \(S0) range(sqrt(vapply(S0[names(S0) != "null"], max, 0)))
  expect_true("null" %in% names(pooled$S0))
  expect_lte(size(pooled$S0)[1], min(size(own$a)[1], size(own$b)[1]) * (1 + 1e-12))
  expect_equal(size(pooled$S0)[2], max(size(own$a)[2], size(own$b)[2]))
  # Common weights cost little: what each region finds by itself is the most that is possible.
  by_hand <- suppressWarnings(pool_weights(
    regions, mr_mash, prior = U, n_threads = 1, grid = exp(seq(log(0.005), log(2), length.out = 20))
  ))
  expect_gt(pooled$elbo[length(pooled$elbo)], by_hand$elbo[length(by_hand$elbo)] - 1.5)
})
