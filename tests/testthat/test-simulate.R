test_that("a seed gives the reference data", {
  case <- readRDS(test_path("fixtures", "simulate_seeded.rds"))
  withr::local_seed(11)
  expect_equal(simple_sims(5, 4, .3), case$output$s1, tolerance = 1e-12)
  expect_equal(simple_sims2(5, .3), case$output$s2, tolerance = 1e-12)
})

test_that("wrong sizes are errors", {
  expect_error(simple_sims(0), "nsamp", class = "mnmash_error_argument")
  expect_error(simple_sims2(3, -1), "err_sd", class = "mnmash_error_argument")
})

test_that("contrast simulators give the data of the reference, call after call", {
  case <- reference_case("simulate_seeded")
  set.seed(case$input$seed)
  simple_sims(5, 4, 0.3)
  simple_sims2(5, 0.3)
  expect_equal(sim_contrast1(6, 4), case$output$c1, tolerance = 1e-12)
  expect_equal(sim_contrast2(40, 5), case$output$c2, tolerance = 1e-12)
})

test_that("no unit deviates in the reference condition", {
  set.seed(1)
  sims <- sim_contrast2(60, 3)
  level <- sims$C[, 3]
  expect_identical(sum(rowSums(sims$C != level) > 0), 6L)
  expect_error(sim_contrast2(10, 1), class = "mnmash_error_argument")
})

test_that("sizes that would fill the memory are refused, by name", {
  expect_error(sim_contrast2(nsamp = 1e8), "`nsamp` x `ncond` is 5e\\+08 numbers",
               class = "mnmash_error_argument")
  expect_error(simple_sims(1e7, 100), "`nsamp` x `ncond`", class = "mnmash_error_argument")
  expect_error(simple_sims2(1e8), "`nsamp`", class = "mnmash_error_argument")
  expect_error(
    simulate_mr_mash(n = 1e3, p = 1e8, p_causal = 1, r = 1, pve = 0.5), "`n` x `p`",
    class = "mnmash_error_argument"
  )
  expect_error(simulate_mash_input(n_null = 1e8), "`n_null` x `conditions`",
               class = "mnmash_error_argument")
})
