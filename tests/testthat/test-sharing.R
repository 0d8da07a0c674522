as_fit <- function(pm, lfsr) {
  structure(list(result = list(PosteriorMean = pm, lfsr = lfsr)), class = "mash")
}

test_that("sharing is that of the reference", {
  case <- reference_case("getters_R4")
  m <- as_fit(case$output$mash$PosteriorMean, case$output$mash$lfsr)
  expected <- case$output$sharing
  expect_equal(get_pairwise_sharing(m), expected$default, tolerance = 1e-12)
  expect_equal(get_pairwise_sharing(m, factor = 0), expected$factor0, tolerance = 1e-12)
  expect_equal(get_pairwise_sharing(m, 0.8, 0.1), expected$factor.8, tolerance = 1e-12)
  expect_equal(get_pairwise_sharing(m, FUN = abs), expected$abs, tolerance = 1e-12)
})

test_that("sharing agrees with the definition, pair by pair", {
  set.seed(1)
  for (R in c(1, 2, 7)) {
    pm <- matrix(round(rnorm(40 * R), 1), 40)
    lfsr <- matrix(runif(40 * R), 40)
    for (factor in c(0, 0.3, 0.5, 1, 2)) {
      expect_equal(
        get_pairwise_sharing(as_fit(pm, lfsr), factor, 0.4), slow_sharing(pm, lfsr, factor, 0.4)
      )
    }
  }
})

test_that("pairs without significant units are NaN, ratios of 0 / 0 are NA", {
  pm <- cbind(c(1, 2), c(0, 0), c(1, 0))
  lfsr <- cbind(c(.01, .2), c(.2, .2), c(.2, .01))
  shared <- get_pairwise_sharing(as_fit(pm, lfsr))
  expected <- slow_sharing(pm, lfsr, 0.5, 0.05)
  expect_identical(is.nan(shared), is.nan(expected))
  expect_identical(is.na(shared), is.na(expected))
  expect_true(is.nan(shared[2, 2]))
  expect_true(is.na(shared[3, 3]) && !is.nan(shared[3, 3]))
})

test_that("the number of threads does not change the answer", {
  set.seed(2)
  m <- as_fit(matrix(rnorm(300), 100), matrix(runif(300), 100))
  one <- withr::with_options(list(mnmash.threads = 1), get_pairwise_sharing(m))
  two <- withr::with_options(list(mnmash.threads = 2), get_pairwise_sharing(m))
  expect_identical(one, two)
})
