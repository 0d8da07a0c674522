# LD as it comes from files: rounded, in half or single precision, estimated pair by pair.

file_region <- function() {
  set.seed(1)
  n <- 800
  p <- 60
  z <- matrix(rnorm(n * p), n)
  for (j in 2:p) if (j %% 20 != 1) z[, j] <- 0.98 * z[, j - 1] + sqrt(1 - 0.98^2) * z[, j]
  X <- (z > 0.3) + (z[sample(n), ] > 0.3)
  X <- X[, rep(1:p, each = 2)]
  for (j in seq(2, 2 * p, 2)) {
    i <- sample(n, 1)
    X[i, j] <- (X[i, j] + 1) %% 3
  }
  y <- X[, 50] * 0.3 + rnorm(n)
  s <- univariate_sumstats(X, y)
  list(X = X, Z = s$Bhat / s$Shat, LD = cor(X), n = n)
}

test_that("rounding is repaired, said, and changes the result by no more than itself", {
  s <- file_region()
  exact <- pip(finemap(finemap_sumstats(s$Z, s$LD, s$n), 1))
  single <- s$LD
  single[1, 2] <- single[1, 2] + 1e-7
  kinds <- list(
    `6 digits` = round(s$LD, 6), `4 digits` = round(s$LD, 4), half = round(s$LD * 1024) / 1024,
    single = single
  )
  for (kind in names(kinds)) {
    said <- capture_messages(data <- finemap_sumstats(s$Z, kinds[[kind]], s$n))
    least <- min(eigen(kinds[[kind]], symmetric = TRUE, only.values = TRUE)$values)
    if (kind == "half") expect_lt(least, -1e-3)
    if (kind == "single") {
      expect_match(said, "differ by up to 1e-07, are replaced", all = FALSE)
    } else if (least < -1e-4) {
      expect_match(said, "smallest eigenvalue", all = FALSE)
    } else {
      expect_length(said, 0L)
    }
    expect_true(isSymmetric(unname(data$LD)))
    expect_gt(min(eigen(data$LD, only.values = TRUE)$values), -1e-4)
    expect_lt(max(abs(data$LD - s$LD)), 5e-3)
    expect_lt(max(abs(pip(finemap(data, 1)) - exact)), if (kind == "half") 0.05 else 0.01)
  }
  # The regressions from summary statistics take the same.
  for (kind in c("4 digits", "single")) {
    fit <- suppressMessages(mr_ash_rss(Z = s$Z, LD = kinds[[kind]], n = s$n))
    same <- mr_ash_rss(Z = s$Z, LD = s$LD, n = s$n)
    expect_equal(fit$beta, same$beta, tolerance = 0.02)
  }
})

test_that("what rounding cannot explain is refused, with a way out", {
  s <- file_region()
  set.seed(2)
  X <- s$X
  X[sample(length(X), 0.2 * length(X))] <- NA
  LD <- cor(X, use = "pairwise")
  expect_lt(min(eigen(LD, only.values = TRUE)$values), -0.1)
  expect_error(
    finemap_sumstats(s$Z, LD, s$n), "positive semi-definite.*qc_sumstats\\(\\).*check = FALSE",
    class = "mnmash_error_not_psd"
  )
  expect_error(
    mr_ash_rss(Z = s$Z, LD = LD, n = s$n), "LD_shrink.*qc_sumstats", class = "mnmash_error_not_psd"
  )
  expect_s3_class(finemap_sumstats(s$Z, qc_sumstats(s$Z, LD, s$n)$LD, s$n), "finemap_data")
  LD <- s$LD
  LD[3, 5] <- LD[3, 5] + 0.01
  expect_error(qc_sumstats(s$Z, LD, s$n), "differ by up to 0.01", class = "mnmash_error_asymmetric")
  diag(LD)[4] <- 0.9
  expect_error(qc_sumstats(s$Z, LD, s$n), "ones on its diagonal.*variable 4",
               class = "mnmash_error_value")
})

test_that("a sparse matrix is treated as a dense one", {
  skip_if_not_installed("Matrix")
  s <- file_region()
  LD <- s$LD
  LD[abs(LD) < 0.2] <- 0
  LD <- suppressMessages(usable_ld(LD, 1e-6)) * 0.9 + diag(0.1, nrow(LD))
  LD[abs(LD) < 1e-3] <- 0
  off <- LD
  off[2, 1] <- off[2, 1] + 1e-5
  expect_message(found <- as_ld(Matrix::Matrix(off, sparse = TRUE), nrow(LD)), "are replaced")
  expect_equal(unname(as.matrix(found$matrix)), unname((off + t(off)) / 2))
  off[2, 1] <- off[2, 1] + 1
  expect_error(
    as_ld(Matrix::Matrix(off, sparse = TRUE), nrow(LD)), class = "mnmash_error_asymmetric"
  )
})
