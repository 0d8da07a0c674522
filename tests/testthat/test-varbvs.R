case <- reference_case("varbvs_spike_slab")
input <- case$input
given <- input$spike_slab

fixed_fit <- function(Z = NULL, family = "gaussian") {
  varbvs(
    input$X, Z, if (family == "gaussian") input$y else input$y_binary, family,
    logodds = given$logodds_base10, sigma = if (family == "gaussian") given$sigma,
    sa = given$sa, tol = 1e-15, max_iter = 5000
  )
}

test_that("inclusion probabilities, means and variances are those of the stored cases", {
  for (name in c("gaussian", "gaussian_Z", "binomial", "binomial_Z")) {
    expected <- case$output[[name]]
    fit <- fixed_fit(if (endsWith(name, "_Z")) input$Z, sub("_Z", "", name))
    expect_lt(max(abs(fit$pip - expected$pip)), 1e-6)
    expect_lt(max(abs(fit$mu[, 1] - expected$mu)), 1e-6)
    expect_lt(max(abs(fit$s[, 1] - expected$s)), 1e-6)
    expect_lt(max(abs(fit$beta - expected$beta)), 1e-6)
    expect_lt(max(abs(fit$covariates - expected$beta_cov)), 1e-5)
  }
})

test_that("the average over prior odds is that of the stored case", {
  expected <- case$output$gaussian_grid
  fit <- varbvs(
    input$X, NULL, input$y, logodds = input$logodds_grid_base10, sigma = given$sigma,
    sa = given$sa, tol = 1e-14
  )
  expect_lt(max(abs(fit$alpha - expected$alpha)), 1e-6)
  expect_lt(max(abs(diff(fit$elbo) - diff(expected$logw))), 1e-6)
  expect_lt(max(abs(fit$weights - expected$weights)), 1e-6)
  expect_lt(max(abs(fit$pip - expected$pip)), 1e-6)
  expect_lt(max(abs(fit$beta - expected$beta)), 1e-6)
})

test_that("mixtures with given variances are those of the stored cases", {
  mix <- input$mix
  expected <- case$output$mix_fixed
  fit <- mr_ash(
    input$X, input$y, sa2 = mix$sa, pi = mix$w, sigma2 = mix$sigma, update_pi = FALSE,
    update_sigma2 = FALSE, tol = 1e-15
  )
  expect_lt(max(abs(fit$beta - expected$beta)), 1e-6)
  expect_lt(max(abs(fit$lfsr - expected$lfsr)), 1e-4)
  expected <- case$output$mix_em
  fit <- mr_ash(input$X, input$y, sa2 = mix$sa, pi = mix$w, sigma2 = mix$sigma, tol = 1e-13)
  expect_lt(max(abs(fit$beta - expected$beta)), 1e-4)
  expect_lt(max(abs(fit$pi - expected$w)), 1e-4)
  expect_lt(abs(fit$sigma2 - expected$sigma), 1e-4)
})

test_that("hyper-parameters are estimated, and bounds never fall", {
  for (family in c("gaussian", "binomial")) {
    y <- if (family == "gaussian") input$y else input$y_binary
    fit <- varbvs(input$X, input$Z, y, family, logodds = c(-2, -1.5, -1))
    expect_true(all(fit$converged))
    expect_true(all(unlist(lapply(fit$trace, diff)) > -1e-8))
    expect_equal(sum(fit$weights), 1)
    expect_identical(varbvs(input$X, input$Z, y, family, logodds = c(-2, -1.5, -1),
                            n_threads = 1)$pip, fit$pip)
  }
  expect_false(any(fit$sa == 1))
})

test_that("factors and logicals are binary responses; methods", {
  y <- input$y_binary
  fit <- fixed_fit(family = "binomial")
  same <- varbvs(
    input$X, NULL, factor(ifelse(y == 1, "yes", "no")), "binomial", given$logodds_base10,
    sa = given$sa, tol = 1e-15, max_iter = 5000
  )
  expect_identical(same$pip, fit$pip)
  p <- predict(fit, input$X, type = "response")
  expect_equal(p, fitted(fit), tolerance = 1e-10)
  expect_equal(qlogis(p), predict(fit, input$X))
  expect_gt(mean((p > 0.5) == y), 0.6)
  expect_equal(unname(residuals(fit)), y - unname(p), tolerance = 1e-10)
  expect_identical(pip(fit), fit$pip)
  expect_identical(lfsr(fit), fit$lfsr)
  expect_length(coef(fit), 121)
  expect_output(print(fit), "binomial")
  expect_output(print(summary(fixed_fit())), "hyper-parameters")
  expect_error(varbvs(input$X, NULL, y + 1, "binomial"), "0 or 1", class = "mnmash_error_value")
  expect_error(varbvs(input$X, NULL, y, "binomial", sigma = 1), "sigma")
  three <- factor(letters[1:3][c(y, 0) + 1])
  expect_error(varbvs(input$X, NULL, three, "binomial"), "two levels|rows")
})

test_that("a sparse matrix is as good as a dense one", {
  skip_if_not_installed("Matrix")
  X <- input$X * (abs(input$X) > 1)
  S <- Matrix::Matrix(X, sparse = TRUE)
  for (family in c("gaussian", "binomial")) {
    y <- if (family == "gaussian") input$y else input$y_binary
    expect_equal(
      varbvs(S, NULL, y, family, logodds = -2)$pip, varbvs(X, NULL, y, family, logodds = -2)$pip,
      tolerance = 1e-7
    )
  }
})

test_that("credible sets hold an included predictor with the probability that enumeration gives", {
  withr::local_seed(3)
  n <- 40
  p <- 6
  X <- 6 * qr.Q(qr(cbind(1, matrix(rnorm(n * p), n))))[, -1]
  y <- X %*% c(0.5, 0.35, 0.3, 0, 0, 0) + rnorm(n)
  logodds <- c(-1, -0.3)
  fit <- varbvs(X, NULL, y, logodds = logodds, sigma = 1, sa = 0.1, tol = 1e-15)
  models <- as.matrix(expand.grid(rep(list(0:1), p)))
  centred <- y - mean(y)
  evidence <- apply(models, 1, \(m) {
    C <- diag(n) + 0.1 * tcrossprod(X[, m == 1, drop = FALSE])
    -0.5 * (c(determinant(C)$modulus) + sum(centred * solve(C, centred)))
  })
  # Orthogonal predictors: the approximation is exact, and so are the weights of the grid.
  posterior <- rowSums(vapply(10^logodds, \(odds) {
    inclusion <- odds / (1 + odds)
    k <- rowSums(models)
    exp(evidence - max(evidence)) * inclusion^k * (1 - inclusion)^(p - k)
  }, numeric(2^p)))
  posterior <- posterior / sum(posterior)
  sets <- credible_sets(fit, coverage = 0.8, min_abs_corr = 0)
  expect_gt(length(sets), 1)
  expect_gt(max(lengths(lapply(sets, `[[`, "variables"))), 1)
  for (set in sets) {
    exact <- sum(posterior[rowSums(models[, set$variables, drop = FALSE]) > 0])
    expect_equal(set$coverage, exact, tolerance = 1e-8)
    expect_gte(exact, 0.8)
    # One predictor less is not enough.
    fewer <- utils::head(set$variables, -1)
    expect_lt(sum(posterior[rowSums(models[, fewer, drop = FALSE]) > 0]), 0.8)
  }
  expect_false(anyDuplicated(unlist(lapply(sets, `[[`, "variables"))) > 0)
  # They are not correlated, so that none forms a set with another.
  alone <- credible_sets(fit, coverage = 0.8)
  expect_true(all(lengths(lapply(alone, `[[`, "variables")) == 1))
  expect_length(credible_sets(varbvs(X, NULL, rnorm(n), logodds = -3, sa = 0.1)), 0)
})

test_that("members of a credible set are correlated, and their purity is that of X", {
  withr::local_seed(5)
  n <- 200
  X <- matrix(rnorm(n * 30), n)
  X[, 2] <- X[, 1] + rnorm(n, sd = 0.05)
  y <- 0.25 * (X[, 1] + X[, 2]) + 0.6 * X[, 20] + rnorm(n)
  fit <- varbvs(X, NULL, y)
  sets <- credible_sets(fit, coverage = 0.99)
  members <- lapply(sets, \(s) sort(unname(s$variables)))
  expect_true(list(20L) %in% members)
  expect_true(any(vapply(members, \(m) any(m %in% 1:2), NA)))
  for (set in sets) {
    r <- abs(cor(X)[set$variables, set$variables])
    pairs <- if (length(set$variables) > 1) r[upper.tri(r)] else 1
    expect_equal(unname(set$purity), c(min(pairs), mean(pairs), median(pairs)), tolerance = 1e-10)
  }
  expect_error(credible_sets(fit, coverage = 2), "coverage", class = "mnmash_error_argument")
})
