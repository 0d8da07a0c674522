given <- function(pi, Ulist, grid, usepointmass = TRUE) {
  list(pi = pi, Ulist = Ulist, grid = grid, usepointmass = usepointmass)
}

posteriors <- function(g, data, ...) {
  suppressMessages(mash_compute_posterior_matrices(g, data, ...))
}

# A prior with every kind of matrix, all components with weight.
mixed_prior <- function(R, grid = c(0.1, 1, 4), pointmass = TRUE) {
  P <- pointmass + length(small_prior(R)) * length(grid)
  set.seed(2)
  pi <- runif(P) + 0.05
  given(pi / sum(pi), small_prior(R), grid, pointmass)
}

mashr_names <- c(
  mean = "PosteriorMean", sd = "PosteriorSD", lfdr = "lfdr", negative = "NegativeProb",
  positive = "PositiveProb", lfsr = "lfsr", covariance = "PosteriorCov"
)

expect_slow_posterior <- function(data, g, tolerance = 1e-10) {
  found <- posteriors(g, data, output_posterior_cov = TRUE)
  slow <- slow_posterior(data, slow_components(g$Ulist, g$grid, g$usepointmass), g$pi)
  for (name in names(slow)) {
    difference <- relative_difference(unname(found[[mashr_names[[name]]]]), slow[[name]])
    expect_lt(difference, tolerance, label = name)
  }
}

test_that("posteriors at the stored weights are those of the reference", {
  for (name in c(complete_cases, missing_cases)) {
    case <- mash_case(name)
    expected <- case$output
    if (!is.null(expected$at_given_pi)) expected <- expected$at_given_pi
    found <- posteriors(case_prior(case), case_data(case))
    for (table in intersect(mashr_names, names(expected))) {
      if (table == "PosteriorCov") next
      expect_lt(max(abs(found[[table]] - expected[[table]])), 1e-10, label = paste(name, table))
    }
  }
})

test_that("posteriors equal the direct computation for every kind of noise", {
  for (R in c(1, 2, 3, 9)) {
    g <- mixed_prior(R)
    for (V in list(diag(R), correlated(R), by_unit(R))) {
      for (alpha in c(0, 0.5, 1)) {
        for (missing in if (R > 1) c(0, 0.3) else 0) {
          expect_slow_posterior(random_data(R, missing = missing, alpha = alpha, V = V), g)
        }
      }
    }
  }
})

test_that("missing patterns that recur, and a prior without a point mass, are no exception", {
  data <- random_data(4, J = 90, alpha = 1, V = correlated(4))
  hole <- matrix(rep(c(TRUE, FALSE), c(40, 50)), 90, 4) & col(data$Bhat) %in% c(2, 3)
  B <- replace(data$Bhat, hole, NA)
  data <- mash_set_data(B, replace(data$Shat, hole, NA), alpha = 1, V = correlated(4))
  expect_slow_posterior(data, mixed_prior(4, pointmass = FALSE))
})

test_that("a scale of zero and a zero matrix count as no effect", {
  data <- random_data(3)
  g <- given(rep(1 / 6, 6), list(none = matrix(0, 3, 3), id = diag(3)), c(0, 1, 2), FALSE)
  expect_slow_posterior(data, g)
  only_null <- posteriors(given(c(1, 0), list(diag(3)), 1), data)
  expect_identical(unname(only_null$lfdr), matrix(1, 12, 3))
  expect_identical(unname(only_null$PosteriorSD), matrix(0, 12, 3))
  expect_identical(unname(only_null$lfsr), matrix(1, 12, 3))
})

test_that("one normal component has its closed form out to the far tail, on both sides", {
  z <- c(0, 1, 5, 10, 30, 37, 1e4)
  data <- mash_set_data(cbind(c(z, -z)), matrix(1, 14, 1))
  found <- posteriors(given(1, list(matrix(1)), 2, FALSE), data)
  # b | z ~ N(0.8 z, 0.8)
  tail <- pnorm(-sqrt(0.8) * c(z, z))
  expect_equal(drop(found$PosteriorMean), 0.8 * c(z, -z), tolerance = 1e-14)
  expect_equal(drop(found$PosteriorSD), rep(sqrt(0.8), 14), tolerance = 1e-14)
  expect_lt(max(abs(drop(found$lfsr) / tail - 1)[tail > 1e-300]), 1e-11)
  expect_true(all(is.finite(found$lfsr)))
  expect_equal(found$PositiveProb[1:7, ], found$NegativeProb[8:14, ])
})

test_that("effects of 1e8 standard errors keep finite, exact posteriors", {
  z <- matrix(c(1e8, -1e8, 3e7, 1, 1e8, 2), 3)
  for (V in list(diag(2), correlated(2))) {
    data <- mash_set_data(z, matrix(c(1, 1, 1, 1, 1, 1.5), 3), V = V)
    # Scales that fit, and scales far too small: the weights must not underflow.
    for (grid in list(c(1, 1e8), c(0.1, 1))) {
      g <- mixed_prior(2, grid)
      found <- posteriors(g, data)
      expect_true(all(vapply(found, \(x) all(is.finite(x)), NA)))
      expect_true(all(found$PosteriorSD >= 0))
      expect_true(all(is.finite(mash_compute_vloglik(structure(
        list(fitted_g = g, alpha = 0),
        class = "mash"
      ), data))))
    }
  }
  # One component: E b = U (U + I)^-1 z exactly, sd that of one unit at any z.
  g <- given(1, list(correlated(2)), 1, FALSE)
  found <- posteriors(g, mash_set_data(z, matrix(1, 3, 2)))
  gain <- correlated(2) %*% solve(correlated(2) + diag(2))
  expect_equal(unname(found$PosteriorMean), z %*% t(gain), tolerance = 1e-14)
  sd <- sqrt(diag(correlated(2) - gain %*% correlated(2)))
  expect_equal(unname(found$PosteriorSD), matrix(sd, 3, 2, byrow = TRUE), tolerance = 1e-12)
})

test_that("a unit's posterior does not depend on the other units", {
  g <- mixed_prior(5)
  for (V in list(diag(5), correlated(5))) {
    data <- random_data(5, J = 60, missing = 0.2, V = V)
    rows <- function(x, order) replace(x, data$missing, NA)[order, ]
    order <- sample(60)
    whole <- posteriors(g, data)
    shuffled <- posteriors(g, mash_set_data(rows(data$Bhat, order), rows(data$Shat, order), V = V))
    for (table in names(whole)) {
      expect_identical(shuffled[[table]], whole[[table]][order, ], label = table)
    }
  }
  data <- random_data(5, J = 60)
  alone <- posteriors(g, mash_set_data(data$Bhat[7, , drop = FALSE], data$Shat[7, , drop = FALSE]))
  whole <- posteriors(g, data)
  for (table in names(whole)) {
    expect_equal(alone[[table]][1, ], whole[[table]][7, ], tolerance = 1e-12, label = table)
  }
})

test_that("posteriors and summaries do not depend on the number of threads", {
  data <- random_data(5, J = 700, missing = 0.2, V = correlated(5))
  g <- mixed_prior(5)
  run <- function(n) posteriors(g, data, output_posterior_cov = TRUE, n_threads = n)
  expect_identical(run(1), run(2))
  vloglik <- function(n) suppressMessages(mash_compute_vloglik(g, data, n_threads = n))
  expect_identical(vloglik(1), vloglik(2))
})

test_that("components up to pi_thresh are left out of posteriors, not of likelihoods", {
  data <- random_data(3)
  g <- mixed_prior(3)
  components <- slow_components(g$Ulist, g$grid)
  expect_equal(
    drop(suppressMessages(mash_compute_vloglik(g, data))),
    slow_vloglik(data, components, g$pi)
  )
  kept <- g$pi > 0.1
  expect_true(any(kept) && !all(kept))
  found <- posteriors(g, data, pi_thresh = 0.1)
  slow <- slow_posterior(data, components[kept], g$pi[kept] / sum(g$pi[kept]))
  expect_equal(unname(found$PosteriorMean), slow$mean)
  expect_equal(unname(found$lfsr), slow$lfsr)
})

test_that("null and alternative likelihoods are those of the parts of the mixture", {
  data <- random_data(3)
  g <- mixed_prior(3)
  fit <- mash_model(data, g, list(pi_thresh = 1e-10), 1L)
  loglik <- slow_loglik(data, slow_components(g$Ulist, g$grid))
  expect_equal(fit$null_loglik, loglik[, 1])
  alternative <- g$pi[-1] / (1 - g$pi[1])
  expect_equal(
    fit$alt_loglik, apply(loglik[, -1], 1, \(l) slow_log_sum_exp(l + log(alternative)))
  )
  expect_equal(rowSums(fit$weights), rep(1, 12))
  # All weight on the null: the alternative is uniform.
  g$pi <- c(1, numeric(length(g$pi) - 1))
  fit <- mash_model(data, g, list(pi_thresh = 1e-10), 1L)
  expect_equal(fit$alt_loglik, apply(loglik[, -1], 1, slow_log_sum_exp) - log(12))
  expect_equal(fit$vloglik, fit$null_loglik)
  none <- mash_model(data, mixed_prior(3, pointmass = FALSE), list(pi_thresh = 1e-10), 1L)
  expect_null(none$null_loglik)
})
