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
  seed <- readRDS(job_note(folder))$seed
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

test_that("one failing region loses no other", {
  f <- function(x) if (x == 2) stop("no data") else x * 10
  expect_warning(
    found <- each_region(list(a = 1, b = 2, c = 3), f),
    "1 region failed:\n  region \"b\": no data", class = "mnmash_warning_region"
  )
  expect_identical(found[], list(a = 10, b = NULL, c = 30), ignore_attr = TRUE)
  expect_identical(
    attr(found, "failures"), data.frame(region = "b", error = "region \"b\": no data")
  )
  expect_error(each_region(list(a = 2, b = 2), f), "region \"a\": no data")
  folder <- withr::local_tempfile()
  e <- tryCatch(
    each_region(list(a = 1, b = 2, c = 3, d = 2), f, folder = folder),
    mnmash_error_region = identity
  )
  expect_identical(e$failures$region, c("b", "d"))
  expect_match(conditionMessage(e), "2 regions failed")
  expect_setequal(list.files(folder), c("a.rds", "c.rds"))
})

test_that("a region may have any name, and the note of a folder is not among them", {
  folder <- withr::local_tempfile()
  names <- c("job", ".mnmash-job", "../../x", "\u00e9\u4f1d", "-rf", "con")
  regions <- stats::setNames(as.list(1:6), names)
  done <- each_region(regions, \(x) x * 10, folder = folder, seed = 1)
  expect_identical(vapply(done$file, readRDS, 0, USE.NAMES = FALSE), 1:6 * 10)
  expect_identical(anyDuplicated(done$file), 0L)
  expect_true(all(dirname(done$file) == normalizePath(folder)))
  # After two names that clash were renamed, the folder is as good as new.
  folder <- withr::local_tempfile()
  expect_error(each_region(list("a/b" = 1, "a_b" = 2), identity, folder = folder), "rename one")
  expect_s3_class(each_region(list("a/b" = 1, "a_c" = 2), identity, folder = folder), "data.frame")
})

test_that("what is resumed is verified: damaged results are made again, not a damaged note", {
  folder <- withr::local_tempfile()
  regions <- list(a = 1, b = 2, c = 3)
  go <- \() each_region(regions, \(x) rnorm(100) + x, folder = folder, seed = 1)
  done <- go()
  first <- lapply(done$file, readRDS)
  bytes <- readBin(done$file[2], "raw", 1e5)
  bytes[500] <- xor(bytes[500], as.raw(1))
  writeBin(bytes, done$file[2])
  file.create(done$file[3])
  expect_message(again <- go(), "b.rds' is damaged, and is made again \\(and 1 more\\)")
  expect_identical(lapply(again$file, readRDS), first)
  expect_no_message(go())
  unlink(done$file[1])
  dir.create(done$file[1])
  expect_error(go(), "a.rds' is a folder", class = "mnmash_error_file")
  unlink(done$file[1], recursive = TRUE)
  note <- readBin(job_note(folder), "raw", 1e5)
  writeBin(utils::head(note, -20), job_note(folder))
  expect_error(go(), "`folder`: '.*job.rds' is .*damaged", class = "mnmash_error_file")
  unlink(job_note(folder))
  expect_error(go(), "no note", class = "mnmash_error_folder")
})

test_that("on workers a region has one thread, unless the session says otherwise", {
  skip_if_not_installed("future.apply")
  withr::local_options(mnmash.threads = NULL)
  withr::local_envvar(MNMASH_NUM_THREADS = NA)
  expect_null(worker_threads(1))
  expect_identical(worker_threads(2), 1L)
  work <- region_work(\(x) resolve_threads(), list(), worker_threads(2))
  expect_identical(work(1), 1L)
  expect_null(getOption("mnmash.threads"))
  withr::local_options(mnmash.threads = 2L)
  expect_identical(region_work(\(x) resolve_threads(), list(), worker_threads(4))(1), 2L)
})
