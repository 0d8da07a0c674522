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
