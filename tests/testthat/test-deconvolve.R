test_that("deconvolved effects are the stated function of the fit", {
  sim <- regression_data(n = 100, p = 30, r = 3, rho = 0.8)
  Z <- rnorm(100)
  d <- deconvolve(sim$X, sim$Y, Z)
  W <- cbind(1, Z)
  X <- residuals(lm(sim$X ~ W))
  Y <- residuals(lm(sim$Y ~ W))
  squares <- colSums(X^2)
  expect_equal(
    unname(d$Bhat), unname(d$PosteriorMean + crossprod(X, Y - X %*% d$PosteriorMean) / squares),
    tolerance = 1e-8
  )
  expect_equal(unname(d$Shat), unname(sqrt(outer(1 / squares, d$sigma2))), tolerance = 1e-10)
  expect_equal(unname(d$V), unname(cor(Y - X %*% d$PosteriorMean)), tolerance = 1e-8)
  one <- mr_ash(sim$X, sim$Y[, 2], Z)
  expect_equal(d$Bhat[, 2], one$Bhat, tolerance = 1e-10)
  expect_equal(d$lfsr[, 2], lfsr(one), tolerance = 1e-10)
  expect_identical(deconvolve(sim$X, sim$Y, Z, n_threads = 1)$Bhat,
                   deconvolve(sim$X, sim$Y, Z, n_threads = 2)$Bhat)
})

test_that("at convergence the weights maximise the likelihood of the deconvolved effects", {
  for (rho in c(0.95, 0, 0.5, 0.8)) {
    sim <- regression_data(n = 150, p = 100, r = 2, rho = rho, seed = 10 * rho)
    check <- check_deconvolution(deconvolve(sim$X, sim$Y))
    expect_lt(max(check$gap), 1e-6)
    expect_gt(min(check$gap), -1e-9)
  }
  # Univariate effects do not have the property: far fewer of them look null.
  s <- univariate_sumstats(sim$X, sim$Y)
  d <- deconvolve(sim$X, sim$Y)
  null <- \(b, se) {
    grid <- autoselect_grid(list(Bhat = b, Shat = se))
    loglik <- sapply(c(0, grid), \(sd) dnorm(b, sd = sqrt(sd^2 + se^2), log = TRUE))
    mixture_weights(loglik, "uniform")$pi[1]
  }
  expect_gt(null(d$Bhat[, 1], d$Shat[, 1]), 0.7)
  expect_lt(null(s$Bhat[, 1], s$Shat[, 1]), 0.5)
  expect_output(print(check), "Largest gap")
  one <- mr_ash(sim$X, sim$Y[, 1], prior = "nullbiased", standardize = TRUE)
  expect_lt(check_deconvolution(one)$gap, 1e-6)
  rough <- suppressWarnings(mr_ash(sim$X, sim$Y[, 1], method = "em", max_iter = 3))
  expect_gt(check_deconvolution(rough)$gap, 1e-3)
})

test_that("orthogonal predictors: deconvolved effects are the univariate ones", {
  X <- qr.Q(qr(cbind(1, matrix(rnorm(60 * 10), 60))))[, -1] * 7
  Y <- X[, 1:2] + matrix(rnorm(120), 60)
  d <- deconvolve(X, Y)
  expect_equal(unname(d$Bhat), unname(univariate_sumstats(X, Y)$Bhat), tolerance = 1e-10)
})

test_that("conditions may have samples of their own", {
  sim <- regression_data(n = 100, p = 20, r = 3)
  Y <- sim$Y
  Y[1:20, 1] <- NA
  Y[50, 3] <- NA
  d <- deconvolve(sim$X, Y)
  alone <- mr_ash(sim$X[-(1:20), ], Y[-(1:20), 1])
  expect_equal(d$Bhat[, 1], alone$Bhat, tolerance = 1e-10)
  expect_equal(d$Shat[, 1], alone$Shat, tolerance = 1e-10)
  E <- sapply(d$fits, \(f) {
    e <- rep(NA, 100)
    e[f$rows] <- residuals(f)
    e
  })
  expect_equal(unname(d$V), unname(cor(E, use = "pairwise")), tolerance = 1e-10)
  mean <- deconvolve(sim$X, Y, init = "mean", order = "marginal")
  expect_equal(mean$Bhat, d$Bhat, tolerance = 0.1)
  Y[, 2] <- NA
  expect_error(deconvolve(sim$X, Y), "column 2", class = "mnmash_error_missing")
})

test_that("mash takes deconvolved effects as they are", {
  sim <- regression_data(n = 100, p = 30, r = 3)
  X <- sim$X
  X[, 4] <- 1
  d <- deconvolve(X, sim$Y)
  expect_true(all(is.na(d$Bhat[4, ])))
  data <- mash_set_data(d)
  expect_identical(rownames(data$Bhat), colnames(X)[-4])
  expect_equal(data$Shat, d$Shat[-4, ])
  expect_equal(data$V, d$V)
  expect_equal(mash_set_data(d, V = diag(3))$V, diag(3))
  expect_error(mash_set_data(d, d$Shat), "part of", class = "mnmash_error_argument")
  expect_output(print(d), "29|30 predictors in 3 conditions")
})

test_that("summary statistics give the same deconvolved effects", {
  sim <- regression_data(n = 100, p = 30, r = 3, rho = 0.7)
  s <- univariate_sumstats(sim$X, sim$Y)
  for (init in c("none", "mean")) {
    d <- deconvolve(sim$X, sim$Y, init = init)
    rss <- deconvolve_rss(
      s$Bhat, s$Shat, R = cor(sim$X), n = 100, cov_Y = cov(sim$Y), init = init
    )
    for (what in c("Bhat", "Shat", "V", "PosteriorMean", "lfsr")) {
      expect_lt(max(abs(rss[[what]] - d[[what]])), 1e-9)
    }
  }
  z <- s$Bhat / s$Shat
  scaled <- deconvolve(scale(sim$X), scale(sim$Y))
  rss <- deconvolve_rss(z = z, R = cor(sim$X), n = 100, cov_Y = cov(sim$Y))
  expect_equal(unname(rss$Bhat), unname(scaled$Bhat), tolerance = 1e-8)
  expect_equal(unname(rss$V), unname(scaled$V), tolerance = 1e-8)
  expect_lt(max(check_deconvolution(rss)$gap), 1e-3)
  expect_error(
    deconvolve_rss(z = z, R = cor(sim$X), n = 100, init = "mean"), "covY",
    class = "mnmash_error_argument"
  )
})

test_that("all conditions together: the same effects' formula, and the same theorem", {
  sim <- regression_data(n = 100, p = 40, r = 2, rho = 0.5)
  Z <- rnorm(100)
  U <- list(same = matrix(1, 2, 2), own = diag(2))
  d <- deconvolve(
    sim$X, sim$Y, Z, "mnm", prior = U, grid = c(0.2, 1)
  )
  W <- cbind(1, Z)
  X <- residuals(lm(sim$X ~ W))
  Y <- residuals(lm(sim$Y ~ W))
  squares <- colSums(X^2)
  expect_equal(
    unname(d$Bhat), unname(d$PosteriorMean + crossprod(X, Y - X %*% d$PosteriorMean) / squares),
    tolerance = 1e-8
  )
  expect_equal(unname(d$Shat^2 * squares), matrix(diag(d$fit$V), 40, 2, TRUE), tolerance = 1e-8)
  expect_lt(check_deconvolution(d)$gap, 1e-6)
  expect_equal(unname(mash_set_data(d)$V), unname(cov2cor(d$fit$V)))
})

test_that("all conditions together, with missing responses: generalised least squares", {
  sim <- regression_data(n = 60, p = 12, r = 3, rho = 0.5)
  Z <- rnorm(60)
  Y <- sim$Y
  Y[1:20, 1] <- NA
  Y[c(3, 40), 2] <- NA
  Y[50, ] <- NA
  U <- list(same = matrix(1, 3, 3), own = diag(3))
  d <- deconvolve(sim$X, Y, Z, "mnm", prior = U, grid = c(0.2, 1), tol = 1e-10)
  # Slowly: one predictor, intercept and covariate of each condition, all observed cells at once.
  cells <- which(!is.na(Y), arr.ind = TRUE)
  Sigma <- outer(seq_len(nrow(cells)), seq_len(nrow(cells)), \(a, b) {
    ifelse(cells[a, 1] == cells[b, 1], d$fit$V[cbind(cells[a, 2], cells[b, 2])], 0)
  })
  inverse <- solve(Sigma)
  for (j in c(1, 7)) {
    rest <- Y - sim$X[, -j] %*% d$PosteriorMean[-j, ]
    W <- cbind(sim$X[, j], 1, Z)
    design <- do.call(cbind, lapply(1:3, \(a) {
      t(vapply(seq_len(nrow(cells)), \(i) W[cells[i, 1], a] * (1:3 == cells[i, 2]), numeric(3)))
    }))
    covariance <- solve(crossprod(design, inverse %*% design))
    estimate <- covariance %*% crossprod(design, inverse %*% rest[cells])
    expect_equal(unname(d$Bhat[j, ]), estimate[1:3], tolerance = 1e-5)
    expect_equal(unname(d$Shat[j, ]), sqrt(diag(covariance))[1:3], tolerance = 1e-8)
    expect_lt(max(abs(d$V - cov2cor(covariance[1:3, 1:3]))), 0.05)
  }
  expect_lt(check_deconvolution(d)$gap, 1e-6)
  # A third of the first condition is missing, and its effects are known less well.
  full <- deconvolve(sim$X, sim$Y, Z, "mnm", prior = U, grid = c(0.2, 1))
  expect_gt(median(d$Shat[, 1] / full$Shat[, 1]), 1.1)
  skip_if_not_installed("Matrix")
  sparse <- deconvolve(
    Matrix::Matrix(sim$X, sparse = TRUE), Y, Z, "mnm", prior = U, grid = c(0.2, 1), tol = 1e-10
  )
  expect_equal(sparse$Bhat, d$Bhat, tolerance = 1e-8)
})

test_that("weights are pooled over regions, to the optimum of all of them", {
  regions <- lapply(c(a = 1, b = 2, c = 3, d = 4), \(seed) {
    sim <- regression_data(n = 80, p = 40, rho = 0.5, seed = seed)
    list(X = sim$X, y = sim$Y)
  })
  pooled <- pool_weights(regions, tol = 1e-9)
  expect_true(pooled$converged)
  expect_true(all(diff(pooled$elbo) > -1e-7))
  # No weights are better for the deconvolved effects of all regions.
  loglik <- do.call(rbind, lapply(pooled$fits, \(f) {
    sapply(f$sigma2 * f$sa2, \(v) dnorm(f$Bhat, sd = sqrt(v + f$Shat^2), log = TRUE))
  }))
  at <- \(pi) sum(log(exp(loglik - apply(loglik, 1, max)) %*% pi))
  best <- mixture_weights(loglik, "uniform")$pi
  expect_lt(at(best) - at(pooled$pi), 1e-5)
  one <- pool_weights(regions["a"], sa2 = pooled$sa2, tol = 1e-9)
  alone <- mr_ash(regions$a$X, regions$a$y, sa2 = pooled$sa2, tol = 1e-12)
  expect_equal(one$elbo[length(one$elbo)], alone$elbo, tolerance = 1e-4)
})

test_that("weights of several conditions are pooled as one fit of all regions has them", {
  U <- list(same = matrix(1, 2, 2), own = diag(2))
  regions <- lapply(c(a = 1, b = 2, c = 3), \(seed) {
    sim <- regression_data(n = 60, p = 20, r = 2, rho = 0.5, seed = seed)
    list(X = scale(sim$X, scale = FALSE), Y = scale(sim$Y, scale = FALSE))
  })
  settings <- list(
    prior = U, grid = c(0.2, 0.5), residual = "identity", intercept = FALSE, standardize = FALSE
  )
  pooled <- do.call(pool_weights, c(list(regions, mr_mash, tol = 1e-10), settings))
  expect_true(pooled$converged)
  expect_true(all(diff(pooled$elbo) > -1e-7))
  # With the same known residual covariance, regions are blocks of one regression.
  X <- matrix(0, 180, 60)
  for (k in 1:3) X[60 * (k - 1) + 1:60, 20 * (k - 1) + 1:20] <- regions[[k]]$X
  Y <- do.call(rbind, lapply(regions, `[[`, "Y"))
  one <- do.call(mr_mash, c(list(X, Y, tol = 1e-10), settings))
  expect_equal(pooled$elbo[length(pooled$elbo)], one$ELBO, tolerance = 1e-7)
  expect_equal(pooled$pi, one$w0, tolerance = 1e-3)
  mu1 <- do.call(rbind, lapply(pooled$fits, `[[`, "mu1"))
  expect_equal(unname(mu1), unname(one$mu1), tolerance = 1e-3)
  # Each region with its own residual covariance: no weights are better for the effects of all.
  pooled <- pool_weights(regions, mr_mash, prior = U, grid = c(0.2, 0.5), tol = 1e-9)
  loglik <- do.call(rbind, lapply(pooled$fits, \(f) {
    t(vapply(1:20, \(j) {
      b <- f$statistics[j, ] / f$precision[j]
      vapply(f$S0, \(S) {
        C <- S + f$V / f$precision[j]
        -0.5 * (c(determinant(C)$modulus) + sum(b * solve(C, b)))
      }, 0)
    }, numeric(5)))
  }))
  at <- \(pi) sum(log(exp(loglik - apply(loglik, 1, max)) %*% pi))
  expect_lt(at(mixture_weights(loglik, "uniform")$pi) - at(pooled$pi), 1e-5)
  expect_error(pool_weights(regions, mr_mash, sa2 = 1), "sa2", class = "mnmash_error_argument")
})
