ash_case <- function(name, ...) {
  i <- reference_case(name)$input
  suppressWarnings(mr_ash(i$X, i$y, sa2 = i$sa2, standardize = i$standardize, ...))
}

test_that("sweeps, weights and variance are those of the stored cases", {
  for (name in c("mrash_ld09", "mrash_std")) {
    case <- reference_case(name)
    input <- case$input
    output <- case$output
    for (run in grep("fixed_sweeps", names(output), value = TRUE)) {
      fit <- ash_case(
        name, pi = input$pi_init, sigma2 = input$sigma2_init, update_pi = FALSE,
        update_sigma2 = FALSE, tol = 0, max_iter = output[[run]]$iter
      )
      expect_lt(max(abs(fit$beta - output[[run]]$beta)), 1e-9)
      expect_lt(abs(fit$elbo - output[[run]]$elbo_exact), 1e-8)
    }
    fit <- ash_case(
      name, pi = input$pi_init, sigma2 = input$sigma2_init, update_pi = FALSE,
      update_sigma2 = FALSE, tol = 1e-16, max_iter = 1000
    )
    expect_lt(max(abs(fit$beta - output$fixed_converged$beta)), 1e-6)
    fit <- ash_case(
      name, pi = input$pi_init, sigma2 = input$sigma2_init, method = "em", tol = 0, max_iter = 20
    )
    expect_lt(max(abs(fit$beta - output$em_sweeps20$beta)), 1e-8)
    expect_lt(max(abs(fit$pi - output$em_sweeps20$pi)), 1e-8)
    expect_lt(abs(fit$sigma2 - output$em_sweeps20$sigma2), 1e-8)
  }
})

test_that("estimates converge to those of the stored cases, in far fewer sweeps", {
  for (name in c("mrash_ld09", "mrash_std")) {
    expected <- reference_case(name)$output$em_pi_sigma2
    fit <- ash_case(name, tol = 1e-13)
    expect_true(fit$converged)
    expect_lt(max(abs(fit$beta - expected$beta)), 1e-6)
    expect_lt(max(abs(fit$pi - expected$pi)), 1e-6)
    expect_lt(abs(fit$sigma2 - expected$sigma2), 1e-6)
    expect_lt(fit$iterations, expected$iter / 10)
    expect_true(all(diff(fit$trace$elbo) > -1e-9))
  }
  expected <- reference_case("mrash_ld09")$output$deconvolved_em
  fit <- ash_case("mrash_ld09", tol = 1e-13)
  expect_lt(max(abs(fit$Bhat - expected$btilde)), 1e-6)
  expect_lt(max(abs(fit$Shat - expected$shat)), 1e-6)
  expect_lt(
    max(abs(fit$lfdr - reference_case("mrash_ld09")$output$em_pi_sigma2$lfdr)), 1e-6
  )
})

test_that("orthogonal predictors: inclusion, means, deviations and evidence by enumeration", {
  case <- reference_case("oracle_spikeslab_p8")
  input <- case$input
  fit_of <- function(X) {
    mr_ash(
      X, input$y, sa2 = c(0, 1 / input$slab_precision), pi = c(1 - input$pi, input$pi),
      sigma2 = input$sigma2, scaled_prior = FALSE, update_pi = FALSE, update_sigma2 = FALSE,
      intercept = FALSE, tol = 1e-14
    )
  }
  fit <- fit_of(input$X_orthogonal)
  exact <- case$output$orthogonal
  expect_lt(max(abs(1 - fit$lfdr - exact$pip)), 1e-10)
  expect_lt(max(abs(fit$beta - exact$mean)), 1e-10)
  expect_lt(max(abs(fit$posterior_sd - exact$sd)), 1e-9)
  expect_lt(abs(fit$elbo - exact$log_evidence), 1e-9)
  fit <- fit_of(input$X)
  expect_lt(fit$elbo, case$output$correlated$log_evidence)
  expect_gt(fit$elbo, case$output$correlated$log_evidence - 1)
})

test_that("units of the predictors and of the response do not matter", {
  sim <- regression_data()
  fit <- mr_ash(sim$X, sim$Y)
  other <- mr_ash(sim$X * 1e-4, sim$Y * 300 - 5)
  expect_equal(other$beta * 1e-4 / 300, fit$beta, tolerance = 1e-8)
  expect_equal(other$pi, fit$pi, tolerance = 1e-8)
  expect_equal(other$lfsr, fit$lfsr, tolerance = 1e-8)
  # Each column its own unit, with standardize.
  unit <- exp(rnorm(40))
  one <- mr_ash(sim$X, sim$Y, standardize = TRUE)
  two <- mr_ash(sim$X * rep(unit, each = 80), sim$Y, standardize = TRUE)
  expect_equal(two$beta * unit, one$beta, tolerance = 1e-8)
  expect_equal(two$posterior_sd * unit, one$posterior_sd, tolerance = 1e-8)
  scaled <- mr_ash(scale(sim$X), sim$Y)
  expect_equal(scaled$beta / apply(sim$X, 2, sd), one$beta, tolerance = 1e-7)
})

test_that("covariates are regressed out of everything, factors and collinear ones too", {
  sim <- regression_data()
  set.seed(2)
  Z <- data.frame(a = rnorm(80), site = factor(sample(3, 80, TRUE)))
  Z$twice <- 2 * Z$a
  y <- sim$Y + 3 * Z$a - 2 * (Z$site == 2)
  fit <- mr_ash(sim$X, y, Z)
  W <- model.matrix(~ a + site, Z)
  by_hand <- mr_ash(residuals(lm(sim$X ~ W)), residuals(lm(y ~ W)), intercept = FALSE)
  expect_equal(fit$beta, by_hand$beta, tolerance = 1e-7)
  expect_equal(fit$elbo, by_hand$elbo, tolerance = 1e-9)
  left <- y - sim$X %*% fit$beta
  expect_equal(unname(fit$covariates), unname(coef(lm(left ~ a + site + twice, Z))),
               tolerance = 1e-9)
  expect_true(is.na(fit$covariates[["twice"]]))
  expect_equal(unname(predict(fit, sim$X, Z)), unname(fitted(fit)), tolerance = 1e-10)
  expect_equal(unname(residuals(fit)), unname(drop(y) - fitted(fit)))
  expect_error(predict(fit, sim$X), "`covariates` is needed", class = "mnmash_error_argument")
})

test_that("sparse predictors give the fit of the dense matrix", {
  skip_if_not_installed("Matrix")
  set.seed(3)
  G <- matrix(rbinom(100 * 30, 2, 0.1), 100, dimnames = list(NULL, paste0("v", 1:30)))
  G[, 7] <- 0
  y <- G[, 3] - G[, 20] + rnorm(100) + 5
  Z <- matrix(rnorm(200), 100)
  for (standardize in c(FALSE, TRUE)) {
    dense <- mr_ash(G, y, Z, standardize = standardize)
    sparse <- mr_ash(Matrix::Matrix(G, sparse = TRUE), y, Z, standardize = standardize)
    expect_equal(sparse$beta, dense$beta, tolerance = 1e-8)
    expect_equal(sparse$lfsr, dense$lfsr, tolerance = 1e-8)
    expect_equal(fitted(sparse), fitted(dense), tolerance = 1e-8)
  }
  expect_identical(dense$beta[["v7"]], 0)
  expect_true(is.na(dense$Bhat[["v7"]]))
  blocks <- genotype_blocks(30, \(j) G[, j, drop = FALSE], size = 11)
  expect_equal(mr_ash(blocks, y)$beta, mr_ash(G, y)$beta)
})

test_that("summary statistics give the fit of the individual-level data", {
  sim <- regression_data(rho = 0.8)
  s <- univariate_sumstats(sim$X, sim$Y)
  y <- drop(sim$Y)
  R <- cor(sim$X)
  one <- mr_ash(sim$X, y)
  two <- mr_ash_rss(s$Bhat, s$Shat, R = R, n = 80, var_y = var(y))
  expect_lt(max(abs(two$beta - one$beta)), 1e-9)
  expect_lt(max(abs(two$pi - one$pi)), 1e-9)
  expect_lt(abs(two$elbo - one$elbo), 1e-7)
  expect_equal(two[c("lfsr", "Bhat", "Shat", "pve")], one[c("lfsr", "Bhat", "Shat", "pve")],
               tolerance = 1e-8)
  # Standardised data, and effects scaled back.
  one <- mr_ash(scale(sim$X), scale(y))
  two <- mr_ash_rss(z = s$Bhat / s$Shat, R = R, n = 80)
  expect_lt(max(abs(two$beta - one$beta)), 1e-9)
  three <- mr_ash_rss(s$Bhat, s$Shat, R = R, n = 80)
  expect_equal(three$beta, one$beta * sd(y) / apply(sim$X, 2, sd), tolerance = 1e-8)
  standardized <- mr_ash_rss(s$Bhat, s$Shat, R = R, n = 80, var_y = var(y), standardize = TRUE)
  expect_equal(standardized$beta, mr_ash(sim$X, y, standardize = TRUE)$beta, tolerance = 1e-8)
  skip_if_not_installed("Matrix")
  sparse <- Matrix::Matrix(R * (abs(R) > 0.2), sparse = TRUE)
  expect_equal(
    mr_ash_rss(z = s$Bhat / s$Shat, R = sparse, n = 80, check_R = FALSE, R_shrink = 0.3)$beta,
    mr_ash_rss(
      z = s$Bhat / s$Shat, R = as.matrix(sparse), n = 80, check_R = FALSE, R_shrink = 0.3
    )$beta,
    tolerance = 1e-9
  )
})

test_that("without a sample size the likelihood is that of effects with known errors", {
  set.seed(4)
  p <- 12
  R <- 0.5^abs(outer(1:p, 1:p, "-"))
  s <- runif(p, 0.5, 2)
  bhat <- drop(s * (t(chol(R)) %*% rnorm(p))) + c(3, rep(0, p - 1))
  fit <- mr_ash_rss(bhat, s, R = R, sa2 = 1.5, pi = 1, update_pi = FALSE, tol = 1e-16)
  # One normal component: the posterior mean is linear.
  P <- solve(diag(s) %*% R %*% diag(s))
  A <- diag(s) %*% R %*% diag(1 / s)
  exact <- solve(t(A) %*% P %*% A + diag(p) / 1.5, t(A) %*% P %*% bhat)
  expect_equal(fit$beta, drop(exact), tolerance = 1e-7)
})

test_that("matrices that are no correlations are errors that say so", {
  z <- rnorm(3)
  R <- diag(3)
  expect_error(mr_ash_rss(z = z, R = R[1:2, 1:2], n = 50), "2 predictors, but the data have 3",
               class = "mnmash_error_dimension")
  expect_error(mr_ash_rss(z = z, R = 2 * R, n = 50), "diagonal", class = "mnmash_error_value")
  R[1, 2] <- 0.5
  expect_error(mr_ash_rss(z = z, R = R, n = 50), "symmetric", class = "mnmash_error_asymmetric")
  R <- matrix(c(1, .9, -.9, .9, 1, .9, -.9, .9, 1), 3)
  expect_error(mr_ash_rss(z = z, R = R, n = 50), "LD_shrink", class = "mnmash_error_not_psd")
  expect_s3_class(mr_ash_rss(z = z, R = R, n = 50, R_shrink = 0.9), "mr_ash")
  expect_error(mr_ash_rss(z = c(1, NA, 2), R = diag(3), n = 50), "row 2",
               class = "mnmash_error_missing")
})

test_that("bad input is named", {
  sim <- regression_data(n = 20, p = 5)
  X <- sim$X
  X[3, 2] <- NA
  expect_error(mr_ash(X, sim$Y), "row 3 .*column 2", class = "mnmash_error_missing")
  expect_error(mr_ash(sim$X, sim$Y[-1]), "19 rows", class = "mnmash_error_dimension")
  expect_error(mr_ash(sim$X, rep(1, 20)), "no variation", class = "mnmash_error_value")
  expect_error(mr_ash(sim$X * 0, sim$Y), "no column", class = "mnmash_error_value")
  expect_error(mr_ash(sim$X, sim$Y, order = c(1, 1:4)), "permutation")
  expect_error(mr_ash(sim$X, sim$Y, sa2 = c(1, 1)), "distinct")
  expect_error(mr_ash(sim$X, sim$Y, sa2 = 0:1, pi = 1), "2 weights")
  expect_error(mr_ash(sim$X, sim$Y, beta_init = 1), "beta_init")
  expect_error(mr_ash(sim$X, sim$Y, Z = diag(20)), "explain everything")
  expect_warning(mr_ash(sim$X, sim$Y, max_iter = 1), class = "mnmash_warning_convergence")
})

test_that("starts and orders are used", {
  sim <- regression_data(rho = 0)
  fit <- mr_ash(sim$X, sim$Y)
  again <- mr_ash(
    sim$X, sim$Y, sa2 = fit$sa2, pi = fit$pi, sigma2 = fit$sigma2, beta_init = fit$beta
  )
  expect_lt(again$iterations, 10)
  expect_equal(again$beta, fit$beta, tolerance = 1e-3)
  marginal <- mr_ash(sim$X, sim$Y, order = "marginal")
  expect_equal(marginal$elbo, fit$elbo, tolerance = 1e-4)
  expect_equal(mr_ash(sim$X, sim$Y, beta_init = fit$beta)$elbo, fit$elbo, tolerance = 1e-3)
})

test_that("methods say what was found", {
  sim <- regression_data()
  fit <- mr_ash(sim$X, sim$Y)
  expect_named(coef(fit), c("(Intercept)", colnames(sim$X)))
  expect_equal(
    unname(predict(fit, sim$X[1:2, ])),
    unname(drop(sim$X[1:2, ] %*% fit$beta) + fit$covariates[[1]])
  )
  expect_equal(unname(predict(fit)), unname(fitted(fit)))
  expect_identical(predict(fit, sim$X[, 40:1]), predict(fit, sim$X))
  expect_s3_class(logLik(fit), "logLik")
  expect_identical(lfsr(fit), fit$lfsr)
  expect_output(print(fit), "40 predictors and 80 samples")
  expect_output(print(summary(fit)), "explain")
  expect_gt(fit$pve, 0.2)
  expect_lt(fit$pve, 0.7)
  skip_if_not_installed("ggplot2")
  for (which in c("trace", "coefficients", "prior")) {
    expect_s3_class(ggplot2::ggplot_build(plot(fit, which)), "ggplot_built")
  }
})

test_that("the grid grows when the largest variance is wanted", {
  set.seed(5)
  n <- 100
  X <- matrix(rnorm(n * 20), n)
  # Two predictors that cancel: small alone, large together.
  X[, 2] <- X[, 1] + 0.05 * X[, 2]
  y <- 40 * (X[, 2] - X[, 1]) + 0.01 * rnorm(n)
  fit <- mr_ash(X, y, max_iter = 5000)
  expect_lt(fit$pi[length(fit$pi)], 1e-3)
})
