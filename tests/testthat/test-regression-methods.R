# Methods that every class of regression has.

method_case <- function() {
  sim <- simulate_mr_mash(n = 80, p = 7, p_causal = 2, r = 2, pve = 0.4, seed = 3)
  colnames(sim$Y) <- c("liver", "lung")
  rownames(sim$X) <- rownames(sim$Y) <- paste0("s", 1:80)
  sim
}

method_fits <- function(sim) {
  list(
    mr_ash = mr_ash(sim$X, sim$Y[, 1]), varbvs = varbvs(sim$X, NULL, sim$Y[, 1]),
    mr_mash = mr_mash(sim$X, sim$Y, list(diag(2)), grid = 0.3),
    deconvolved = deconvolve(sim$X, sim$Y),
    mnm = deconvolve(sim$X, sim$Y, method = "mnm", prior = list(diag(2)), grid = 0.3)
  )
}

test_that("tables have a row for each predictor and condition, with what the fit says", {
  sim <- method_case()
  fits <- method_fits(sim)
  predictors <- colnames(sim$X)
  for (name in names(fits)) {
    table <- as.data.frame(fits[[name]])
    one <- name %in% c("mr_ash", "varbvs")
    expect_identical(table$predictor, rep(predictors, if (one) 1 else 2))
    if (!one) expect_identical(table$condition, rep(c("liver", "lung"), each = 7))
    means <- coef(fits[[name]])
    means <- if (one) means[predictors] else means[predictors, ]
    expect_identical(table$mean, as.vector(unname(means)))
    expect_identical(table$lfsr, as.vector(unname(lfsr(fits[[name]]))))
  }
  table <- as.data.frame(fits$mr_mash)
  expect_identical(table$sd, as.vector(unname(fits$mr_mash$psd)))
  bare <- mr_mash(unname(sim$X), unname(sim$Y), list(diag(2)), grid = 0.3, covariance = "none")
  expect_identical(names(as.data.frame(bare)), c("predictor", "condition", "mean"))
  expect_identical(as.data.frame(bare)$condition, rep(c("1", "2"), each = 7))
})

test_that("tidy() and glance() of package generics find their methods", {
  skip_if_not_installed("generics")
  fits <- method_fits(method_case())
  for (name in names(fits)) {
    table <- generics::tidy(fits[[name]])
    expect_true(all(c("term", "estimate", "lfsr") %in% names(table)))
    row <- generics::glance(fits[[name]])
    expect_identical(nrow(row), if (inherits(fits[[name]], "deconvolved")) 2L else 1L)
    expect_true(all(row$converged))
  }
})

test_that("bounds say that they are bounds, and samples are counted", {
  sim <- method_case()
  fits <- method_fits(sim)
  for (name in names(fits)) expect_identical(as.integer(nobs(fits[[name]])), 80L)
  for (fit in fits[c("mr_ash", "varbvs", "mr_mash")]) {
    expect_output(print(logLik(fit)), "lower bound on the log-likelihood .*df=")
    expect_true(is.finite(AIC(fit)) && is.finite(BIC(fit)))
  }
  expect_identical(c(logLik(fits$mr_ash)), fits$mr_ash$elbo)
  # The average over the grid, by the sum itself.
  fit <- varbvs(sim$X, NULL, sim$Y[, 1], logodds = c(-2, -1), grid_prior = c(1, 3))
  top <- max(fit$elbo)
  by_hand <- top + log(sum(c(0.25, 0.75) * exp(fit$elbo - top)))
  expect_equal(c(logLik(fit)), by_hand, tolerance = 1e-12)
  none <- mr_ash_rss(Z = rnorm(3), LD = diag(3))
  expect_error(nobs(none), "does not know", class = "mnmash_error_argument")
})

test_that("deconvolved effects predict, for the samples that have the response", {
  sim <- method_case()
  Y <- sim$Y
  Y[5:9, 2] <- NA
  d <- deconvolve(sim$X, Y)
  expect_identical(dimnames(fitted(d)), dimnames(Y))
  expect_identical(is.na(fitted(d)), is.na(Y))
  expect_equal(residuals(d), Y - fitted(d))
  values <- predict(d, sim$X)
  expect_equal(values[!is.na(Y)], fitted(d)[!is.na(Y)], tolerance = 1e-10)
  expect_identical(values[, 2], predict(d$fits$lung, sim$X))
  together <- deconvolve(sim$X, Y, method = "mnm", prior = list(diag(2)), grid = 0.3)
  expect_equal(predict(together, sim$X), predict(together$fit, sim$X))
  s <- univariate_sumstats(sim$X, sim$Y)
  rss <- deconvolve_rss(s$Bhat, s$Shat, LD = cor(sim$X), n = 80)
  for (f in list(fitted, residuals)) {
    expect_error(f(rss), "no individual-level data", class = "mnmash_error_argument")
  }
  expect_output(print(summary(d)), "liver")
})

test_that("getters of fits without samples are errors, and pictures are drawn", {
  sim <- method_case()
  s <- univariate_sumstats(sim$X, sim$Y[, 1])
  fit <- mr_ash_rss(s$Bhat, s$Shat, LD = cor(sim$X), n = 80)
  for (f in list(fitted, residuals, predict)) {
    expect_error(f(fit), "individual-level", class = "mnmash_error_argument")
  }
  skip_if_not_installed("ggplot2")
  fits <- method_fits(sim)
  for (fit in fits) expect_s3_class(plot(fit), "ggplot")
  expect_s3_class(plot(fits$varbvs, "grid"), "ggplot")
})

test_that("the class of varbvs() is not that of package varbvs", {
  sim <- method_case()
  fit <- varbvs(sim$X, NULL, sim$Y[, 1])
  expect_identical(class(fit), "mnmash_varbvs")
  skip_if_not_installed("varbvs")
  loadNamespace("varbvs")
  expect_identical(names(fitted(fit)), rownames(sim$X))
  expect_output(print(summary(fit)), "largest inclusion")
})
