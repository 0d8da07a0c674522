slow_sumstats <- function(X, Y, Z = NULL) {
  found <- lapply(list(Bhat = 1, Shat = 2), \(which) {
    outer(seq_len(ncol(X)), seq_len(ncol(Y)), Vectorize(\(j, r) {
      model <- if (is.null(Z)) lm(Y[, r] ~ X[, j]) else lm(Y[, r] ~ X[, j] + Z)
      coef(summary(model))[2, which]
    }))
  })
  found
}

test_that("slopes and errors are those of lm(), with missing values anywhere", {
  sim <- regression_data(n = 30, p = 4, r = 3)
  X <- 100 + sim$X
  Y <- sim$Y - 1e3
  s <- univariate_sumstats(X, Y)
  expect_equal(unname(s$Bhat), slow_sumstats(X, Y)$Bhat, tolerance = 1e-9)
  expect_equal(unname(s$Shat), slow_sumstats(X, Y)$Shat, tolerance = 1e-9)
  expect_identical(dimnames(s$Shat), list(colnames(X), colnames(Y)))
  Y[1:4, 2] <- NA
  Y[9, 3] <- NA
  s <- univariate_sumstats(X, Y)
  expect_equal(unname(s$Shat), slow_sumstats(X, Y)$Shat, tolerance = 1e-9)
  expect_identical(unname(s$n[1, ]), c(30, 26, 29))
  X[c(1, 7), 3] <- NA
  s <- univariate_sumstats(X, Y)
  expect_equal(unname(s$Bhat), slow_sumstats(X, Y)$Bhat, tolerance = 1e-9)
  expect_equal(unname(s$Shat), slow_sumstats(X, Y)$Shat, tolerance = 1e-9)
  expect_identical(unname(s$n[3, ]), c(28, 25, 27))
})

test_that("covariates, sparse predictors, blocks and scaling", {
  sim <- regression_data(n = 30, p = 4, r = 3)
  Z <- matrix(rnorm(60), 30)
  Y <- sim$Y
  Y[1:4, 2] <- NA
  slow <- slow_sumstats(sim$X, Y, Z)
  s <- univariate_sumstats(sim$X, Y, Z)
  expect_equal(unname(s$Bhat), slow$Bhat, tolerance = 1e-9)
  expect_equal(unname(s$Shat), slow$Shat, tolerance = 1e-9)
  blocks <- genotype_blocks(4, \(j) sim$X[, j, drop = FALSE], size = 3)
  expect_equal(univariate_sumstats(blocks, Y, Z), s)
  expect_equal(
    univariate_sumstats(sim$X, Y, standardize = TRUE)$Bhat[, 1],
    drop(cov(scale(sim$X), Y[, 1]))
  )
  skip_if_not_installed("Matrix")
  G <- matrix(rbinom(120, 2, 0.2), 30)
  expect_equal(
    unname(univariate_sumstats(Matrix::Matrix(G, sparse = TRUE), Y)$Shat),
    slow_sumstats(G, Y)$Shat,
    tolerance = 1e-9
  )
})

test_that("what cannot be estimated is NA, and what is wrong is named", {
  sim <- regression_data(n = 20, p = 3, r = 2)
  X <- sim$X
  X[, 2] <- 7
  s <- univariate_sumstats(X, sim$Y)
  expect_identical(unname(is.na(s$Bhat[, 1])), c(FALSE, TRUE, FALSE))
  expect_equal(unname(s$Bhat[3, ]), slow_sumstats(X[, 3, drop = FALSE], sim$Y)$Bhat[1, ])
  expect_error(univariate_sumstats(X[-1, ], sim$Y), "sample_1", class = "mnmash_error_names")
  expect_error(
    univariate_sumstats(unname(X)[-1, ], sim$Y), "20 rows", class = "mnmash_error_dimension"
  )
  X[2, 2] <- Inf
  expect_error(univariate_sumstats(X, sim$Y), "row 2", class = "mnmash_error_not_finite")
})

test_that("missing genotypes get the mean of their column on request", {
  G <- matrix(c(0, 1, NA, 2, NA, NA), 3)
  block <- genotype_blocks(2, \(j) G[, j, drop = FALSE], impute = TRUE)(1)
  expect_equal(block, matrix(c(0, 1, 0.5, 2, 2, 2), 3))
  expect_error(genotype_blocks(3, \(j) G)(1), "3 columns", class = "mnmash_error_dimension")
})

test_that("simulated data have the moments they should", {
  sim <- simulate_mr_mash(
    4000, 30, 12, 4, r_causal = list(1:2, 3:4), B_cor = c(0.9, 0), B_scale = c(1, 2),
    pve = c(0.2, 0.5, 0.2, 0.2), X_cor = 0.5, V_cor = 0.3, intercepts = 1:4, seed = 3
  )
  expect_equal(mean(cor(sim$X)[upper.tri(diag(30))]), 0.5, tolerance = 0.05)
  expect_equal(cov2cor(sim$V)[1, 2], 0.3)
  signal <- apply(sim$X %*% sim$B, 2, var)
  expect_equal(unname(signal / (signal + diag(sim$V))), c(0.2, 0.5, 0.2, 0.2))
  expect_equal(sum(rowSums(sim$B != 0) > 0), 12)
  expect_true(all((sim$B[, 1] != 0) == (sim$B[, 2] != 0)))
  expect_true(all((sim$B[, 1] == 0) | (sim$B[, 3] == 0)))
  noise <- sim$Y - sim$X %*% sim$B - rep(1:4, each = 4000)
  expect_lt(max(abs(cov(noise) / sqrt(outer(diag(sim$V), diag(sim$V))) - cov2cor(sim$V))), 0.06)
  set.seed(1)
  before <- runif(1)
  set.seed(1)
  again <- simulate_mr_mash(
    4000, 30, 12, 4, r_causal = list(1:2, 3:4), B_cor = c(0.9, 0), B_scale = c(1, 2),
    pve = c(0.2, 0.5, 0.2, 0.2), X_cor = 0.5, V_cor = 0.3, intercepts = 1:4, seed = 3
  )
  expect_identical(again, sim)
  expect_identical(runif(1), before)
  expect_error(simulate_mr_mash(10, 5, 6, 1), "p_causal", class = "mnmash_error_argument")
})
