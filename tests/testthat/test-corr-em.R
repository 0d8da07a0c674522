case <- reference_case("nullcor_em_R4")
data <- mash_set_data(case$input$Bhat, case$input$Shat)

# E[e e'] for all conditions of a unit, straight from the joint normal of errors and observations,
# component by component, averaged over units.
slow_error_moment <- function(data, components, weights) {
  R <- ncol(data$Bhat)
  loglik <- slow_loglik(data, components)
  total <- matrix(0, R, R)
  for (j in seq_len(nrow(data$Bhat))) {
    o <- slow_observed(data, j)
    S <- diag(data$Shat[j, ], R)
    w <- exp(loglik[j, ] + log(weights) - slow_log_sum_exp(loglik[j, ] + log(weights)))
    for (p in which(w > 0)) {
      covariance <- (S %*% data$V %*% S + components[[p]])[o, o, drop = FALSE]
      gain <- (data$V %*% S)[, o, drop = FALSE] %*% solve(covariance)
      mean <- drop(gain %*% data$Bhat[j, o])
      spread <- data$V - gain %*% (S %*% data$V)[o, , drop = FALSE]
      total <- total + w[p] * (tcrossprod(mean) + spread)
    }
  }
  total / nrow(data$Bhat)
}

for (stored in case$output) {
  test_that(paste("iterations are those of the reference:", stored$max_iter), {
    found <- mash_estimate_corr_em(data, case$input$Ulist, max_iter = stored$max_iter, tol = 1e-4)
    expect_equal(found$niter, stored$max_iter)
    expect_lt(max(abs(found$V - stored$V)), 1e-4)
    seen <- seq_along(stored$loglik)
    expect_lt(max(abs(found$loglik[seen] - stored$loglik)), 1e-3)
    expect_gt(min(found$loglik[seen] - stored$loglik), -1e-6)
    expect_gt(found$mash.model$loglik - stored$model_loglik, -1e-6)
    expect_lt(max(abs(get_pm(found$mash.model) - stored$PosteriorMean)), 1e-3)
  })
}

test_that("the log-likelihood never falls, and the ending is said", {
  found <- mash_estimate_corr_em(data, case$input$Ulist, max_iter = 100, tol = 0.01)
  expect_true(all(diff(found$loglik) > 0))
  expect_length(found$loglik, found$niter + 1)
  expect_true(found$converged)
  expect_match(found$message, "tol")
  expect_identical(found$loglik[found$niter + 1], found$mash.model$loglik)
  expect_equal(diag(found$V), rep(1, 4), ignore_attr = TRUE)
  stopped <- mash_estimate_corr_em(data, case$input$Ulist, max_iter = 1, tol = 0)
  expect_false(stopped$converged)
  expect_match(stopped$message, "max_iter")
})

test_that("one update is the mean posterior moment of the errors, missing cells included", {
  for (missing in c(0, 0.3)) {
    for (alpha in c(0, 1)) {
      few <- random_data(3, J = 25, missing = missing, alpha = alpha, V = correlated(3))
      U <- small_prior(3)
      found <- mash_estimate_corr_em(
        few, U, init = correlated(3), max_iter = 1, tol = 0, est_cor = FALSE, grid = c(0.5, 2),
        prior = "uniform", track_fit = TRUE
      )
      g <- found$trace[[1]]$mash.model$fitted_g
      expected <- slow_error_moment(few, slow_components(g$Ulist, g$grid), g$pi)
      expect_equal(unname(found$V), expected, tolerance = 1e-8)
    }
  }
})

test_that("correlations are not attenuated by missing cells", {
  set.seed(1)
  V <- correlated(4) + 0.2 * (1 - diag(4))
  X <- matrix(rnorm(4000 * 4), 4000) %*% chol(V)
  X[matrix(runif(length(X)) < 0.3, 4000)] <- NA
  X <- X[rowSums(!is.na(X)) > 0, ]
  holes <- mash_set_data(X)
  found <- mash_estimate_corr_em(
    holes, list(single = diag(c(1, 0, 0, 0))), max_iter = 100, tol = 0.001
  )
  # three standard errors of a correlation from the half of the rows that have both
  expect_lt(max(abs(found$V - V)), 3 / sqrt(0.49 * 4000))
})

test_that("the layout follows the arguments", {
  U <- case$input$Ulist
  V <- mash_estimate_corr_em(data, U, max_iter = 2, details = FALSE)
  full <- mash_estimate_corr_em(data, U, max_iter = 2, track_fit = TRUE, output_lfdr = TRUE)
  expect_identical(full$V, V)
  expect_named(
    full, c("V", "mash.model", "loglik", "niter", "converged", "message", "convergence", "trace")
  )
  expect_length(full$trace, full$niter)
  expect_false(is.null(get_lfdr(full$mash.model)))
  direct <- mash(mash_update_data(data, V = V), U, verbose = FALSE)
  expect_equal(full$mash.model$loglik, direct$loglik, tolerance = 1e-8)
  expect_equal(get_pm(full$mash.model), get_pm(direct), tolerance = 1e-5)
})

test_that("bad arguments and a poor start are said", {
  U <- case$input$Ulist
  expect_error(mash_estimate_corr_em(1, U), class = "mnmash_error_type")
  expect_error(mash_estimate_corr_em(data, U, A = diag(4)), "`A`", class = "mnmash_error_argument")
  expect_error(mash_estimate_corr_em(data, U, init = diag(3)), class = "mnmash_error_dimension")
  strong <- mash_set_data(matrix(c(-9, 9, 8, 7, 6, 9, -9, 7), 4))
  expect_warning(
    mash_estimate_corr_em(strong, list(diag(2)), max_iter = 1), "identity",
    class = "mnmash_warning_start"
  )
})

test_that("the answer does not depend on the number of threads", {
  fit <- \(n) mash_estimate_corr_em(data, case$input$Ulist, max_iter = 3, tol = 0, n_threads = n)
  expect_identical(fit(1), fit(2))
})

test_that("conditions that are the same end the iteration at the last V that is definite", {
  set.seed(5)
  z <- matrix(rnorm(2000), 500)
  z <- cbind(z, z[, 1])
  colnames(z) <- letters[1:5]
  same <- mash_set_data(z)
  U <- cov_canonical(same)
  for (start in list("default", diag(5))) {
    arguments <- list(same, U, max_iter = 20, tol = 1e-3)
    if (is.matrix(start)) arguments$init <- start
    expect_warning(
      found <- suppressMessages(do.call(mash_estimate_corr_em, arguments)),
      "condition 1 \\(a\\) and condition 5 \\(e\\) have the correlation 1",
      class = "mnmash_warning_singular"
    )
    expect_false(found$converged)
    expect_identical(found$convergence$stop, "stalled")
    expect_match(found$message, "last `V` that is positive definite")
    expect_gt(min(eigen(found$V, TRUE, TRUE)$values), 9e-7)
    expect_true(all(diff(found$loglik) > 0))
    expect_identical(dimnames(mash_update_data(same, V = found$V)$V), dimnames(found$V))
  }
  few <- matrix(rnorm(60), 6)
  expect_warning(
    V <- suppressWarnings(
      residual_correlation(few, "mle"), classes = "mnmash_warning_start"
    ),
    "6 units, 10 conditions", class = "mnmash_warning_singular"
  )
  expect_gt(min(eigen(V, TRUE, TRUE)$values), 9e-7)
  expect_error(
    estimate_null_correlation_simple(mash_set_data(cbind(a = rnorm(99), b = 0))),
    "condition 2 \\(b\\)", class = "mnmash_error_value"
  )
})
