model <- function(g, alpha = 0) structure(list(fitted_g = g, alpha = alpha), class = "mash")

test_that("predictive probabilities, counts and moments are plain sums over components", {
  for (V in list(correlated(3), by_unit(3, 20))) {
    data <- random_data(3, J = 20, missing = 0.2, V = V)
    U <- small_prior(3)
    g <- list(pi = rep(1 / 9, 9), Ulist = U, grid = c(0.5, 2), usepointmass = TRUE)
    found <- mash_z_check(model(g), data, thresh = 1.5)
    components <- slow_components(U, g$grid)
    pit <- matrix(NA_real_, 20, 3)
    expected <- observed <- count <- matrix(0, 3, 3)
    for (j in 1:20) {
      N <- slow_noise(data, j)
      o <- slow_observed(data, j)
      s <- data$Shat[j, ]
      variances <- vapply(components, \(C) diag(C + N) / s^2, numeric(3))
      z <- data$Bhat[j, ] / s
      pit[j, o] <- rowMeans(pnorm(z, sd = sqrt(variances)))[o]
      second <- Reduce(`+`, lapply(components, \(C) (C + N) / tcrossprod(s))) / 9
      expected[o, o] <- expected[o, o] + second[o, o]
      observed[o, o] <- observed[o, o] + tcrossprod(z)[o, o]
      count[o, o] <- count[o, o] + 1
    }
    expect_equal(found$pit, pit, tolerance = 1e-10)
    expect_equal(found$moments$expected, expected / count, tolerance = 1e-10)
    expect_equal(found$moments$observed, observed / count, tolerance = 1e-10)
    z <- (data$Bhat / data$Shat)[!data$missing[, 2], 2]
    expect_equal(found$conditions$observed[2], sum(abs(z) > 1.5))
    expect_equal(found$conditions$n[2], length(z))
  }
})

test_that("data from the model pass; wrong errors and wrong correlations are found", {
  set.seed(1)
  g <- list(pi = c(0.6, 0.2, 0.2), Ulist = list(a = diag(3), b = matrix(1, 3, 3)), grid = 2,
            usepointmass = TRUE)
  J <- 4000
  V <- correlated(3)
  data <- mash_set_data(matrix(0.1, J, 3), matrix(runif(3 * J, 0.5, 2), J), V = V)
  simulated <- simulate(model(g), data = data)[[1]]$data
  good <- mash_z_check(model(g), simulated)
  expect_lt(max(abs(good$conditions$score)), 4)
  expect_lt(max(abs(good$moments$score)), 4)
  expect_gt(min(apply(good$pit, 2, \(u) ks.test(u, "punif")$p.value)), 1e-4)
  independent <- mash_z_check(model(g), mash_update_data(simulated, V = diag(3)))
  expect_gt(independent$moments$score[1, 2], 6)
  too_small <- simulated
  too_small$Shat <- too_small$Shat / 1.5
  expect_gt(min(mash_z_check(model(g), too_small, thresh = 2)$conditions$score), 6)
  expect_output(print(good), "12,000 z-scores in 3 conditions")
  skip_if_not_installed("ggplot2")
  expect_silent(ggplot2::ggplot_build(plot(good)))
})

test_that("a sample of units is spread over the rows; bad arguments are errors", {
  data <- random_data(3, J = 50)
  g <- list(pi = c(0.5, 0.5), Ulist = list(a = diag(3)), grid = 1, usepointmass = TRUE)
  found <- mash_z_check(model(g), data, max_units = 10)
  expect_identical(dim(found$pit), c(10L, 3L))
  expect_error(mash_z_check(model(g), data, thresh = -1), class = "mnmash_error_argument")
  expect_error(mash_z_check(model(g, 1), data), class = "mnmash_error_units")
})
