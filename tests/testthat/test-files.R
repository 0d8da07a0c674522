test_that("a file is complete or not there", {
  folder <- withr::local_tempdir()
  file <- file.path(folder, "new", "x.rds")
  save_rds(list(1, "a"), file)
  expect_identical(readRDS(file), list(1, "a"))
  expect_identical(list.files(dirname(file), all.files = TRUE, no.. = TRUE), "x.rds")
  expect_error(
    write_whole(file, \(part) {
      writeLines("half", part)
      stop("disk full")
    }),
    "cannot write .*x.rds.*disk full", class = "mnmash_error_file"
  )
  expect_identical(readRDS(file), list(1, "a"))
  expect_identical(list.files(dirname(file), all.files = TRUE, no.. = TRUE), "x.rds")
})

test_that("large and small files are read back alike, and bytes do not depend on the hour", {
  folder <- withr::local_tempdir()
  files <- file.path(folder, c("a.rds", "b.rds", "c.rds"))
  for (file in files[1:2]) save_rds(letters, file)
  save_rds(letters, files[3], level = 0L)
  expect_identical(unname(tools::md5sum(files[1])), unname(tools::md5sum(files[2])))
  expect_identical(readRDS(files[3]), letters)
})

test_that("files that cannot be read or written are named", {
  folder <- withr::local_tempdir()
  expect_error(read_rds(file.path(folder, "no.rds"), "prior"), "`prior`: there is no file",
    class = "mnmash_error_file")
  broken <- file.path(folder, "broken.rds")
  writeBin(readBin(test_path("fixtures", "weights.rds"), "raw", 200), broken)
  expect_error(read_rds(broken, "data"), "`data`: .*broken.rds' is not an RDS file, or is damaged",
    class = "mnmash_error_file")
  # A folder below a file cannot be made, whoever asks.
  expect_error(usable_folder(file.path(broken, "below"), "cwd"), "`cwd`: cannot make the folder",
    class = "mnmash_error_file")
})

test_that("names of files follow the workflows", {
  expect_identical(output_prefix(NULL, "some/where/my.input.rds"), "my.input")
  expect_identical(output_file("out", "x", "EE", "V_simple"), "out/x.EE.V_simple.rds")
})
