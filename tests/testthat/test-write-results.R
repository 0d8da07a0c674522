# Tables go to files and come back.

test_that("a table comes back from every kind of file", {
  x <- data.frame(
    variant = c("1:1000000:A:G", "rs2", "NA"), pip = c(1 / 3, 1e-300, NA),
    position = c(1e5, 123456789012, -2), set = c("L1", NA, "L1"), active = c(TRUE, FALSE, NA),
    n = 1:3
  )
  for (ending in c(".tsv", ".txt.gz", ".csv", ".csv.gz", ".TSV")) {
    file <- withr::local_tempfile(fileext = ending)
    expect_identical(write_results(x, file), file)
    separator <- if (startsWith(ending, ".csv")) "," else "\t"
    back <- utils::read.table(file, header = TRUE, sep = separator, quote = "\"")
    expect_equal(back$pip, x$pip, tolerance = 1e-14)
    expect_identical(back$position, x$position)
    expect_identical(back$active, x$active)
    expect_identical(back$n, x$n)
    expect_identical(back$variant, c(x$variant[1:2], NA))
    expect_true("123456789012" %in% unlist(strsplit(readLines(file), separator)))
    # Nothing else is left in the folder.
    expect_length(list.files(dirname(file), "^[.]part-", all.files = TRUE), 0)
  }
  expect_identical(readLines(write_results(x[0, ], file))[1], paste(names(x), collapse = "\t"))
})

test_that("words that would run into the next cell are quoted, or refused", {
  x <- data.frame(a = c("one, two", "say \"x\"", "line\nend"), b = 1:3)
  file <- withr::local_tempfile(fileext = ".csv")
  expect_identical(utils::read.csv(write_results(x, file)), x)
  tabs <- withr::local_tempfile(fileext = ".tsv")
  expect_error(write_results(x, tabs), "column 1 \\(a\\).*\\.csv", class = "mnmash_error_value")
  expect_false(file.exists(tabs))
})

test_that("row names that are names are a column, others are none", {
  file <- withr::local_tempfile(fileext = ".tsv")
  x <- data.frame(estimate = c(0.5, 2), row.names = c("(Intercept)", "near"))
  back <- utils::read.delim(write_results(x, file))
  expect_identical(back, data.frame(name = rownames(x), estimate = c(0.5, 2)))
  x$name <- 1:2
  expect_error(write_results(x, file), "row names", class = "mnmash_error_names")
  rownames(x) <- NULL
  expect_named(utils::read.delim(write_results(x, file)), c("estimate", "name"))
})

test_that("fits and credible sets are written as their tables", {
  set.seed(1)
  X <- matrix(rnorm(100 * 8), 100, dimnames = list(NULL, paste0("v", 1:8)))
  Y <- X[, 3] %o% c(a = 1, b = 0.5) + matrix(rnorm(200), 100)
  fit <- finemap(finemap_data(X, Y), list(diag(2), matrix(1, 2, 2)))
  file <- withr::local_tempfile(fileext = ".tsv")
  for (by in c("variant", "set", "set_condition")) {
    back <- utils::read.delim(write_results(fit, file, by = by))
    expect_equal(back, as.data.frame(fit, by = by), ignore_attr = TRUE, tolerance = 1e-12)
  }
  back <- utils::read.delim(write_results(credible_sets(fit), file))
  expect_equal(back, as.data.frame(credible_sets(fit)), tolerance = 1e-12)
  expect_error(write_results(fit, file, by = "gene"), "`by`", class = "mnmash_error_argument")
  expect_error(write_results(summary(fit), file, by = "set"), "`by`",
               class = "mnmash_error_argument")
})

test_that("what cannot be written is said, and leaves the old file", {
  file <- withr::local_tempfile(fileext = ".tsv", lines = "old")
  bad <- data.frame(a = 1:2)
  bad$b <- list(1, 2:3)
  expect_error(write_results(bad, file), "column 2 \\(b\\)", class = "mnmash_error_type")
  expect_error(write_results(1:3, file), "data frame", class = "mnmash_error_type")
  expect_error(write_results(stats::lm(1:3 ~ 1), file), "not lm", class = "mnmash_error_type")
  expect_error(write_results(data.frame(), file), "no columns", class = "mnmash_error_dimension")
  expect_identical(readLines(file), "old")
  expect_error(write_results(bad[1], "x.xlsx"), "\\.parquet", class = "mnmash_error_argument")
  expect_error(write_results(bad[1], "x.parquet.gz"), "must end", class = "mnmash_error_argument")
  expect_error(write_results(bad[1], 3), "`file`", class = "mnmash_error_type")
})

test_that("parquet files are written where a package for them is installed", {
  x <- data.frame(variant = c("v1", "v2"), pip = c(0.25, NA))
  file <- withr::local_tempfile(fileext = ".parquet")
  if (!any(vapply(c("nanoparquet", "arrow"), requireNamespace, NA, quietly = TRUE))) {
    expect_error(write_results(x, file), "nanoparquet", class = "mnmash_error_package")
    expect_false(file.exists(file))
    return(invisible())
  }
  write_results(x, file)
  expect_equal(read_table(file, "`file`"), x)
})
