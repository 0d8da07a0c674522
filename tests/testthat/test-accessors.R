case <- reference_case("getters_R4")
stored <- structure(
  list(
    result = case$output$mash[c("PosteriorMean", "PosteriorSD", "lfsr")],
    loglik = case$output$mash$loglik,
    null_loglik = case$output$mash$null_loglik, alt_loglik = case$output$mash$alt_loglik,
    fitted_g = list(
      pi = case$output$mash$pi, Ulist = case$input$Ulist, grid = case$output$mash$grid,
      usepointmass = TRUE
    )
  ),
  class = "mash"
)

test_that("significant units and conditions are those of the reference", {
  for (expected in case$output$significant) {
    t <- expected$thresh
    expect_identical(get_significant_results(stored, t), expected$all)
    expect_identical(get_significant_results(stored, t, conditions = 1:2), expected$cond12)
    expect_identical(get_n_significant_conditions(stored, t), expected$n)
  }
})

test_that("conditions can be named, and unknown ones are errors", {
  expect_identical(
    get_significant_results(stored, conditions = colnames(get_pm(stored))[1:2]),
    get_significant_results(stored, conditions = 1:2)
  )
  expect_error(
    get_significant_results(stored, conditions = "brain"), "\"brain\"",
    class = "mnmash_error_argument"
  )
  expect_error(get_significant_results(stored, conditions = 5), class = "mnmash_error_argument")
})

test_that("another measure of significance can be used", {
  by_sd <- get_significant_results(stored, 0.1, sig_fn = get_psd)
  expect_identical(sort(unname(by_sd)), which(unname(apply(get_psd(stored), 1, min)) < 0.1))
})

test_that("weights are summed as in the reference", {
  expect_equal(get_estimated_pi(stored), case$output$mash$pi_cov, tolerance = 1e-12)
  expect_equal(get_estimated_pi(stored, "grid"), case$output$mash$pi_grid, tolerance = 1e-12)
  expect_equal(get_estimated_pi(stored, "all"), case$output$mash$pi_all, tolerance = 1e-12)
  expect_error(get_estimated_pi(stored, "rows"), "dimension", class = "mnmash_error_argument")
})

test_that("Bayes factors are those of the reference, and there are none without a point mass", {
  expect_equal(get_log10bf(stored), case$output$mash$log10bf, tolerance = 1e-12)
  expect_error(get_log10bf(list(loglik = 0)), "usepointmass", class = "mnmash_error_argument")
})

test_that("a fit without posteriors says so", {
  expect_error(get_significant_results(list()), "outputlevel", class = "mnmash_error_argument")
  expect_error(get_pairwise_sharing(list()), "outputlevel", class = "mnmash_error_argument")
})
