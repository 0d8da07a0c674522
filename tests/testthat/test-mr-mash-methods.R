problem <- function(n = 80, p = 6, r = 2, seed = 4) {
  withr::local_seed(seed)
  X <- matrix(rnorm(n * p), n, dimnames = list(NULL, letters[1:p]))
  B <- matrix(0, p, r)
  B[2, ] <- c(1, 0.8)
  Y <- X %*% B + matrix(rnorm(n * r), n) + 3
  colnames(Y) <- c("liver", "lung")[seq_len(r)]
  list(X = X, Y = Y, prior = list(shared = matrix(1, r, r), own = diag(r)))
}

test_that("coefficients, predictions and residuals fit together", {
  d <- problem()
  fit <- mr_mash(d$X, d$Y, d$prior, grid = c(0.1, 1))
  expect_equal(dimnames(coef(fit)), list(c("(Intercept)", letters[1:6]), c("liver", "lung")))
  expect_equal(predict(fit, d$X), cbind(1, d$X) %*% coef(fit), ignore_attr = TRUE)
  expect_equal(fitted(fit), predict(fit, d$X))
  expect_equal(residuals(fit), d$Y - fitted(fit))
  expect_equal(predict(fit, d$X[3, ]), fitted(fit)[3, , drop = FALSE], ignore_attr = TRUE)
  expect_error(predict(fit, d$X[, 1:3]), class = "mnmash_error_names")
  expect_error(predict(fit, unname(d$X)[, 1:3]), class = "mnmash_error_dimension")
  expect_identical(predict(fit, d$X[, 6:1]), predict(fit, d$X))
  expect_equal(fit$pve, diag(cov(fitted(fit))) / (diag(cov(fitted(fit))) + diag(fit$V)))
  expect_true(all(lfsr(fit) >= 0 & lfsr(fit) <= 1))
  expect_lt(max(lfsr(fit)["b", ]), 1e-6)
  l <- logLik(fit)
  expect_equal(as.numeric(l), fit$ELBO)
  expect_equal(attr(l, "df"), 3 + sum(fit$w0 > 0) - 1 + 2)
  expect_output(print(fit), "2 responses on 6 predictors, 80 samples")
  expect_output(print(summary(fit)), "weights by covariance")
  by_matrix <- summary(fit)$weights
  expect_setequal(names(by_matrix), c("null", "shared", "own"))
  expect_equal(sum(by_matrix), 1)
  expect_equal(by_matrix[["shared"]], sum(fit$w0[c("shared_grid1", "shared_grid2")]))
})

test_that("the prior of a fit goes on as a prior", {
  d <- problem()
  fit <- mr_mash(d$X, d$Y, d$prior, grid = c(0.1, 1))
  prior <- as_prior(fit)
  expect_s3_class(prior, "mnmash_prior")
  expect_equal(prior$null_weight, fit$w0[["null"]])
  again <- mr_mash(
    d$X, d$Y, prior,
    V = fit$V, residual = "known", update_w0 = FALSE, B_init = fit$mu1, tol = 1e-10
  )
  expect_equal(again$mu1, fit$mu1, tolerance = 1e-3)
})

test_that("pictures can be drawn", {
  skip_if_not_installed("ggplot2")
  d <- problem()
  fit <- mr_mash(d$X, d$Y, d$prior, grid = c(0.1, 1))
  for (which in c("trace", "coefficients")) {
    expect_silent(ggplot2::ggplot_build(plot(fit, which)))
  }
})

test_that("one response, one predictor and constant predictors work", {
  d <- problem()
  X <- cbind(d$X, k = 7)
  fit <- mr_mash(X, d$Y, d$prior, grid = c(0.1, 1), covariance = "full")
  without <- mr_mash(d$X, d$Y, d$prior, grid = c(0.1, 1))
  expect_equal(fit$mu1[7, ], c(liver = 0, lung = 0))
  expect_equal(fit$mu1[1:6, ], without$mu1, tolerance = 1e-3)
  expect_equal(fit$lfsr[7, ], c(liver = 0.5, lung = 0.5))
  expect_equal(
    fit$S1[, , 7], Reduce(`+`, Map(`*`, fit$w0, fit$S0)), ignore_attr = TRUE
  )
  one <- mr_mash(d$X, d$Y[, 1], list(matrix(1)), grid = c(0.1, 1))
  expect_equal(dim(coef(one)), c(7L, 1L))
  single <- mr_mash(d$X[, 2, drop = FALSE], d$Y, d$prior, grid = c(0.1, 1))
  expect_equal(dim(coef(single)), c(2L, 2L))
})

test_that("sparse predictors are converted", {
  skip_if_not_installed("Matrix")
  d <- problem()
  X <- d$X * (abs(d$X) > 1)
  a <- mr_mash(Matrix::Matrix(X, sparse = TRUE), d$Y, d$prior, grid = 1)
  expect_equal(a$mu1, mr_mash(X, d$Y, d$prior, grid = 1)$mu1)
})

test_that("the number of threads does not matter, to the last bit", {
  withr::local_seed(8)
  n <- 600
  p <- 150
  r <- 16
  X <- matrix(rnorm(n * p), n)
  Y <- matrix(rnorm(n * r), n) + X[, 1:4] %*% matrix(0.2, 4, r)
  Y[sample(length(Y), 20)] <- NA
  prior <- list(shared = matrix(1, r, r), own = diag(r))
  fits <- lapply(1:2, \(threads) mr_mash(X, Y, prior, grid = c(0.05, 0.2), n_threads = threads))
  for (what in c("mu1", "w0", "V", "trace", "psd", "lfsr")) {
    expect_identical(fits[[1]][[what]], fits[[2]][[what]], label = what)
  }
})

test_that("bad input is refused by name", {
  d <- problem()
  fit <- function(X = d$X, Y = d$Y, ...) mr_mash(X, Y, ...)
  good <- list(prior = d$prior, grid = 1)
  expect_error(fit(), class = "mnmash_error_argument")
  bad <- d$X
  bad[2, 3] <- NA
  expect_error(fit(bad, prior = d$prior), "row 2, column 3", class = "mnmash_error_missing")
  expect_error(fit(Y = d$Y[-1, ], prior = d$prior), class = "mnmash_error_dimension")
  expect_error(fit(prior = list(diag(3))), class = "mnmash_error_dimension")
  expect_error(fit(prior = list(diag(c(1, -1)))), class = "mnmash_error_not_psd")
  expect_error(fit(prior = d$prior, w0 = c(1, -1)), "element 2", class = "mnmash_error_value")
  expect_error(fit(prior = d$prior, w0 = 1), "2 numbers", class = "mnmash_error_argument")
  expect_error(fit(prior = d$prior, residual = "known"), "`V`", class = "mnmash_error_argument")
  expect_error(
    fit(prior = d$prior, residual = "lowrank"), "`rank`", class = "mnmash_error_argument"
  )
  expect_error(
    fit(prior = d$prior, residual = "lowrank", rank = 2), class = "mnmash_error_argument"
  )
  expect_error(fit(prior = d$prior, V = diag(c(1, 0))), class = "mnmash_error_not_psd")
  expect_error(
    fit(prior = d$prior, order = c(1, 1:5)), "permutation", class = "mnmash_error_argument"
  )
  expect_error(
    fit(prior = d$prior, B_init = diag(2)), "2 predictors", class = "mnmash_error_dimension"
  )
  gone <- d$Y
  gone[-1, 2] <- NA
  expect_error(fit(Y = gone, prior = d$prior), "lung", class = "mnmash_error_missing")
  # No residual is left with as many predictors as that: the covariance has no bound.
  expect_error(
    mr_mash(d$X[1:3, ], cbind(d$Y, d$Y)[1:3, ], prior = list(diag(4)), grid = 1),
    "`Y`: the covariance of its 4 responses in 3 samples is singular.*`residual`",
    class = "mnmash_error_not_psd"
  )
})
