# A limit of memory that no matrix of likelihoods meets: weights by blocks.
without_memory <- function(code) withr::with_options(list(mnmash.memory = 0), code)

test_that("weights by blocks reach the objective of the stored cases, and satisfy its conditions", {
  for (name in c("EE_R5_V", "common_R5", "NA_EE_V", "Varray", "no_pointmass", "prior_uniform")) {
    case <- mash_case(name)
    data <- case_data(case)
    g <- case_prior(case)
    prior <- if (name == "prior_uniform") "uniform" else "nullbiased"
    fit <- without_memory(mash(
      data, g$Ulist, grid = g$grid, normalizeU = FALSE, usepointmass = g$usepointmass,
      prior = prior, verbose = FALSE
    ))
    pi <- unname(fit$fitted_g$pi)
    a <- dirichlet_parameters(prior, length(pi), 10)
    # The gradient, by plain R from the log-likelihoods.
    loglik <- loglik_matrix(data, g, 1)
    top <- apply(loglik, 1, max)
    L <- exp(loglik - top)
    u <- drop(L %*% pi)
    gradient <- colSums(L / u) + ifelse(a > 1, (a - 1) / pi, 0)
    expect_lte(max(gradient / (nrow(L) + sum(a - 1)) - 1), 1e-8)
    objective <- sum(log(u) + top) + sum(((a - 1) * log(pi))[a > 1])
    expect_equal(fit$convergence$objective, objective, tolerance = 1e-11)
    held <- mash(
      data, g$Ulist, grid = g$grid, normalizeU = FALSE, usepointmass = g$usepointmass,
      prior = prior, verbose = FALSE
    )
    expect_equal(fit$convergence$objective, held$convergence$objective, tolerance = 1e-9)
    expect_equal(fit$result$PosteriorMean, held$result$PosteriorMean, tolerance = 1e-4)
  }
})

test_that("more rows than the sample holds: the same objective, on any number of threads", {
  set.seed(1)
  sims <- simple_sims(nsamp = 1000, err_sd = 0.3)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  Ulist <- cov_canonical(data)
  fit <- \(...) mash(data, Ulist, verbose = FALSE, outputlevel = 1, ...)
  held <- fit()
  one <- without_memory(fit(n_threads = 1))
  expect_true(one$convergence$converged)
  expect_equal(one$convergence$objective, held$convergence$objective, tolerance = 1e-9)
  expect_identical(without_memory(fit(n_threads = 2)), one)
})

test_that("a fit by blocks says so, and why", {
  sims <- simple_sims(nsamp = 10, err_sd = 0.5)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  expect_message(without_memory(mash(data, cov_canonical(data))), "by blocks: .*mnmash.memory")
  said <- testthat::capture_messages(mash(data, cov_canonical(data)))
  expect_false(any(grepl("by blocks", said)))
})

test_that("a limit that is no number is an error that names the option", {
  sims <- simple_sims(nsamp = 10, err_sd = 0.5)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  withr::local_options(mnmash.memory = "2 GB")
  expect_error(mash(data, cov_canonical(data), verbose = FALSE), "option mnmash.memory")
})
