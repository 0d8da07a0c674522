test_that("nothing is shown before two seconds, then a line with rate and remaining time", {
  clock <- 0
  shown <- character()
  reporter <- progress_reporter(
    "Posteriors", 20000, now = \() clock, write = \(text) shown <<- c(shown, text)
  )
  clock <- 1
  reporter$report(500)
  expect_length(shown, 0)
  clock <- 2
  reporter$report(1200)
  expect_match(shown, "^\rPosteriors: 1,200 of 20,000 \\(6%\\), 600/s, 32 s left")
  clock <- 2.1
  reporter$report(1300)
  expect_length(shown, 1)
  clock <- 3
  reporter$report(15000)
  reporter$finish()
  expect_length(shown, 3)
  expect_match(shown[3], "^\r +\r$")
})

test_that("what follows the last unit is said", {
  clock <- 0
  shown <- character()
  reporter <- progress_reporter(
    "Likelihoods", 10, "solving", now = \() clock, write = \(text) shown <<- c(shown, text)
  )
  clock <- 5
  reporter$report(10)
  expect_match(shown, "Likelihoods: solving \\(5 s\\)")
})

test_that("the option decides, and is off outside interactive sessions", {
  withr::local_options(mnmash.progress = NULL)
  if (!interactive()) expect_null(with_progress("x", 1, identity))
  withr::local_options(mnmash.progress = TRUE)
  expect_type(with_progress("x", 1, identity), "closure")
  withr::local_options(mnmash.progress = FALSE)
  expect_null(with_progress("x", 1, identity))
})

test_that("a count beyond the total is shown without a share", {
  expect_identical(progress_line("Fitting", 300, 100, 10), "Fitting: 300, 30/s")
  expect_match(progress_line("x", 1, 7201, 1), "2 h left")
  expect_match(progress_line("x", 1, 121, 1), "2 min left")
})

test_that("each stage has its word, and the rate of its own time", {
  clock <- 0
  shown <- character()
  reporter <- progress_reporter(
    c("Likelihoods", "Posteriors"), 100, "solving", now = \() clock,
    write = \(text) shown <<- c(shown, text)
  )
  clock <- 10
  reporter$report(100, 1L)
  expect_match(shown[1], "Likelihoods: solving \\(10 s\\)")
  clock <- 11
  reporter$report(0, 2L)
  clock <- 12
  reporter$report(20, 2L)
  expect_match(shown[3], "Posteriors: 20 of 100 \\(20%\\), 20/s, 4 s left")
  clock <- 15
  reporter$report(100, 2L)
  expect_match(shown[4], "Posteriors: 100 of 100")
})
