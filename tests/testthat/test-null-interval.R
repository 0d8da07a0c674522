test_that("the interval has the nulls whose best fit is near the best of all", {
  set.seed(1)
  B <- rbinom(300, 1, 0.3) * rnorm(300, sd = 4) %o% c(1, 1)
  data <- mash_set_data(B + rnorm(600))
  g <- list(
    pi = NULL, Ulist = list(shared = matrix(1, 2, 2)), grid = c(0.1, 4), usepointmass = TRUE
  )
  m <- mash(data, g$Ulist, grid = g$grid, verbose = FALSE, prior = "uniform")
  found <- mnmash:::null_interval(data, m$fitted_g, 1L)
  # The profile by brute force.
  loglik <- sapply(c(0, 0.01, 16), \(v) {
    S <- diag(2) + v
    -log(det(S)) / 2 - rowSums((data$Bhat %*% solve(S)) * data$Bhat) / 2
  })
  profile <- Vectorize(\(c) {
    best <- \(q) sum(log(exp(loglik) %*% c(c, (1 - c) * q, (1 - c) * (1 - q))))
    optimize(best, 0:1, maximum = TRUE)$objective
  })
  inside <- seq(0, 1, 0.005)
  used <- sum(m$fitted_g$pi[-1] > 1e-10)
  values <- profile(inside)
  inside <- range(inside[values > max(values) - qchisq(0.95, used) / 2])
  expect_equal(unname(found), inside, tolerance = 0.02)
  expect_identical(found[["lower"]], 0) # a small variance does as well
  # Known to be some: small components are too few to stand in.
  m <- mash(data, g$Ulist, grid = 4, verbose = FALSE, prior = "uniform")
  found <- mnmash:::null_interval(data, m$fitted_g, 1L)
  expect_gt(found[["lower"]], 0.5)
  expect_true(found[["lower"]] < 0.7 && found[["upper"]] > 0.7)
})

test_that("a fit whose prior was learnt has the interval, and prints it; those of others can be had", {
  set.seed(2)
  data <- mash_set_data(rbinom(300, 1, 0.3) * rnorm(300, sd = 4) %o% c(1, 1, 1) + rnorm(900))
  m <- mash(data, verbose = FALSE, n_threads = 1)
  expect_identical(names(m$null_interval), c("lower", "upper"))
  pi <- get_estimated_pi(m)[["null"]]
  expect_true(m$null_interval[["lower"]] <= pi && pi <= m$null_interval[["upper"]] + 0.02)
  expect_output(print(m), "null: the data allow for")
  given <- mash(data, cov_canonical(data), verbose = FALSE)
  expect_null(given$null_interval)
  expect_output(print(given), "of rank one")
  expect_output(print(given), "no share of null units; summary(fit, data = data)", fixed = TRUE)
})

test_that("summary() with the data has the interval of any fit, whatever the order of conditions", {
  set.seed(2)
  B <- rbinom(300, 1, 0.3) * rnorm(300, sd = 4) %o% c(a = 1, b = 1, c = 0)
  data <- mash_set_data(B + rnorm(900))
  m <- mash(data, cov_canonical(data), verbose = FALSE)
  found <- summary(m, data = data)
  expect_identical(found$null_interval, mnmash:::null_interval(data, m$fitted_g, 1L))
  expect_output(print(found), "null: the data allow for")
  other <- mash_set_data(data$Bhat[, c("c", "a", "b")])
  expect_equal(summary(m, data = other)$null_interval, found$null_interval, tolerance = 1e-6)
  expect_error(
    summary(m, data = mash_set_data(data$Bhat[-1, ])), "300 units, not 299",
    class = "mnmash_error_dimension"
  )
  # Nothing was fitted.
  kept <- mash(data, g = get_fitted_g(m), fixg = TRUE, verbose = FALSE)
  expect_false(summary(kept)$unasked)
})

test_that("the weight of matrices of deficient rank is that of ranks below the conditions with effects", {
  set.seed(3)
  two <- tcrossprod(cbind(c(1, 1, 0), c(0, 1, 1)))
  b <- rbind(
    matrix(rnorm(600), 200) %*% chol(two + 1e-12 * diag(3)), rnorm(200) %o% c(1, 1, 0),
    matrix(rnorm(600), 200)
  )
  data <- mash_set_data(3 * b + rnorm(1800))
  U <- list(two = two, line = c(1, 1, 0) %o% c(1, 1, 0), full = diag(3), one = diag(c(1, 0, 0)))
  found <- summary(m <- mash(data, U, verbose = FALSE))
  pi <- get_estimated_pi(m)
  expect_gt(min(pi[c("two", "line", "full")]), 0.1)
  expect_equal(found$deficient, sum(pi[c("two", "line")]))
  expect_equal(found$rank_one, pi[["line"]])
})
