test_that("bins count effects, their lfsr and their wrong signs", {
  m <- structure(list(result = list(
    lfsr = matrix(c(0.05, 0.1, 0.15, 0.45, 0.5, 0.6)),
    PosteriorMean = matrix(c(1, -2, 3, 0.1, -0.1, 0.2))
  )), class = "mash")
  B <- matrix(c(2, -1, -1, 0, -1, NA))
  found <- lfsr_calibration(m, B, bins = c(0, 0.2, 0.4, 0.6))
  expect_identical(found$n, c(3L, 2L))
  expect_equal(found$lfsr, c(0.1, 0.475))
  expect_equal(found$wrong, c(1 / 3, 1 / 2))
  q <- c(0.05, 0.1, 0.15)
  expect_equal(found$se[1], sqrt(sum(q * (1 - q))) / 3)
  expect_equal(found$lower, c(0, 0.4))
})

test_that("under the true prior the lfsr is calibrated", {
  set.seed(1)
  g <- list(pi = c(0.5, 0.2, 0.3), Ulist = list(a = diag(3), b = matrix(1, 3, 3)), grid = 2,
            usepointmass = TRUE)
  data <- mash_set_data(matrix(1, 5000, 3), matrix(1, 5000, 3))
  m <- structure(list(fitted_g = g, alpha = 0), class = "mash")
  sims <- simulate(m, data = data)[[1]]
  fit <- mash(sims$data, g = g, fixg = TRUE, verbose = FALSE)
  found <- lfsr_calibration(fit, sims$B)
  # effects of a unit depend on one another: at most sqrt(3) times the spread of independent ones
  expect_lt(max(abs(found$wrong - found$lfsr) / found$se), 4 * sqrt(3))
  too_sure <- fit
  too_sure$result$lfsr <- too_sure$result$lfsr / 2
  wrong <- lfsr_calibration(too_sure, sims$B)
  expect_gt(max((wrong$wrong - wrong$lfsr) / wrong$se), 10)
})

test_that("it simulates on data, with refitted weights", {
  set.seed(2)
  data <- random_data(3, J = 200, missing = 0.1)
  m <- mash(data, small_prior(3), verbose = FALSE, outputlevel = 1)
  found <- lfsr_calibration(m, data = data, nsim = 2, bins = 4)
  expect_identical(sum(found$n), 2L * sum(!data$missing))
  expect_true(all(found$lfsr >= found$lower & found$lfsr <= found$upper))
  skip_if_not_installed("ggplot2")
  expect_silent(ggplot2::ggplot_build(plot(found)))
})

test_that("a prior that is learnt anew is no surer than the truth bears out", {
  set.seed(3)
  B <- 4 * rbinom(400, 1, 0.4) * rnorm(400) %o% c(1, 1, 1)
  data <- mash_set_data(B + rnorm(1200))
  m <- mash(data, verbose = FALSE, n_threads = 1)
  found <- lfsr_calibration(m, data = data, relearn = TRUE, bins = c(0, 0.05, 1), n_threads = 1)
  expect_identical(sum(found$n), 1200L)
  expect_lt(found$wrong[1], 0.05)
  expect_error(lfsr_calibration(m, B, relearn = TRUE), "`relearn` is for simulations")
})

test_that("bad arguments are errors", {
  m <- structure(list(result = list(lfsr = diag(2), PosteriorMean = diag(2))), class = "mash")
  expect_error(lfsr_calibration(m), class = "mnmash_error_argument")
  expect_error(lfsr_calibration(m, diag(3)), class = "mnmash_error_dimension")
  expect_error(lfsr_calibration(m, diag(2), bins = c(1, 0)), class = "mnmash_error_argument")
})
