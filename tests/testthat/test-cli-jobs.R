# A step that is quick: V of a file, with a method.
a_vhat <- function(folder, ..., data = extdata("mashr_input.rds"), step = "vhat_simple") {
  run_cli(step, "--data", data, "--cwd", folder, "--output-prefix", "p", ...)
}
result <- function(folder) file.path(folder, "p.EE.V_simple.rds")

test_that("what is up to date is not made again, unless its inputs or options changed", {
  folder <- withr::local_tempdir()
  data <- file.path(folder, "in.rds")
  saveRDS(simulate_mash_input(20, 20, 30, 3, seed = 1), data)
  expect_match(a_vhat(folder, data = data)$said, "Wrote")
  first <- readRDS(result(folder))
  Sys.setFileTime(result(folder), "2001-01-01")
  again <- a_vhat(folder, data = data)
  expect_identical(again$status, 0L)
  expect_match(again$said, "is up to date: inputs and options are those it was made with")
  expect_identical(format(file.mtime(result(folder)), "%Y"), "2001")
  expect_match(a_vhat(folder, "--force", data = data)$said, "Wrote")
  expect_false(format(file.mtime(result(folder)), "%Y") == "2001")
  # Other contents of the input: the same job once more.
  saveRDS(simulate_mash_input(20, 20, 30, 3, seed = 2), data)
  changed <- a_vhat(folder, data = data)
  expect_match(changed$said, "Wrote")
  expect_no_match(changed$said, "is kept")
  expect_false(identical(readRDS(result(folder)), first))
  # A manner of running is no other job.
  expect_match(a_vhat(folder, "--threads", "1", "--walltime", "2h", data = data)$said, "up to date")
})

test_that("results of another job are kept, and files that no record knows are not touched", {
  folder <- withr::local_tempdir()
  a_vhat(folder)
  first <- readRDS(result(folder))
  other <- a_vhat(folder, "--missing", "reset1000", "--seed", "5")
  expect_identical(other$status, 0L)
  expect_match(other$said, "of another job, is kept as 'p.EE.V_simple.rds.1'")
  expect_identical(readRDS(paste0(result(folder), ".1")), first)
  a_vhat(folder, "--seed", "6")
  expect_true(file.exists(paste0(result(folder), ".2")))

  saveRDS("mine", result(folder))
  refused <- a_vhat(folder)
  expect_identical(refused$status, 1L)
  expect_match(refused$said, "no record that mnmash wrote it.*--overwrite.*--output-prefix")
  expect_identical(readRDS(result(folder)), "mine")
  expect_identical(a_vhat(folder, "--overwrite")$status, 0L)
  expect_identical(readRDS(result(folder)), first)

  own <- file.path(folder, "data.rds")
  file.copy(extdata("mashr_input.rds"), own)
  both <- a_vhat(folder, "--output", own, "--overwrite", data = own)
  expect_identical(both$status, 1L)
  expect_match(both$said, "would be both read and written: give another --output")
})

test_that("of two runs that would write one file the second is refused, while there is a first", {
  skip_if_not(dir.exists("/proc/self"))
  folder <- withr::local_tempdir()
  lock <- lock_folder(result(folder))
  dir.create(lock, recursive = TRUE)
  hold <- function(pid) {
    writeLines(paste(pid, this_machine(), "2026-01-01 12:00:00"), file.path(lock, "owner"))
  }
  hold(Sys.getpid())
  refused <- a_vhat(folder)
  expect_identical(refused$status, 1L)
  expect_match(refused$said, paste0("another run \\(process ", Sys.getpid(), ".*since 2026-01-01"))
  expect_match(refused$said, "wait for it, or, if it is no more, delete")
  expect_false(file.exists(result(folder)))
  # No process has this number.
  hold(2^22 + 7)
  expect_identical(a_vhat(folder)$status, 0L)
  expect_false(dir.exists(lock))
})

test_that("a step that fails leaves nothing, and one that was killed is done again", {
  folder <- withr::local_tempdir()
  broken <- withr::local_tempfile(fileext = ".rds")
  saveRDS(list(strong.b = 1), broken)
  expect_identical(a_vhat(folder, data = broken)$status, 1L)
  expect_length(list.files(folder, all.files = TRUE, no.. = TRUE), 0)

  a_vhat(folder)
  whole <- readRDS(result(folder))
  # As a run leaves it that was killed after it had written, or before.
  record <- record_file(result(folder))
  writeLines(grep("^output ", readLines(record), value = TRUE, invert = TRUE), record)
  expect_match(a_vhat(folder)$said, "Wrote")
  expect_identical(readRDS(result(folder)), whole)
  unlink(result(folder))
  expect_match(a_vhat(folder)$said, "Wrote")
  expect_identical(readRDS(result(folder)), whole)
})

test_that("units of a list are made when theirs changed, and only then", {
  folder <- withr::local_tempdir()
  set.seed(3)
  input <- simulate_mash_input(20, 60, 30, 3, seed = 1)
  region <- \(n) {
    b <- matrix(rnorm(3 * n), n, dimnames = list(paste0("v", 1:n), colnames(input$strong.b)))
    list(bhat = b, sbhat = b * 0 + 1)
  }
  names <- c("chr1.ENSG1.13.rds", "chr1.ENSG2.rds")
  for (name in names) saveRDS(region(5), file.path(folder, name))
  fit <- mash_fit(input, list(own = diag(3)), "identity", verbose = FALSE,
                  compute_posterior = FALSE)
  model <- file.path(folder, "fit.rds")
  saveRDS(fit, model)
  list <- file.path(folder, "units.txt")
  writeLines(paste0(names, "\tsomething else"), list)
  call <- c("posterior", "--analysis-units", list, "--mash-model", model, "--cwd", folder,
            "--name", "toy")
  files <- file.path(folder, "cache", paste0("toy.", sub("[.]rds$", "", names), ".posterior.rds"))
  done <- run_cli(call)
  expect_identical(done$status, 0L, info = done$said)
  expect_identical(readLines(file.path(folder, "toy.all.posterior_list")), files)
  first <- lapply(files, readRDS)
  expect_identical(dim(first[[1]]$PosteriorCov), c(3L, 3L, 5L))
  Sys.setFileTime(files, "2001-01-01")
  made <- \() format(file.mtime(files), "%Y") != "2001"
  expect_match(run_cli(call)$said, "2 of 2 were up to date")
  expect_identical(made(), c(FALSE, FALSE))
  saveRDS(region(7), file.path(folder, names[2]))
  run_cli(call)
  expect_identical(made(), c(FALSE, TRUE))
  expect_identical(nrow(readRDS(files[2])$PosteriorMean), 7L)
  # One more unit; and results that a killed run has left: one whole, the other not begun.
  saveRDS(region(4), file.path(folder, "g3.rds"))
  cat("g3.rds\n", file = list, append = TRUE)
  record <- record_file(files[1])
  writeLines(grep("^output ", readLines(record), value = TRUE, invert = TRUE), record)
  unlink(files[2])
  run_cli(call)
  expect_identical(made(), c(FALSE, TRUE))
  expect_length(readLines(file.path(folder, "toy.all.posterior_list")), 3)
  # Another model: those of the first are kept.
  fit$fitted_g$pi <- rev(fit$fitted_g$pi)
  saveRDS(fit, model)
  run_cli(call)
  expect_identical(made(), c(TRUE, TRUE))
  writeLines(c("chr1.ENSG1.13.rds", "sub/chr1.ENSG1.13.rds"), list)
  dir.create(file.path(folder, "sub"))
  saveRDS(region(4), file.path(folder, "sub", names[1]))
  twice <- run_cli(call)
  expect_match(twice$said, "names two files of one name.*their results would be one")
})

test_that("what is said goes to a log, with times, under the workflows' name", {
  folder <- withr::local_tempdir()
  a_vhat(folder, "--log", "--walltime", "1h")
  log <- readLines(file.path(folder, "p.EE.V_simple.stderr"))
  expect_true(all(grepl("^[0-9-]{10} [0-9:]{8} ", log)))
  expect_match(log, "--walltime concerns the scheduler", all = FALSE)
  expect_match(log, "Wrote .*p.EE.V_simple.rds", all = FALSE)
  expect_match(log[length(log)], "done$")
  own <- file.path(folder, "own.log")
  a_vhat(folder, "--log", own, data = "nowhere.rds")
  expect_match(readLines(own), "Error: .*there is no file 'nowhere.rds'", all = FALSE)
})

test_that("progress in a log is a line with the time now and then", {
  time <- 0
  report <- progress_log("Units", 100, now = \() time)
  expect_silent(report(1))
  time <- 31
  expect_message(report(10), "^[0-9-]{10} [0-9:]{8} Units: 10 of 100 \\(10%\\)")
  time <- 60
  expect_silent(report(20))
  time <- 92
  expect_message(report(30), "30 of 100")
  expect_identical(progress_option("none"), FALSE)
  expect_identical(progress_option("line"), TRUE)
})
