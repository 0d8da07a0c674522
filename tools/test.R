# Runs the tests against the installed package and ends with the line
# "testthat: N passed, N failed, N skipped" (counting test_that() blocks). Exit status 1 on failure.
library(testthat)
Sys.setenv(NOT_CRAN = "true") # skip nothing

folder <- "tests/testthat"
results <- as.data.frame(test_dir(
  folder,
  package = "mnmash",
  load_package = "installed",
  reporter = "check",
  stop_on_failure = FALSE
))

failed <- results$failed > 0L | results$error
skipped <- results$skipped & !failed
passed <- !failed & !skipped

# A file that left no result at all was not run to its end.
silent <- setdiff(list.files(folder, "^test.*[.][rR]$"), results$file)
for (file in silent) {
  message(file, ": no test in this file was run")
}

n_failed <- sum(failed) + length(silent)
cat(sprintf("testthat: %d passed, %d failed, %d skipped\n", sum(passed), n_failed, sum(skipped)))
quit(status = as.integer(n_failed > 0L || !any(passed)))
