# The restricted likelihood from its definition: contrasts of y that do not depend on the mean.
slow_reml <- function(tau2, y, v, K = error_contrasts(length(y))) {
  slow_log_density(drop(t(K) %*% y), t(K) %*% diag(v + tau2) %*% K)
}

error_contrasts <- \(n) qr.Q(qr(cbind(1, diag(n)[, -1])))[, -1, drop = FALSE]

test_that("REML is the maximum of the restricted likelihood, found by brute force", {
  set.seed(1)
  for (case in 1:25) {
    n <- sample(2:9, 1)
    v <- exp(rnorm(n, sd = 1.5))
    y <- rnorm(n, 1, sqrt(v + sample(c(0, 0.1, 3), 1)))
    found <- random_effects(y, sqrt(v))
    top <- max(var(y) * 20, 1)
    grid <- top * seq(0, 1, length.out = 301)^3
    K <- error_contrasts(n)
    values <- vapply(grid, slow_reml, 0, y, v, K)
    near <- grid[pmin(pmax(which.max(values) + -1:1, 1), length(grid))]
    best <- optimize(slow_reml, range(near), y, v, K, maximum = TRUE, tol = 1e-10)
    best <- max(best$objective, values)
    expect_gt(slow_reml(found$tau2, y, v), best - 1e-9)
    w <- 1 / (v + found$tau2)
    expect_equal(found$mean, sum(w * y) / sum(w))
    expect_equal(found$se, sqrt(1 / sum(w)))
  }
})

test_that("balanced data have the closed form: the variance of y less that of the errors", {
  set.seed(2)
  y <- rnorm(8, sd = 3)
  for (method in c("REML", "DL")) {
    expect_equal(random_effects(y, rep(1, 8), method)$tau2, var(y) - 1, tolerance = 1e-9)
    expect_identical(random_effects(y / 10, rep(1, 8), method)$tau2, 0)
  }
})

test_that("the published analysis of thirteen trials of BCG is reproduced", {
  # Trials' counts as in Colditz and others (1994), log relative risks; the estimates are those of
  # Viechtbauer (2010), Journal of Statistical Software 36(3), which are rounded there.
  a <- c(4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27)
  b <- c(119, 300, 228, 13536, 5036, 1361, 2537, 87886, 7470, 1699, 50448, 2493, 16886)
  c <- c(11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29)
  d <- c(128, 274, 209, 12619, 5761, 1079, 619, 87892, 7232, 1600, 27197, 2338, 17825)
  y <- log(a / (a + b)) - log(c / (c + d))
  se <- sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
  reml <- random_effects(y, se)
  expect_equal(round(c(reml$mean, reml$se, reml$tau2), 4), c(-0.7145, 0.1798, 0.3132))
  expect_equal(round(reml$Q, 4), 152.2330)
  dl <- random_effects(y, se, "DL")
  expect_equal(round(c(dl$mean, dl$se, dl$tau2), 4), c(-0.7141, 0.1787, 0.3088))
})

test_that("one estimate, none, and wrong ones", {
  one <- random_effects(2, 0.5)
  expect_equal(one[c("mean", "se", "tau2", "Q_p")], list(mean = 2, se = 0.5, tau2 = 0, Q_p = 1))
  expect_identical(random_effects(c(2, NA), c(0.5, 1)), one)
  expect_true(all(is.na(unlist(random_effects(NA_real_, 1)))))
  expect_error(random_effects(1:2, 1), "`y` and `se`", class = "mnmash_error_dimension")
  expect_error(random_effects(c(1, 2), c(1, 0)), "element 2", class = "mnmash_error_value")
})
