# Pictures hold what they are about: the layers' data are compared with the fit.

region_fit <- function() {
  set.seed(1)
  X <- matrix(rnorm(200 * 20), 200, dimnames = list(NULL, paste0("v", 1:20)))
  Y <- cbind(a = X[, 3] + rnorm(200), b = 0.8 * X[, 3] - X[, 11] + rnorm(200))
  finemap(finemap_data(X, Y), list(shared = matrix(1, 2, 2), own = diag(2)), L = 4)
}

test_that("inclusion probabilities at their positions, sets in colour", {
  skip_if_not_installed("ggplot2")
  fit <- region_fit()
  position <- 1000 * (1:20)
  found <- plot(fit, position = position)
  expect_s3_class(found, "ggplot")
  points <- ggplot2::layer_data(found, 1)
  expect_equal(sort(points$x), position)
  expect_equal(points$y[order(points$x)], unname(fit$pip))
  sets <- ggplot2::layer_data(found, 2)
  expect_setequal(sets$x, position[unlist(lapply(fit$sets, `[[`, "variables"))])
  expect_length(unique(sets$colour), length(fit$sets))
  expect_error(plot(fit, position = 1:3), "`position`", class = "mnmash_error_dimension")
})

test_that("effects by set and condition, relative to the largest of the set", {
  skip_if_not_installed("ggplot2")
  fit <- region_fit()
  table <- summary(fit)
  shown <- ggplot2::layer_data(plot(fit, "effects"), 1)
  expect_identical(nrow(shown), nrow(table))
  expect_identical(length(unique(shown$y)), length(fit$sets))
  none <- fit
  none$sets <- list()
  expect_error(plot(none, "effects"), "no credible set", class = "mnmash_error_argument")
  expect_s3_class(plot(none), "ggplot")
})

test_that("the bound by sweep, and a file", {
  skip_if_not_installed("ggplot2")
  fit <- region_fit()
  expect_equal(ggplot2::layer_data(plot(fit, "elbo"), 1)$y, fit$elbo)
  file <- withr::local_tempfile(fileext = ".png")
  plot(fit, file = file)
  expect_gt(file.size(file), 1000)
  expect_error(plot(fit, "forest"), "`type`", class = "mnmash_error_argument")
})

test_that("positions are those that names say, where all say them", {
  skip_if_not_installed("ggplot2")
  set.seed(1)
  X <- matrix(rnorm(100 * 6), 100)
  at <- c(1e6, 1000500, 1001000, 1002000, 1003000, 1500000)
  colnames(X) <- paste0("chr7:", format(at, scientific = FALSE, trim = TRUE), ":A:G")
  region <- function(X) finemap(finemap_data(X, X[, 2] + rnorm(100)), 1, L = 1)
  found <- plot(region(X))
  expect_equal(sort(ggplot2::layer_data(found, 1)$x), at)
  scale <- ggplot2::layer_scales(found)$x
  expect_match(scale$name, "chromosome 7 (Mb)", fixed = TRUE)
  expect_identical(scale$labels(1.5e6), "1.5")
  colnames(X)[3] <- "rs17"
  expect_equal(sort(ggplot2::layer_data(plot(region(X)), 1)$x), 1:6)
  colnames(X)[3] <- "chr8:1001000:A:G"
  expect_equal(sort(ggplot2::layer_data(plot(region(X)), 1)$x), 1:6)
})
