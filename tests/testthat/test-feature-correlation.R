gene_z <- function() {
  set.seed(7)
  z <- rbind(
    matrix(rnorm(300), 100) %*% chol(0.5 + diag(0.5, 3)), matrix(rnorm(120), 40),
    matrix(rnorm(6), 2), matrix(c(5, 0, 0), 1)
  )
  dimnames(z) <- list(
    paste0(rep(c("g1", "g1_b", "g2", "g3"), c(100, 40, 2, 1)), "_v", seq_len(143)),
    c("liver", "lung", "skin")
  )
  z
}

test_that("each feature has the correlation of its own null units", {
  z <- gene_z()
  feature <- rep(c("g1", "g1_b", "g2", "g3"), c(100, 40, 2, 1))
  V <- suppressMessages(feature_correlation(z, feature))
  expect_identical(dimnames(V), list(colnames(z), colnames(z), c("g1", "g1_b", "g2", "g3")))
  for (g in c("g1", "g1_b")) {
    own <- z[feature == g, ]
    null <- own[apply(abs(own), 1, max) < 2, ]
    expect_equal(V[, , g], cor(null), tolerance = 1e-12)
    expect_equal(attr(V, "n")[[g]], nrow(null))
  }
  # Without null units: independence. Two units, three conditions: the nearest that is regular.
  expect_equal(unname(V[, , "g3"]), diag(3))
  expect_gte(min(eigen(V[, , "g2"])$values), 1e-3 - 1e-9)
  expect_equal(diag(V[, , "g2"]), c(liver = 1, lung = 1, skin = 1))
  raw <- suppressMessages(feature_correlation(z, feature, "g1", rescale = FALSE))
  null <- z[feature == "g1" & apply(abs(z), 1, max) < 2, ]
  expect_equal(raw[1, 2, 1], cov(null)[1, 2], tolerance = 1e-12)
  shrunk <- suppressMessages(feature_correlation(z, feature, "g1", "corshrink"))
  direct <- residual_correlation(null, "corshrink")
  expect_equal(shrunk[, , 1], direct, tolerance = 1e-10)
})

test_that("the feature of a unit is the longest name that its own begins with", {
  expect_identical(
    features_of_units(c("g1_v1", "g1_b_v2", "chr1_5:g2_v3", "g2", "g22_x", "g1:4"),
      c("g1", "g1_b", "g2")),
    c(1L, 2L, 3L, 3L, NA, 1L)
  )
  z <- gene_z()
  by_name <- suppressMessages(feature_correlation(z, features = c("g1_b", "g1")))
  feature <- rep(c("g1", "g1_b", "g2", "g3"), c(100, 40, 2, 1))
  expect_equal(by_name, suppressMessages(feature_correlation(z, feature, c("g1_b", "g1"))))
  expect_error(feature_correlation(z, features = c("g1", "h")), "no unit is of feature \"h\"",
    class = "mnmash_error_names")
  expect_error(feature_correlation(z), "give `feature`", class = "mnmash_error_argument")
  expect_error(
    feature_correlation(z, "g1"), "143 units, not of 1", class = "mnmash_error_dimension"
  )
})

test_that("units are analysed with the correlation of their feature", {
  z <- gene_z()[1:140, ]
  V <- suppressMessages(feature_correlation(z, features = c("g1_b", "g1")))
  x <- list(random.b = z, strong.b = z[c(1, 105), ])
  x <- c(x, list(random.s = x$random.b * 0 + 1, strong.s = x$strong.b * 0 + 1))
  data <- set_data(read_mash_input(x), "random", 0, resolve_vhat(V, read_mash_input(x), 0))
  expect_equal(dim(data$V), c(3L, 3L, 140L))
  expect_equal(unname(data$V[, , 1]), unname(V[, , "g1"]))
  expect_equal(unname(data$V[, , 140]), unname(V[, , "g1_b"]))
  U <- list(equal = matrix(1, 3, 3), own = diag(3))
  fit <- mash_fit(x, U, V, verbose = FALSE, nullweight = 1)
  by_unit <- mash_set_data(x$strong.b, x$strong.s, V = unname(V[, , c(2, 1)]))
  expect_equal(
    fit$posterior$PosteriorMean, mash_compute_posterior_matrices(fit, by_unit)$PosteriorMean,
    tolerance = 1e-10, ignore_attr = TRUE
  )
  rownames(x$random.b)[3] <- rownames(x$random.s)[3] <- "unknown"
  expect_error(mash_fit(x, U, V, verbose = FALSE), "no matrix for unit 3 of `random` \\(unknown\\)",
    class = "mnmash_error_names")
})
