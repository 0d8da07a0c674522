null_data <- function(J, rho, R = 5, missing = 0) {
  V <- matrix(rho, R, R) + diag(R) * (1 - rho)
  z <- matrix(rnorm(J * R), J) %*% chol(V)
  z[runif(length(z)) < missing] <- NA
  mash_set_data(z[rowSums(!is.na(z)) > 0, ])
}
upper <- function(V) V[upper.tri(V)]

test_that("the plain estimate is the one of the reference files", {
  case <- readRDS(test_path("fixtures", "nullcor_simple_R5.rds"))
  data <- mash_set_data(case$input$Bhat, case$input$Shat)
  for (expected in case$output) {
    t <- expected$z_thresh
    expect_equal(
      estimate_null_correlation_simple(data, t), expected$cor, tolerance = 1e-10
    )
    expect_equal(
      estimate_null_correlation_simple(data, t, est_cor = FALSE), expected$cov, tolerance = 1e-10
    )
  }
})

test_that("the correction recovers a correlation of .6, with and without missing values", {
  set.seed(1)
  for (missing in c(0, 0.3)) {
    data <- null_data(30000, 0.6, missing = missing)
    plain <- estimate_null_correlation_simple(data)
    expect_lt(mean(upper(plain)), 0.5)
    corrected <- estimate_null_correlation_simple(data, correct = TRUE)
    expect_equal(upper(corrected), rep(0.6, 10), tolerance = 0.04)
    expect_equal(diag(corrected), rep(1, 5))
  }
})

test_that("variances are recovered too", {
  set.seed(2)
  data <- null_data(30000, 0.3)
  data$Bhat <- data$Bhat * 1.1
  V <- estimate_null_correlation_simple(data, est_cor = FALSE, correct = TRUE)
  expect_equal(diag(V), rep(1.21, 5), tolerance = 0.05)
  expect_equal(upper(V), rep(0.363, 10), tolerance = 0.12)
})

test_that("a cut is undone whose effect is known from a sum over a fine grid", {
  slow <- function(rho, t) {
    x <- seq(-t, t, length.out = 1001)
    w <- outer(x, x, \(x, y) exp(-(x^2 + y^2 - 2 * rho * x * y) / (2 * (1 - rho^2))))
    sum(w * outer(x, x)) / sum(w * x^2)
  }
  for (rho in c(-0.9, 0, 0.3, 0.8)) {
    for (t in c(1.5, 2, 20)) {
      cov <- matrix(c(1, slow(rho, t), slow(rho, t), 1), 2)
      moments <- list(n = matrix(100, 2, 2), cov = cov, var = matrix(1, 2, 2))
      expect_equal(untruncated_covariance(moments, t, TRUE, NULL)[1, 2], rho, tolerance = 5e-3)
    }
  }
})

test_that("the cut of 300 conditions is undone in less than a second", {
  skip_on_cran()
  V <- 0.3 + diag(0.7, 300)
  moments <- list(n = matrix(100, 300, 300), cov = V, var = matrix(1, 300, 300))
  # Of a processor, whatever else runs.
  seconds <- sum(system.time(found <- untruncated_covariance(moments, 2, TRUE, NULL))[1:2])
  expect_lt(seconds, 1)
  expect_equal(range(found[upper.tri(found)]), rep(found[1, 2], 2))
})

test_that("a matrix that is not positive definite is repaired with a message", {
  V <- matrix(c(1, .9, -.9, .9, 1, .9, -.9, .9, 1), 3)
  expect_message(repaired <- repair_correlation(V), "smallest eigenvalue -0.8")
  expect_gt(min(eigen(repaired)$values), 1e-4)
  expect_equal(diag(repaired), rep(1, 3))
  expect_no_message(expect_identical(repair_correlation(diag(3)), diag(3)))
})

test_that("too few null units are an error", {
  data <- mash_set_data(matrix(10, 8, 3))
  expect_error(estimate_null_correlation_simple(data), "0 rows", class = "mnmash_error_too_few")
  expect_error(
    estimate_null_correlation_simple(data, correct = TRUE), class = "mnmash_error_too_few"
  )
  expect_error(estimate_null_correlation_simple(list()), class = "mnmash_error_type")
})

test_that("one condition has a correlation of one", {
  set.seed(3)
  data <- mash_set_data(rnorm(50))
  expect_equal(estimate_null_correlation_simple(data), matrix(1))
  expect_equal(estimate_null_correlation_simple(data, correct = TRUE), matrix(1))
})

test_that("conditions that are constant, or copies of one another, are named", {
  set.seed(5)
  z <- matrix(rnorm(4000), 1000)
  z <- cbind(z, z[, 1])
  colnames(z) <- letters[1:5]
  data <- mash_set_data(z)
  expect_message(
    V <- estimate_null_correlation_simple(data),
    "condition 1 \\(a\\) and condition 5 \\(e\\) have the correlation 1"
  )
  expect_gt(min(eigen(V, only.values = TRUE)$values), 5e-4)
  expect_gt(V["a", "e"], 0.99)
  expect_s3_class(mash_update_data(data, V = V), "mash_data")
  expect_error(
    mash_update_data(data, V = cor(z)), "condition 1 \\(a\\) and condition 5 \\(e\\).*leave one",
    class = "mnmash_error_not_psd"
  )
  expect_message(tell_equal_conditions(z), "\\(a\\) and condition 5 \\(e\\) have the same z-scores")
  expect_no_message(tell_equal_conditions(z[, 1:4]))
  flat <- mash_set_data(cbind(x = rnorm(99), y = 0))
  expect_error(
    estimate_null_correlation_simple(flat), "the same in condition 2 \\(y\\)",
    class = "mnmash_error_value"
  )
})
