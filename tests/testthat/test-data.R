effects <- function(J = 4, R = 3) {
  matrix(seq_len(J * R) / 7 - 1, J, R, dimnames = list(paste0("u", 1:J), LETTERS[1:R]))
}
errors <- function(J = 4, R = 3) matrix(1 + seq_len(J * R) / 10, J, R)

test_that("alpha = 0 keeps effects and errors, alpha = 1 makes z-scores, 0.5 is half way", {
  B <- effects()
  S <- errors()
  ee <- mash_set_data(B, S)
  expect_identical(ee$Bhat, B)
  expect_identical(ee$Shat, S)
  expect_true(all(ee$Shat_alpha == 1))
  expect_true(ee$commonV)
  expect_null(ee$missing)
  expect_identical(
    names(ee), c("Bhat", "Shat", "Shat_alpha", "V", "commonV", "alpha", "missing", "units")
  )
  ez <- mash_set_data(B, S, alpha = 1)
  expect_equal(ez$Bhat, B / S)
  expect_true(all(ez$Shat == 1))
  expect_equal(ez$Shat_alpha, S)
  half <- mash_set_data(B, S, alpha = 0.5)
  expect_equal(half$Bhat * sqrt(S), B)
  expect_equal(half$Shat, sqrt(S))
})

test_that("z-scores alone, one standard error for all, data frames and vectors are accepted", {
  B <- effects()
  expect_true(all(mash_set_data(B)$Shat == 1))
  expect_true(all(mash_set_data(B, 0.5)$Shat == 0.5))
  frame <- as.data.frame(B)
  expect_identical(mash_set_data(frame)$Bhat, B)
  expect_null(rownames(mash_set_data(data.frame(a = 1:3, b = 4:6))$Bhat))
  one <- mash_set_data(c(a = 1, b = -2), c(1, 2))
  expect_identical(dim(one$Bhat), c(2L, 1L))
  expect_identical(rownames(one$Bhat), c("a", "b"))
  expect_identical(dim(mash_set_data(B[1, , drop = FALSE])$Bhat), c(1L, 3L))
  expect_identical(one$V, matrix(1))
})

test_that("missing cells are stored as zero with a large error, and kept in a mask", {
  B <- effects()
  S <- errors()
  B[2, 1] <- S[2, 1] <- NA
  for (alpha in c(0, 0.5, 1)) {
    data <- mash_set_data(B, S, alpha = alpha)
    expect_identical(which(data$missing), 2L)
    expect_identical(data$Bhat[[2, 1]], 0)
    expect_identical(data$Shat[[2, 1]], 1e6)
    expect_identical(data$Shat_alpha[[2, 1]], 1)
    old <- mash_set_data(B, S, alpha = alpha, missing = "mashr")
    expect_null(old$missing)
    expect_identical(old[1:6], unclass(data)[1:6])
  }
})

test_that("z-scores with missing values need no missing errors, also when alpha is 1", {
  Z <- effects()
  Z[3, 2] <- NA
  expect_identical(which(mash_set_data(Z)$missing), 7L)
  expect_identical(which(mash_set_data(Z, matrix(1, 4, 3), alpha = 1)$missing), 7L)
  ones <- matrix(1, 4, 3)
  ones[3, 2] <- NA
  expect_identical(which(mash_set_data(Z, ones, alpha = 1)$missing), 7L)
})

# Few degrees of freedom are said; here they are meant.
t_data <- function(...) suppressMessages(mash_set_data(...))

test_that("degrees of freedom give the standard error with the p-value of Student's t", {
  B <- effects()
  S <- errors()
  data <- t_data(B, S, df = 10)
  expect_equal(2 * pnorm(-abs(data$Bhat / data$Shat)), 2 * pt(-abs(B / S), 10), tolerance = 1e-12)
  expect_equal(t_data(B, S, df = array(10, dim(B))), data)
})

test_that("a zero effect with degrees of freedom gets the limit of the standard error", {
  B <- effects()
  S <- errors()
  B[1, 1] <- 0
  at_zero <- t_data(B, S, df = 5)$Shat[1, 1]
  B[1, 1] <- 1e-4
  expect_equal(at_zero, t_data(B, S, df = 5)$Shat[1, 1], tolerance = 1e-7)
})

test_that("a huge effect with degrees of freedom keeps a positive error and its exact p-value", {
  data <- mash_set_data(matrix(c(1e8, -1e30, 3), 1), matrix(1, 1, 3), df = 50)
  expect_true(all(data$Shat > 0))
  z <- abs(data$Bhat / data$Shat)
  expect_equal(
    pnorm(-z, log.p = TRUE), matrix(pt(-c(1e8, 1e30, 3), 50, log.p = TRUE), 1),
    tolerance = 1e-10
  )
})

test_that("p-values give the standard error", {
  B <- effects() + 0.01
  p <- matrix(seq(0.01, 0.9, length.out = 12), 4, 3)
  data <- mash_set_data(B, pval = p)
  expect_equal(unname(2 * pnorm(-abs(data$Bhat / data$Shat))), p)
  # A p-value of 1 is an infinite standard error: the limit of ever larger ones is no value at all.
  p[1] <- 1
  expect_message(one <- mash_set_data(B, pval = p), "1 p-values are 1")
  expect_identical(which(one$missing), 1L)
  p[1] <- 0
  expect_error(mash_set_data(B, pval = p), "pval.*row 1", class = "mnmash_error_value")
  expect_error(mash_set_data(B, 1, pval = p), "not both", class = "mnmash_error_argument")
  expect_error(mash_set_data(B, df = 3, pval = p), "not both", class = "mnmash_error_argument")
})

test_that("standard errors of zero are an error that names the cell, or are replaced", {
  B <- effects()
  S <- errors()
  S[2, 2] <- 0
  expect_error(
    mash_set_data(B, S), "row 2 \\(u2\\), column 2 \\(B\\)",
    class = "mnmash_error_value"
  )
  expect_identical(mash_set_data(B, S, zero_Shat_reset = 3)$Shat[2, 2], 3)
  # A negative effect is not a zero effect.
  B[2, 2] <- -5
  expect_error(
    mash_set_data(B, S, zero_Bhat_Shat_reset = 3), "zero_Shat_reset", class = "mnmash_error_value"
  )
  B[2, 2] <- 0
  expect_error(mash_set_data(B, S), "both zero.*row 2", class = "mnmash_error_value")
  expect_identical(mash_set_data(B, S, zero_Bhat_Shat_reset = 3)$Shat[2, 2], 3)
})

test_that("bad effects and errors are classed errors that name the argument and the place", {
  B <- effects()
  S <- errors()
  expect_error(mash_set_data(B, S[, 1:2]), "4 x 3.*4 x 2", class = "mnmash_error_dimension")
  expect_error(mash_set_data(matrix(0, 0, 3)), "empty", class = "mnmash_error_dimension")
  expect_error(
    mash_set_data(replace(B, 3, Inf)), "`Bhat`.*row 3",
    class = "mnmash_error_not_finite"
  )
  expect_error(mash_set_data(replace(B, 3, NaN)), "NaN", class = "mnmash_error_not_finite")
  expect_error(
    mash_set_data(B, replace(S, 5, Inf)), "`Shat`.*row 1, column 2",
    class = "mnmash_error_not_finite"
  )
  expect_error(
    mash_set_data(B, replace(S, 5, -1)), "positive.*-1 at row 1",
    class = "mnmash_error_value"
  )
  expect_error(
    mash_set_data(replace(B, 3, NA), S), "row 3.*only `Bhat` is NA", class = "mnmash_error_missing"
  )
  expect_error(mash_set_data(B, replace(S, 3, NA)), "only `Shat`", class = "mnmash_error_missing")
  expect_error(mash_set_data("a"), "numeric matrix", class = "mnmash_error_type")
  expect_error(mash_set_data(B, alpha = NA), "alpha", class = "mnmash_error_argument")
  expect_error(mash_set_data(B, missing = "drop"), "missing", class = "mnmash_error_argument")
  expect_error(mash_set_data(B, S, df = -1), "df", class = "mnmash_error_value")
})

test_that("numbers whose squares are none are errors that name the cell", {
  B <- effects()
  expect_error(
    mash_set_data(replace(B, 3, 1e200)), "1e\\+200 at row 3", class = "mnmash_error_value"
  )
  expect_error(
    mash_set_data(B, replace(errors(), 6, 1e-200), zero_check_tol = 0), "row 2",
    class = "mnmash_error_value"
  )
})

test_that("a row or column without any value is an error that names it", {
  B <- effects()
  B[2, ] <- NA
  expect_error(mash_set_data(B), "row 2 \\(u2\\)", class = "mnmash_error_missing")
  B <- effects()
  B[, 3] <- NA
  expect_error(mash_set_data(B), "column 3 \\(C\\)", class = "mnmash_error_missing")
})

test_that("names must be distinct and in one order", {
  B <- effects()
  S <- errors()
  twice <- B
  colnames(twice)[2] <- "A"
  expect_error(mash_set_data(twice), "two columns named \"A\"", class = "mnmash_error_names")
  twice <- B
  rownames(twice)[2] <- "u1"
  expect_warning(mash_set_data(twice), "two rows named \"u1\"", class = "mnmash_warning_names")
  colnames(S) <- colnames(B)
  expect_identical(mash_set_data(B, S[, c("A", "C", "B")]), mash_set_data(B, S))
  colnames(S) <- paste0(colnames(B), "_se")
  expect_error(mash_set_data(B, S), "lacks 3 of 3 conditions (A, B, C)",
    fixed = TRUE, class = "mnmash_error_names")
})

test_that("a data frame with text names the column", {
  frame <- data.frame(gene = c("a", "b"), x = 1:2)
  expect_error(mash_set_data(frame), "column 1 \\(gene\\).*character", class = "mnmash_error_type")
})

test_that("V is checked: dimensions, symmetry, positive definiteness, slice by slice", {
  B <- effects()
  good <- 0.5 + diag(3) / 2
  bad <- matrix(c(1, .9, -.9, .9, 1, .9, -.9, .9, 1), 3)
  smallest <- format(min(eigen(bad)$values), digits = 4)
  expect_error(mash_set_data(B, V = diag(2)), "3 x 3", class = "mnmash_error_dimension")
  expect_error(mash_set_data(B, V = bad), smallest, fixed = TRUE, class = "mnmash_error_not_psd")
  expect_error(mash_set_data(B, V = matrix(1, 3, 3)), class = "mnmash_error_not_psd")
  expect_error(
    mash_set_data(B, V = replace(good, 2, 0.1)), "\\(2, 1\\)",
    class = "mnmash_error_asymmetric"
  )
  expect_error(
    mash_set_data(B, V = replace(good, 2, NA)), "finite",
    class = "mnmash_error_not_finite"
  )
  slices <- array(good, c(3, 3, 4))
  data <- mash_set_data(B, V = slices)
  expect_false(data$commonV)
  expect_error(mash_set_data(B, V = slices[, , 1:3]), "3 x 3 x 4", class = "mnmash_error_dimension")
  slices[, , 3] <- bad
  expect_error(mash_set_data(B, V = slices), "slice 3", class = "mnmash_error_not_psd")
  expect_error(mash_update_data(data, V = slices), "slice 3", class = "mnmash_error_not_psd")
  slices[, , 3] <- replace(good, 2, 0.1)
  expect_error(mash_set_data(B, V = slices), "slice 3", class = "mnmash_error_asymmetric")
})

test_that("positive definiteness of many slices agrees with eigenvalues", {
  set.seed(1)
  V <- array(rnorm(4 * 4 * 50), c(4, 4, 50))
  V <- V + aperm(V, c(2, 1, 3)) + array(diag(4) * 4, c(4, 4, 50))
  smallest <- apply(V, 3, \(v) min(eigen(v, symmetric = TRUE)$values))
  expect_true(any(smallest < 0) && any(smallest > 0))
  expect_identical(positive_definite(V), smallest > 0)
})

test_that("mash_update_data replaces V", {
  data <- mash_set_data(effects())
  V <- 0.5 + diag(3) / 2
  expect_identical(mash_update_data(data, V = V)$V, V)
  expect_identical(mash_update_data(data), data)
  expect_error(mash_update_data(list()), "mash_set_data", class = "mnmash_error_type")
})

test_that("cells that look like missing values in other people's coding are said", {
  set.seed(3)
  B <- matrix(rnorm(400), 100)
  S <- matrix(runif(400, 0.5, 1.5), 100)
  hole <- matrix(runif(400) < 0.3, 100)
  hole[cbind(1:100, rep(1:4, 25))] <- FALSE
  for (code in c(10, 100, 1e6)) {
    expect_message(
      mash_set_data(replace(B, hole, 0), replace(S, hole, code)),
      paste(sum(hole), "cells have an effect of exactly 0 and the standard error.*give NA")
    )
  }
  # Large errors with effects, one for all, and effects of zero with errors like others are data.
  expect_no_message(mash_set_data(B, replace(S, hole, 100)))
  expect_no_message(mash_set_data(replace(B, hole, 0), 1))
  expect_no_message(mash_set_data(replace(B, hole, 0), replace(S, hole, 2)))
  expect_no_message(mash_set_data(replace(B, hole, NA), replace(S, hole, NA)))
})

test_that("few degrees of freedom without alpha = 1 are said", {
  set.seed(6)
  B <- matrix(rnorm(40), 10)
  expect_message(mash_set_data(B, 1, df = 4), "`df` is below 30 in 100% of the cells.*alpha = 1")
  expect_message(mash_set_data(B, 1, df = rep(c(4, 99), 5)), "in 50% of the cells")
  expect_no_message(mash_set_data(B, 1, df = 4, alpha = 1))
  expect_no_message(mash_set_data(B, 1, df = 50))
})
