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
  expect_identical(bad$variables$predictor[bad$variables$flip], "v17")
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

test_that("z-scores are adjusted each by its own number of samples, matched by name", {
  s <- qc_region(p = 12)
  n <- stats::setNames(rep(c(300, 600, 450), 4), names(s$z))
  found <- qc_sumstats(s$z, s$LD, n)
  expect_equal(found$variables$z, unname(s$z * sqrt((n - 1) / (s$z^2 + n - 2))), tolerance = 1e-14)
  expect_identical(qc_sumstats(s$z, s$LD, rev(n)), found)
  both <- cbind(a = s$z, b = s$z / 2)
  each <- cbind(b = n + 10, a = n)
  expect_equal(
    qc_sumstats(both, s$LD, each)$variables$z[1:12], found$variables$z, tolerance = 1e-14
  )
  names(n)[3] <- "other"
  expect_error(qc_sumstats(s$z, s$LD, n), "other", class = "mnmash_error_names")
})

test_that("where z-scores are used together, sample sizes that differ much by variant are refused", {
  s <- qc_region(p = 12)
  n <- stats::setNames(rep(c(300, 600), 6), names(s$z))
  same <- stats::setNames(rep(600, 12), rev(names(s$z)))
  both <- cbind(a = s$z, b = s$z / 2)
  calls <- list(
    finemap = \(n) finemap_sumstats(s$z, s$LD, n),
    mr_ash = \(n) mr_ash_rss(Z = s$z, LD = s$LD, n = n, sa2 = c(0, 0.1))$beta,
    mr_mash = \(n) mr_mash_rss(
      Z = both, LD = s$LD, n = n, V = diag(2), prior = list(diag(2)), update_V = FALSE,
      max_iter = 5, tol = 10
    )$mu1,
    deconvolve = \(n) deconvolve_rss(Z = both, LD = s$LD, n = n, sa2 = c(0, 0.1))$Bhat
  )
  for (call in calls) {
    expect_error(call(n), "the samples they share", class = "mnmash_error_unequal_samples")
    expect_identical(call(same), call(600))
    # Nearly the same: the median, which is said.
    nearly <- stats::setNames(rep(c(560, 600, 600), 4), names(s$z))
    expect_message(found <- call(nearly), "up to 6.7%: medians are used")
    expect_identical(found, call(600))
    expect_error(call(replace(nearly, 2, 700)), "80% of the most",
                 class = "mnmash_error_unequal_samples")
  }
  expect_error(
    deconvolve_rss(Z = both, LD = s$LD, n = c(a = 300, b = 600)), "see mr_mash_rss",
    class = "mnmash_error_unequal_samples"
  )
})
