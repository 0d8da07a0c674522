test_that("no more than two threads are used under R CMD check", {
  withr::local_envvar("_R_CHECK_LIMIT_CORES_" = "TRUE")
  expect_identical(resolve_threads(8), 2L)
  expect_error(resolve_threads(0), "mnmash.threads", class = "mnmash_error_threads")
})

failure <- function(kind) {
  structure(list(value = list(kind = kind, message = "`x` is wrong")), class = "extendr_error")
}

test_that("errors of the core are classed conditions, and an interrupt is an interrupt", {
  expect_error(from_rust(failure("value")), "`x` is wrong", class = "mnmash_error_value")
  stopped <- tryCatch(from_rust(failure("interrupted")), interrupt = \(e) "stopped")
  expect_identical(stopped, "stopped")
  expect_identical(from_rust(3), 3)
})

test_that("an error names the function the user called, not a helper", {
  caught <- tryCatch(mash_set_data("a"), error = identity)
  expect_identical(caught$call[[1]], quote(mash_set_data))
})
