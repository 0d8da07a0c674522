fitted_example <- function() {
  set.seed(1)
  sims <- simple_sims(20, 3, 0.3)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  list(data = data, m = mash(data, cov_canonical(data), verbose = FALSE))
}

test_that("data describe themselves", {
  B <- matrix(1:6 / 2, 2)
  expect_output(print(mash_set_data(B)), "2 units in 3 conditions \\(exchangeable effects\\)")
  B[1, 1] <- NA
  V <- 0.5 + diag(3) / 2
  expect_output(
    print(mash_set_data(B, V = V, alpha = 1)),
    "exchangeable z-scores.*common, 0.5 to 0.5.*missing: 1 values \\(17%\\)"
  )
})

test_that("fits are summarised in words", {
  example <- fitted_example()
  found <- summary(example$m)
  expect_equal(found$n_units, 80)
  expect_equal(sum(found$pi), 1)
  expect_equal(unname(found$by_condition), unname(colSums(get_lfsr(example$m) < 0.05)))
  expect_equal(found$n_significant, sum(apply(get_lfsr(example$m), 1, min) < 0.05))
  expect_output(print(example$m), "80 units in 3 conditions.*converged.*weights by covariance")
  expect_output(print(example$m), paste(found$n_significant, "units with lfsr < 0.05"))
})

test_that("as.data.frame lists every effect once", {
  m <- fitted_example()$m
  long <- as.data.frame(m)
  expect_named(long, c("unit", "condition", "mean", "sd", "lfsr"))
  expect_identical(nrow(long), 240L)
  pick <- long[long$unit == "effect_7" & long$condition == "condition_2", ]
  expect_equal(pick$mean, get_pm(m)[7, 2])
  expect_equal(pick$sd, get_psd(m)[7, 2])
  expect_equal(pick$lfsr, get_lfsr(m)[7, 2])
})

test_that("both pictures are drawn", {
  skip_if_not_installed("ggplot2")
  example <- fitted_example()
  withr::local_pdf(NULL)
  weights <- plot(example$m)
  expect_s3_class(weights, "ggplot")
  expect_no_error(print(weights))
  expect_equal(sum(weights$data$weight), 1, tolerance = 0.02)
  sharing <- plot(example$m, type = "sharing", factor = 0)
  expect_no_error(print(sharing))
  expect_setequal(sharing$data$sharing, as.vector(get_pairwise_sharing(example$m, factor = 0)))
  expect_error(plot(example$data), "data", class = "mnmash_error_type")
  expect_error(plot(example$m, "pie"), "type", class = "mnmash_error_argument")
})

test_that("similar conditions stand side by side", {
  sharing <- matrix(0.1, 4, 4)
  sharing[c(1, 3), c(1, 3)] <- 0.9
  sharing[c(2, 4), c(2, 4)] <- 0.9
  order <- similar_order(sharing)
  expect_true(abs(diff(match(c(1, 3), order))) == 1)
})
