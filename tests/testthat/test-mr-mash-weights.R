# Problems of several sizes, correlations and residual covariances.
weight_problem <- function(i) {
  rho <- c(0, 0.5, 0.8, 0.95)[(i - 1) %% 4 + 1]
  r <- c(2, 3, 2, 3, 4)[(i - 1) %/% 4 + 1]
  mode <- c("full", "diagonal", "known", "factor", "full")[(i - 1) %% 5 + 1]
  sim <- simulate_mr_mash(
    n = 60 + 5 * i, p = c(30, 60)[i %% 2 + 1], p_causal = 5, r = r, pve = 0.4, X_cor = rho,
    X_pattern = "ar1", V_cor = c(0, 0.3, 0.6, 0.95)[i %/% 4 %% 4 + 1], B_cor = 0.6, seed = i
  )
  Y <- sim$Y
  if (i %% 7 == 0) Y[cbind(1:9, rep_len(1:r, 9))] <- NA
  if (mode == "factor" && r < 3) mode <- "full"
  U <- c(lapply(seq_len(r), \(k) diag(as.numeric(seq_len(r) == k))), list(matrix(1, r, r), diag(r)))
  grid <- mean(apply(Y, 2, sd, na.rm = TRUE)) / sqrt(nrow(Y)) * c(0.5, 1, 2, 4, 8)
  args <- list(sim$X, Y, U, grid = grid, residual = mode, covariance = "none")
  if (mode == "factor") args$rank <- 1
  if (mode == "known") args$V <- sim$V
  args
}

test_that("weights reach what very long expectation maximisation reaches, or better", {
  for (i in 1:20) {
    arguments <- weight_problem(i)
    slow <- list(w0_method = "em", tol = 0, tol_w0 = 0, max_iter = 4000)
    long <- do.call(mr_mash, c(arguments, slow))
    fit <- do.call(mr_mash, arguments)
    expect_true(fit$convergence$converged)
    expect_gt(fit$ELBO, long$ELBO - 0.01)
    expect_gt(min(diff(fit$trace$elbo)), -1e-9 * abs(fit$ELBO))
  }
})

test_that("with tolerances of zero all sweeps are made", {
  arguments <- weight_problem(1)
  fit <- do.call(mr_mash, c(arguments, list(tol = 0, tol_w0 = 0, max_iter = 300)))
  expect_identical(fit$convergence$iterations, 300)
  expect_false(fit$convergence$converged)
})
