test_that("no more than two threads are used under R CMD check", {
  withr::local_envvar("_R_CHECK_LIMIT_CORES_" = "TRUE")
  expect_identical(resolve_threads(8), 2L)
  expect_error(resolve_threads(0), "mnmash.threads", class = "mnmash_error_threads")
})
