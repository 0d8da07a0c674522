g <- list(pi = c(0.3, 0.2, 0.1, 0.15, 0.25), Ulist = list(
  a = crossprod(matrix(c(1, 0.5, 0, 0.2, 1, 0.3), 2)), b = tcrossprod(c(1, -1, 0.5))
), grid = c(0.5, 2), usepointmass = TRUE)
prior_fit <- function(alpha = 0) structure(list(fitted_g = g, alpha = alpha), class = "mash")

test_that("effects and measurements have the moments of the model", {
  J <- 40000
  V <- correlated(3)
  s <- c(0.5, 1, 2)
  data <- mash_set_data(matrix(0.1, J, 3), matrix(s, J, 3, byrow = TRUE), V = V)
  sims <- simulate(prior_fit(), seed = 1, data = data)[[1]]
  expect_equal(tabulate(sims$component, 5) / J, g$pi, tolerance = 0.03)
  expect_true(all(sims$B[sims$component == 1, ] == 0))
  effect <- (0.2 * 0.25 + 0.15 * 4) * g$Ulist$a + (0.1 * 0.25 + 0.25 * 4) * g$Ulist$b
  found <- crossprod(sims$B) / J
  spread <- sqrt((crossprod(sims$B^2) / J - found^2) / J)
  expect_lt(max(abs(found - effect) / spread), 4.5)
  noise <- (sims$data$Bhat - sims$B) / data$Shat
  expect_lt(max(abs(crossprod(noise) / J - V)), 4.5 * sqrt(2 / J))
  expect_lt(max(abs(crossprod(noise, sims$B) / J) / sqrt(diag(effect) / J)), 4.5)
})

test_that("missing cells, alpha and V by unit are those of the data", {
  data <- random_data(3, J = 12, missing = 0.3, alpha = 1, V = by_unit(3))
  sims <- simulate(prior_fit(1), nsim = 2, seed = 2, data = data)
  expect_length(sims, 2)
  expect_identical(sims[[1]]$data$missing, data$missing)
  expect_true(all(sims[[1]]$data$Bhat[data$missing] == 0))
  rank_one <- sims[[1]]$component %in% c(3, 5)
  scaled <- (sims[[1]]$B / data$Shat_alpha)[rank_one, , drop = FALSE]
  expect_equal(scaled[, 2], -scaled[, 1])
  expect_error(simulate(prior_fit(0), data = data), class = "mnmash_error_units")
})

test_that("a seed gives the same data again, and leaves R's random numbers alone", {
  data <- random_data(3)
  set.seed(5)
  before <- .Random.seed
  one <- simulate(prior_fit(), seed = 9, data = data)
  expect_identical(.Random.seed, before)
  expect_identical(simulate(prior_fit(), seed = 9, data = data), one)
  expect_false(identical(simulate(prior_fit(), seed = 10, data = data), one))
})
