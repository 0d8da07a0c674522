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

test_that("a fit whose prior was learnt has the interval, and prints it; others do not", {
  set.seed(2)
  data <- mash_set_data(rbinom(300, 1, 0.3) * rnorm(300, sd = 4) %o% c(1, 1, 1) + rnorm(900))
  m <- mash(data, verbose = FALSE, n_threads = 1)
  expect_identical(names(m$null_interval), c("lower", "upper"))
  pi <- get_estimated_pi(m)[["null"]]
  expect_true(m$null_interval[["lower"]] <= pi && pi <= m$null_interval[["upper"]] + 0.02)
  expect_output(print(m), "null: the data allow for")
  given <- mash(data, cov_canonical(data), verbose = FALSE)
  expect_null(given$null_interval)
  expect_output(print(given), "rank one")
})
