test_that("a forest plot shows means and 95% intervals of the unit, top condition first", {
  skip_if_not_installed("ggplot2")
  case <- reference_case("onebyone_R4")$output
  m <- structure(list(result = case[c("PosteriorMean", "PosteriorSD", "lfsr")]), class = "mash")
  p <- mash_plot_meta(m, 67)
  expect_s3_class(p, "ggplot")
  expect_identical(p$data$mean, unname(case$PosteriorMean[67, ]), ignore_attr = TRUE)
  expect_equal(
    p$data$upper - p$data$lower, unname(2 * qnorm(0.975) * case$PosteriorSD[67, ]),
    ignore_attr = TRUE
  )
  expect_identical(rev(levels(p$data$condition)), colnames(case$lfsr))
  expect_identical(p$data$significant, unname(case$lfsr[67, ] < 0.05), ignore_attr = TRUE)
  expect_silent(ggplot2::ggplot_build(p))
  expect_identical(mash_plot_meta(m, rownames(case$lfsr)[67])$data, p$data)
})

test_that("labels, level and limits can be chosen; a wrong unit is an error", {
  skip_if_not_installed("ggplot2")
  m <- structure(
    list(result = list(
      PosteriorMean = diag(3), PosteriorSD = diag(3) + 1, lfsr = diag(3)
    )),
    class = "mash"
  )
  p <- mash_plot_meta(m, 2, xlab = "b", labels = c("x", "y", "z"), conf.level = 0.5)
  expect_identical(p$labels$x, "b")
  expect_equal(p$data$upper[2], 1 + 2 * qnorm(0.75))
  expect_message(mash_plot_meta(m, 1, colors = "red"), "colors")
  expect_error(mash_plot_meta(m, 4), class = "mnmash_error_argument")
  expect_error(mash_plot_meta(m, 1:2), "one unit", class = "mnmash_error_argument")
  expect_error(mash_plot_meta(m, 1, labels = c("a", "a", "b")), class = "mnmash_error_argument")
})
