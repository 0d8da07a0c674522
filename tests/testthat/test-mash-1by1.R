stored <- reference_case("onebyone_R4")$output
input <- reference_case("getters_R4")$input
data <- mash_set_data(input$Bhat, input$Shat)

test_that("each condition has ash's grid, its weights and its posterior", {
  found <- mash_1by1(data)
  for (what in c("PosteriorMean", "PosteriorSD", "lfsr")) {
    expect_lt(max(abs(found$result[[what]] - stored[[what]])), 1e-4)
    expect_identical(dimnames(found$result[[what]]), dimnames(input$Bhat))
  }
  for (r in seq_along(stored$per_column)) {
    expect_equal(found$fitted_g[[r]]$sd, stored$per_column[[r]]$sd, tolerance = 1e-12)
    expect_lt(max(abs(found$fitted_g[[r]]$pi - stored$per_column[[r]]$pi)), 1e-4)
  }
  expect_equal(found$loglik, stored$loglik, tolerance = 1e-8)
})

test_that("posteriors are those of a slow univariate mixture", {
  found <- mash_1by1(data)
  x <- unname(input$Bhat[, 3])
  s <- unname(input$Shat[, 3])
  g <- found$fitted_g[[3]]
  variance <- outer(s^2, g$sd^2, `+`)
  w <- sweep(dnorm(x, 0, sqrt(variance)), 2, g$pi, `*`)
  marginal <- rowSums(w)
  w <- w / marginal
  shrink <- outer(s^2, g$sd^2, \(a, b) b / (a + b))
  mean <- shrink * x
  sd <- sqrt(shrink * s^2)
  negative <- rowSums(w * ifelse(sd > 0, pnorm(-mean / sd), 0))
  positive <- rowSums(w * ifelse(sd > 0, pnorm(mean / sd), 0))
  expect_equal(unname(get_pm(found)[, 3]), rowSums(w * mean), tolerance = 1e-10)
  second <- rowSums(w * (mean^2 + sd^2))
  expect_equal(unname(get_psd(found)[, 3])^2, second - rowSums(w * mean)^2, tolerance = 1e-9)
  expect_equal(
    unname(get_lfsr(found)[, 3]), w[, 1] + pmin(negative, positive), tolerance = 1e-9
  )
  alone <- mash_1by1(list(Bhat = input$Bhat[, 3], Shat = input$Shat[, 3]))
  expect_equal(alone$loglik, sum(log(marginal)), tolerance = 1e-10)
})

test_that("getters read it", {
  found <- mash_1by1(data)
  expect_identical(get_loglik(found), found$loglik)
  significant <- get_significant_results(found, 0.05)
  expect_setequal(names(significant), names(which(apply(stored$lfsr, 1, min) < 0.05)))
  expect_identical(
    unname(get_n_significant_conditions(found)), as.integer(rowSums(get_lfsr(found) < 0.05))
  )
  expect_equal(
    get_pairwise_sharing(found), slow_sharing(get_pm(found), get_lfsr(found), 0.5, 0.05),
    ignore_attr = TRUE
  )
  expect_output(print(found), "200 units in 4 conditions")
})

test_that("a missing cell gets the prior, and does not change the fit of the others", {
  holes <- input$Bhat
  holes[1:3, 2] <- NA
  errors <- input$Shat
  errors[1:3, 2] <- NA
  found <- mash_1by1(mash_set_data(holes, errors))
  alone <- mash_1by1(list(Bhat = input$Bhat[-(1:3), 2], Shat = input$Shat[-(1:3), 2]))
  expect_equal(get_pm(found)[-(1:3), 2], get_pm(alone)[, 1], tolerance = 1e-10)
  g <- found$fitted_g[[2]]
  expect_equal(unname(get_pm(found)[1:3, 2]), rep(0, 3))
  expect_equal(unname(get_psd(found)[1, 2])^2, sum(g$pi * g$sd^2))
  expect_equal(unname(get_lfsr(found)[1, 2]), (1 + g$pi[1]) / 2)
})

test_that("alpha = 1 works on z-scores, and changes the likelihood by the Jacobian only", {
  z_data <- mash_set_data(input$Bhat / input$Shat)
  by_alpha <- mash_1by1(data, alpha = 1)
  by_hand <- mash_1by1(z_data)
  expect_equal(get_lfsr(by_alpha), get_lfsr(by_hand), tolerance = 1e-8)
  expect_equal(get_pm(by_alpha), get_pm(by_hand) * input$Shat, tolerance = 1e-8)
  expect_equal(by_alpha$loglik, by_hand$loglik - sum(log(input$Shat)), tolerance = 1e-8)
})

test_that("ash's arguments are understood, and unknown ones are errors", {
  found <- mash_1by1(data, mixsd = c(0.1, 1, 3), prior = "uniform")
  expect_identical(found$fitted_g[[1]]$sd, c(0, 0.1, 1, 3))
  expect_gt(found$loglik, mash_1by1(data, mixsd = c(0.1, 1, 3), nullweight = 50)$loglik)
  expect_identical(mash_1by1(data, mixsd = 1, pointmass = FALSE)$fitted_g[[1]]$sd, 1)
  expect_error(mash_1by1(data, foo = 1), "foo", class = "mnmash_error_argument")
  expect_error(mash_1by1(data, mixcompdist = "cauchy"), class = "mnmash_error_argument")
  expect_error(mash_1by1(1:3), class = "mnmash_error_type")
})

test_that("uniform mixtures are ashr's, or an error that says what to install", {
  if (!requireNamespace("ashr", quietly = TRUE)) {
    expect_error(
      mash_1by1(data, mixcompdist = "uniform"), "install.packages",
      class = "mnmash_error_package"
    )
    skip("ashr is not installed")
  }
  found <- mash_1by1(data, mixcompdist = "halfuniform")
  direct <- ashr::ash(input$Bhat[, 2], input$Shat[, 2], mixcompdist = "halfuniform")
  expect_equal(unname(get_pm(found)[, 2]), ashr::get_pm(direct))
  expect_equal(unname(get_lfsr(found)[, 2]), ashr::get_lfsr(direct))
})
