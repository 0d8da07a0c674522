qc_region <- function(seed = 1, p = 40, n = 600) {
  set.seed(seed)
  X <- matrix(rnorm(n * p), n)
  for (j in 2:p) X[, j] <- 0.9 * X[, j - 1] + sqrt(1 - 0.81) * X[, j]
  colnames(X) <- paste0("v", 1:p)
  y <- 0.3 * X[, min(15, p)] + rnorm(n)
  z <- apply(X, 2, \(x) summary(lm(y ~ x))$coefficients[2, 3])
  list(X = X, z = z, LD = cor(X), n = n)
}

test_that("matching LD passes, a swapped allele is found", {
  s <- qc_region()
  good <- qc_sumstats(s$z, s$LD, s$n)
  expect_lt(good$s, 0.05)
  expect_false(any(good$variables$flip))
  expect_identical(good$LD, s$LD)
  z <- s$z
  z[17] <- -z[17]
  bad <- qc_sumstats(z, s$LD, s$n)
  expect_identical(bad$variables$variable[bad$variables$flip], "v17")
  expect_gt(bad$s, good$s)
  expect_output(print(bad), "v17")
})

test_that("expectations are those of the other z-scores", {
  s <- qc_region(p = 12)
  found <- qc_sumstats(s$z, s$LD, s$n)
  z <- s$z * sqrt((s$n - 1) / (s$z^2 + s$n - 2))
  used <- max(found$s, 1e-4)
  C <- (1 - used) * s$LD + used * diag(12)
  for (j in 1:12) {
    w <- solve(C[-j, -j], C[-j, j])
    expect_equal(found$variables$expected[j], sum(w * z[-j]), tolerance = 1e-8)
    expect_equal(found$variables$sd[j]^2, C[j, j] - sum(w * C[-j, j]), tolerance = 1e-8,
                 ignore_attr = TRUE)
  }
})

test_that("LD with negative eigenvalues is repaired, and then accepted", {
  s <- qc_region(p = 20)
  LD <- s$LD
  LD[3, 9] <- LD[9, 3] <- -0.9
  expect_error(finemap_sumstats(s$z, LD, s$n), class = "mnmash_error_not_psd")
  found <- qc_sumstats(s$z, LD, s$n)
  expect_lt(found$least_eigenvalue, -0.1)
  expect_gt(min(eigen(found$LD, only.values = TRUE)$values), -1e-10)
  expect_equal(unname(diag(found$LD)), rep(1, 20))
  expect_s3_class(finemap_sumstats(s$z, found$LD, s$n), "finemap_data")
  expect_output(print(found), "repaired")
  expect_error(qc_sumstats(s$z, LD[1:19, 1:19]), class = "mnmash_error_names")
})
