# Fits in the layouts of susieR and coloc.

susie_region <- function(seed = 1, R = 1L) {
  set.seed(seed)
  n <- 200
  X <- matrix(rnorm(n * 12), n, dimnames = list(NULL, paste0("rs", 1:12)))
  for (j in 2:12) X[, j] <- 0.7 * X[, j - 1] + sqrt(0.51) * X[, j]
  X <- X * rep(1:12, each = n)
  Y <- X[, 3] %o% (c(0.3, 0.2, 0)[seq_len(R)]) + X[, 9] %o% (c(0.06, 0, 0.05)[seq_len(R)]) +
    matrix(rnorm(n * R), n)
  colnames(Y) <- c("liver", "lung", "brain")[seq_len(R)]
  list(X = X, Y = Y, n = n)
}

# One region in the three forms.
region_forms <- function(s) {
  x <- scale(s$X, scale = FALSE)
  y <- scale(s$Y, scale = FALSE)
  found <- univariate_sumstats(s$X, s$Y)
  list(
    rows = finemap_data(s$X, s$Y),
    suffstat = finemap_suffstat(crossprod(x), crossprod(x, y), crossprod(y), s$n),
    sumstats = finemap_sumstats(Bhat = found$Bhat, Shat = found$Shat, LD = cor(s$X), n = s$n)
  )
}

test_that("of one condition, its own Bayes factors are those of the fit, in every form", {
  for (data in region_forms(susie_region())) {
    for (standardize in c(TRUE, FALSE)) {
      fit <- finemap(data, c(0.5, 4), L = 3, tol = 1e-11, standardize = standardize)
      live <- fit$scale > 0
      expect_gt(sum(live), 1)
      own <- as_susie(fit, data = data)
      expect_equal(own$lbf_variable, fit$lbf_variable, tolerance = 1e-4)
      expect_equal(own$lbf[live], fit$lbf[live], tolerance = 1e-4)
      expect_identical(as_susie(fit)$lbf_variable, fit$lbf_variable)
      expect_equal(log_bayes_factors(fit, data)[[1]], log_bayes_factors(fit), tolerance = 1e-4)
    }
  }
})

test_that("conditions that tell nothing of each other add up to the evidence of all", {
  s <- susie_region(R = 2L)
  for (data in region_forms(s)) {
    fit <- finemap(data, diag(2), V = diag(2), L = 3, tol = 1e-11)
    own <- as_susie(fit, data = data)
    expect_named(own, c("liver", "lung"))
    expect_equal(own$liver$lbf_variable + own$lung$lbf_variable, fit$lbf_variable,
                 tolerance = 1e-4)
  }
  # Also where outcomes are missing: each condition has its own samples.
  s$Y[1:40, 1] <- NA
  s$Y[150:200, 2] <- NA
  data <- finemap_data(s$X, s$Y)
  fit <- finemap(data, diag(2), V = diag(2), L = 3, tol = 1e-11)
  own <- as_susie(fit, data = data)
  expect_equal(own$liver$lbf_variable + own$lung$lbf_variable, fit$lbf_variable, tolerance = 1e-4)
})

test_that("covariates, and no intercept, are as in the fit", {
  s <- susie_region()
  Z <- cbind(age = rnorm(s$n), sex = rep(0:1, 100))
  data <- finemap_data(s$X + Z[, 1], s$Y + 2 * Z[, 2], covariates = Z)
  fit <- finemap(data, 1, L = 3, tol = 1e-11)
  expect_equal(as_susie(fit, data = data)$lbf_variable, fit$lbf_variable, tolerance = 1e-4)
  data <- finemap_data(s$X + 0.3, s$Y)
  fit <- finemap(data, 1, L = 3, tol = 1e-11, intercept = FALSE)
  expect_equal(as_susie(fit, data = data)$lbf_variable, fit$lbf_variable, tolerance = 1e-4)
})

test_that("the moments give the coefficients, as susieR takes them", {
  s <- susie_region(R = 3L)
  fit <- finemap(finemap_data(s$X, s$Y), list(matrix(1, 3, 3), diag(3)), V = diag(3))
  objects <- as_susie(fit)
  for (r in colnames(s$Y)) {
    one <- objects[[r]]
    expect_s3_class(one, "susie")
    coefficients <- colSums(one$alpha * one$mu) / one$X_column_scale_factors
    expect_equal(c(one$intercept, coefficients), coef(fit)[, r], ignore_attr = TRUE)
    live <- one$V > 1e-9
    expect_identical(unname(live), unname(fit$scale > 1e-9))
    expect_equal(one$pip, 1 - apply(1 - one$alpha[live, , drop = FALSE], 2, prod))
    expect_true(all(one$mu2 >= one$mu^2))
    # Given the place, the probability that the sign is wrong, as susie_get_lfsr() has it.
    sd <- sqrt(one$mu2 - one$mu^2)
    expect_true(all(is.finite(sd)))
  }
  expect_identical(as_susie(fit, "lung"), objects$lung)
  expect_identical(as_susie(fit, 2), objects$lung)
  # V is of standardised variables: that of U scaled to effects, times the scale.
  unit <- apply(s$Y, 2, sd) / sqrt(s$n)
  expect_equal(objects$lung$V, fit$scale * unit[["lung"]]^2, ignore_attr = TRUE)
})

test_that("sets are in the layout of susieR", {
  s <- susie_region()
  fit <- finemap(finemap_data(s$X, s$Y), 1, coverage = 0.9)
  sets <- as_susie(fit)$sets
  expect_identical(names(sets$cs), names(fit$sets))
  expect_identical(names(fit$lbf)[sets$cs_index], names(fit$sets))
  expect_identical(sets$requested_coverage, 0.9)
  expect_named(sets$purity, c("min.abs.corr", "mean.abs.corr", "median.abs.corr"))
  expect_identical(rownames(sets$purity), names(fit$sets))
  for (l in names(sets$cs)) {
    expect_false(is.unsorted(sets$cs[[l]]))
    expect_identical(names(sets$cs[[l]]), colnames(s$X)[sets$cs[[l]]])
    expect_setequal(unname(sets$cs[[l]]), unname(fit$sets[[l]]$variables))
  }
  expect_equal(sets$coverage, unname(vapply(fit$sets, `[[`, 0, "coverage")))
  none <- finemap(finemap_data(s$X, rnorm(s$n)), 1)
  expect_length(none$sets, 0)
  expect_null(as_susie(none)$sets$cs)
  expect_identical(dim(log_bayes_factors(none)), c(0L, 13L))
})

test_that("matrices of Bayes factors end with the null, and tell shared from other variants", {
  s <- susie_region(R = 3L)
  prior <- list(matrix(1, 3, 3), diag(3), diag(c(0, 0, 1)))
  fit <- finemap(finemap_data(s$X, s$Y), prior, V = diag(3))
  both <- log_bayes_factors(fit)
  expect_identical(dimnames(both), list(names(fit$sets), c(colnames(s$X), "null")))
  expect_true(all(both[, "null"] == 0))
  expect_identical(both[, -13], fit$lbf_variable[names(fit$sets), ])
  own <- log_bayes_factors(fit, finemap_data(s$X, s$Y))
  # Variant 3 acts in liver and lung only, variant 9 not in lung.
  third <- names(fit$sets)[vapply(fit$sets, \(x) 3L %in% x$variables, NA)]
  ninth <- names(fit$sets)[vapply(fit$sets, \(x) 9L %in% x$variables, NA)]
  expect_gt(own$liver[third, "rs3"], 10)
  expect_lt(own$brain[third, "rs3"], 1)
  expect_gt(own$brain[ninth, "rs9"], 3)
  expect_lt(own$lung[ninth, "rs9"], 1)
})

test_that("data of another region, and what is no fit, are refused", {
  s <- susie_region(R = 2L)
  fit <- finemap(finemap_data(s$X, s$Y), diag(2))
  expect_error(as_susie(fit, data = finemap_data(s$X[, -1], s$Y)), "variables differ",
               class = "mnmash_error_names")
  expect_error(as_susie(fit, data = finemap_data(s$X, s$Y[, 2:1])), "conditions differ",
               class = "mnmash_error_names")
  expect_error(as_susie(fit, data = region_forms(s)$suffstat), "another form",
               class = "mnmash_error_names")
  expect_error(as_susie(fit, data = s$X), "finemap_data", class = "mnmash_error_type")
  expect_error(as_susie(fit, "skin"), "`condition`.*liver, lung", class = "mnmash_error_argument")
  expect_error(as_susie(1), "`x`", class = "mnmash_error_type")
})
