upper <- function(V) V[upper.tri(V)]
normal_z <- function(J, V) matrix(rnorm(J * ncol(V)), J) %*% chol(V)

test_that("the nearest correlation matrices are those published by Higham", {
  A <- matrix(c(1, 1, 0, 1, 1, 1, 0, 1, 1), 3)
  expect_equal(upper(nearest_correlation(A, 0)), c(0.7607, 0.1573, 0.7607), tolerance = 1e-4)
  tridiagonal <- diag(2, 4)
  tridiagonal[abs(row(tridiagonal) - col(tridiagonal)) == 1] <- -1
  expect_equal(
    upper(nearest_correlation(tridiagonal, 0)),
    c(-0.8084, 0.1916, -0.6562, 0.1068, 0.1916, -0.8084), tolerance = 1e-3
  )
})

test_that("no matrix on the way to another feasible one is nearer", {
  set.seed(3)
  A <- cov2cor(crossprod(matrix(rnorm(36), 6)))
  A[1, 2:4] <- A[2:4, 1] <- 0.95
  near <- nearest_correlation(A, 0.01)
  expect_gte(min(eigen(near)$values), 0.01 - 1e-12)
  expect_equal(diag(near), rep(1, 6), tolerance = 1e-14)
  for (i in 1:50) {
    # A convex set: the angle between A - near and any step within the set is not acute.
    other <- 0.99 * cov2cor(crossprod(matrix(rnorm(48), 8))) + diag(0.01, 6)
    expect_lte(sum((A - near) * (other - near)), 1e-6)
  }
})

test_that("without missing values, simple is mashr's estimate", {
  case <- readRDS(test_path("fixtures", "nullcor_simple_R5.rds"))
  data <- mash_set_data(case$input$Bhat, case$input$Shat)
  for (expected in case$output) {
    found <- residual_correlation(data, "simple", z_thresh = expected$z_thresh)
    expect_equal(found, expected$cor, tolerance = 1e-10)
  }
  all_rows <- cor(case$input$Bhat / case$input$Shat)
  expect_equal(residual_correlation(data, "simple_specific"), all_rows, tolerance = 1e-10)
  expect_identical(unname(residual_correlation(data, "identity")), diag(5))
  expect_identical(
    residual_correlation(data), residual_correlation(data, "simple", correct = TRUE)
  )
  picked <- 50:200
  expect_equal(
    residual_correlation(data, "simple_specific", subset = picked),
    cor(case$input$Bhat[picked, ] / case$input$Shat[picked, ]), tolerance = 1e-10
  )
})

test_that("missing values are dealt with by pairs", {
  set.seed(2)
  z <- normal_z(300, 0.5 + diag(0.5, 4))
  z[sample(length(z), 400)] <- NA
  z <- z[rowSums(!is.na(z)) > 0, ]
  expected <- cor(z, use = "pairwise.complete.obs")
  expect_equal(residual_correlation(z, "simple_specific"), expected)
  expect_equal(residual_correlation(mash_set_data(z), "simple_specific"), expected)
  small <- z[!apply(abs(z) >= 1.5, 1, any, na.rm = TRUE), ]
  expect_equal(
    residual_correlation(z, "simple", z_thresh = 1.5), cor(small, use = "pairwise.complete.obs")
  )
  corrected <- residual_correlation(z, "simple", correct = TRUE)
  expect_equal(corrected, estimate_null_correlation_simple(mash_set_data(z), correct = TRUE))
})

test_that("a condition without any value has correlations of zero, and a message", {
  set.seed(3)
  z <- normal_z(200, 0.5 + diag(0.5, 3))
  z <- cbind(z, NA)
  colnames(z) <- c("a", "b", "c", "d")
  for (method in c("simple", "simple_specific")) {
    expect_message(V <- residual_correlation(z, method), "condition 4 \\(d\\)")
    expect_identical(V["d", ], c(a = 0, b = 0, c = 0, d = 1))
    expect_identical(colnames(V), colnames(z))
  }
  expect_message(V <- residual_correlation(z, "simple", correct = TRUE), "3 pairs")
  expect_identical(V[4, 1:3], c(a = 0, b = 0, c = 0))
  suppressMessages(V <- residual_correlation(z, "corshrink"))
  expect_true(all(is.finite(V)) && V[1, 2] > 0.3)
  suppressMessages(V <- residual_correlation(z, "mle", max_iter = 2))
  expect_equal(unname(V[4, 1:3]), c(0, 0, 0))
})

test_that("covariances taken as correlations are made to fit, as by nearPD", {
  set.seed(4)
  z <- 1.6 * normal_z(100, 0.8 + diag(0.2, 4))
  expect_message(
    V <- residual_correlation(z, "simple_specific", rescale = FALSE), "not positive definite"
  )
  expect_equal(V, nearest_correlation(cov(z), 1e-3), tolerance = 1e-6)
  expect_equal(residual_correlation(z, "simple_specific"), cor(z))
})

test_that("shrinkage helps where correlations are few and rows too", {
  set.seed(5)
  V <- diag(12)
  V[1:3, 1:3] <- 0.6 + diag(0.4, 3)
  error <- replicate(10, {
    z <- normal_z(40, V)
    c(
      suppressMessages(mean((residual_correlation(z, "corshrink") - V)^2)), mean((cor(z) - V)^2)
    )
  })
  expect_lt(mean(error[1, ]), 0.6 * mean(error[2, ]))
  # Many rows: nothing to shrink.
  z <- normal_z(50000, V)
  shrunk <- residual_correlation(z, "corshrink")
  expect_equal(upper(shrunk[1:3, 1:3]), upper(cor(z)[1:3, 1:3]), tolerance = 0.005)
  expect_lt(max(abs(upper(shrunk[-(1:3), -(1:3)]))), 0.01)
})

test_that("maximum likelihood is mash_estimate_corr_em on the rows chosen", {
  set.seed(6)
  sims <- simple_sims(nsamp = 50, ncond = 3, err_sd = 1)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  U <- cov_canonical(data)
  expected <- mash_estimate_corr_em(data, U, max_iter = 3, details = FALSE)
  expect_equal(residual_correlation(data, "mle", Ulist = U, max_iter = 3), expected)
  set.seed(7)
  some <- residual_correlation(data, "mle", max_rows = 120, max_iter = 1)
  set.seed(7)
  rows <- sort(sample.int(200, 120))
  chosen <- mash_set_data(sims$Bhat[rows, ], sims$Shat[rows, ])
  expect_equal(some, mash_estimate_corr_em(chosen, U, max_iter = 1, details = FALSE))
})

test_that("what cannot be done is said", {
  z <- matrix(rnorm(20), 4)
  expect_error(residual_correlation(z, "simple"), "at least 5", class = "mnmash_error_too_few")
  expect_error(residual_correlation(z, "median"), class = "mnmash_error_argument")
  expect_error(residual_correlation(z, "mle", correct = TRUE), "\"simple\"")
  expect_error(residual_correlation(list(1)), "mash_set_data", class = "mnmash_error_type")
  expect_identical(residual_correlation(matrix(rnorm(50)), "simple"), matrix(1))
})

test_that("fewer rows than conditions will do, and the matrix is positive definite", {
  set.seed(1)
  z <- matrix(rnorm(20 * 30), 20)
  for (method in c("corshrink", "simple_specific", "simple")) {
    if (method == "corshrink") {
      # Shrinkage alone makes it one: nothing is left to repair.
      expect_no_message(V <- residual_correlation(z, method))
      expect_lt(max(abs(V[upper.tri(V)])), max(abs(cor(z)[upper.tri(V)])))
    } else {
      expect_warning(
        expect_message(
          V <- residual_correlation(z, method, z_thresh = 5), "smallest eigenvalue", all = FALSE
        ),
        "only 20 rows with |z| < 5 (at least 150 are wanted)", fixed = TRUE,
        class = "mnmash_warning_few"
      )
    }
    expect_gt(min(eigen(V, only.values = TRUE)$values), 5e-4)
    expect_equal(diag(V), rep(1, 30))
    expect_s3_class(mash_set_data(z, V = V), "mash_data")
  }
  expect_error(residual_correlation(z[1:9, ], "corshrink"), "at least 10",
               class = "mnmash_error_too_few")
})

test_that("a correlation from fewer than five rows for each condition warns, if not shrunken", {
  set.seed(1)
  z <- matrix(rnorm(60 * 8), 60)
  enough <- which(apply(abs(z), 1, max) < 2)[1:39]
  for (method in c("corrected", "simple", "simple_specific")) {
    expect_warning(
      residual_correlation(z[enough, ], method), "only 39 rows", class = "mnmash_warning_few"
    )
    expect_no_warning(residual_correlation(rbind(z[enough, ], 0.1 * (1:8)), method))
  }
  expect_no_warning(residual_correlation(z[enough, ], "corshrink"))
})

test_that("a condition that does not vary is named, whatever the method", {
  set.seed(4)
  z <- matrix(rnorm(400), 100, dimnames = list(NULL, letters[1:4]))
  for (value in c(0, 0.7)) {
    with <- cbind(z, same = value)
    with[3:5, 5] <- NA
    for (method in c("corrected", "simple", "corshrink", "simple_specific")) {
      expect_message(
        V <- residual_correlation(with, method), "condition 5 \\(same\\) has the same z-score"
      )
      expect_identical(unname(V[5, ]), c(0, 0, 0, 0, 1))
      expect_equal(V[1:4, 1:4], residual_correlation(with[, 1:4], method), tolerance = 0.05)
    }
    said <- "`data`: condition 5 \\(same\\) has the same z-score.*leave it out"
    expect_error(residual_correlation(with, "mle"), said, class = "mnmash_error_value")
    expect_error(
      mash_estimate_corr_em(mash_set_data(with), list(a = diag(5))), said,
      class = "mnmash_error_value"
    )
  }
})
