test_that("results come by name; the user's random numbers are left alone", {
  expect_identical(each_region(list(a = 1:3, b = 4), sum), list(a = 6L, b = 4))
  expect_identical(
    each_region(c("x/one.rds", "two.tsv"), nchar), list(one = 9L, two.tsv = 7L)
  )
  set.seed(1)
  before <- .Random.seed
  first <- each_region(list(a = 1, b = 1), runif, seed = 3)
  expect_identical(.Random.seed, before)
  expect_identical(each_region(list(a = 1, b = 1), runif, seed = 3), first)
  expect_false(first$a == first$b)
  set.seed(1)
  drawn <- each_region(list(a = 1, b = 1), runif)
  set.seed(1)
  expect_identical(each_region(list(a = 1, b = 1), runif), drawn)
})

test_that("an interrupted run goes on, with the random numbers it started with", {
  folder <- withr::local_tempfile()
  regions <- list(a = 1, b = 2, c = 3)
  fail <- TRUE
  calls <- character()
  f <- function(x) {
    calls <<- c(calls, names(regions)[x])
    if (fail && x == 2) stop("no more power")
    rnorm(3)
  }
  expect_error(each_region(regions, f, folder = folder), "region \"b\": no more power")
  fail <- FALSE
  done <- each_region(regions, f, folder = folder)
  expect_identical(calls, c("a", "b", "c", "b"))
  seed <- readRDS(file.path(folder, "job.rds"))$seed
  expect_identical(
    unname(lapply(done$file, readRDS)), unname(each_region(regions, f, seed = seed))
  )
  expect_error(each_region(regions, f, folder = folder, seed = seed + 1), "`seed` differs")
  expect_error(each_region(regions[1:2], f, folder = folder), "`regions` differs")
})

test_that("bad regions are named", {
  expect_error(each_region(list(1, 2), sum), "must have names", class = "mnmash_error_names")
  expect_error(each_region(list(a = 1, a = 2), sum), "two regions named \"a\"")
  expect_error(each_region(list(), sum), "`regions`", class = "mnmash_error_type")
  expect_error(each_region(list(a = 1), "sum"), "`f`", class = "mnmash_error_type")
  expect_error(each_region(list(a = 1), sum, folder = 3), "`folder`", class = "mnmash_error_type")
  folder <- withr::local_tempfile()
  expect_error(each_region(list("a:b" = 1, "a/b" = 2), sum, folder = folder), "file 'a_b.rds'")
})
