# Rscript tools/coverage.R LIBRARY: lines of R that the tests go over. Only R is traced: the package
# in LIBRARY is used as it is, with its functions replaced by traced ones.
.libPaths(c(commandArgs(trailingOnly = TRUE)[1L], .libPaths()))
Sys.setenv(NOT_CRAN = "true")
namespace <- loadNamespace("mnmash")
traced <- new.env(parent = namespace)
sources <- setdiff(list.files("R", "[.]R$", full.names = TRUE), "R/extendr-wrappers.R")
options(keep.source = TRUE)
functions <- lapply(stats::setNames(nm = sources), \(file) {
  own <- new.env(parent = namespace)
  sys.source(file, own, keep.source = TRUE)
  own
})
# What is sourced has its text, which the installed package has not.
unlock <- get("unlockBinding", baseenv())
for (own in functions) {
  for (name in ls(own, all.names = TRUE)) {
    value <- get(name, own)
    if (is.function(value)) environment(value) <- namespace
    if (exists(name, namespace, inherits = FALSE)) {
      unlock(name, namespace)
      assign(name, value, namespace)
    }
  }
}
library(mnmash)
lines <- readLines("NAMESPACE")
methods <- regmatches(lines, regexpr("(?<=S3method[(])[^)]+", lines, perl = TRUE))
register <- function() {
  for (method in strsplit(methods, ",")) {
    registerS3method(
      method[1L], method[2L], get(paste(method, collapse = "."), namespace), envir = namespace
    )
  }
  exported <- as.environment("package:mnmash")
  for (name in ls(exported)) {
    unlock(name, exported)
    assign(name, get(name, namespace), exported)
  }
}
trace_environment <- getFromNamespace("trace_environment", "covr")
clear <- getFromNamespace("clear_counters", "covr")
clear()
trace_environment(namespace)
register()
testthat::test_dir(
  "tests/testthat", package = "mnmash", load_package = "none", reporter = "check",
  env = new.env(parent = namespace), stop_on_failure = FALSE
)
counters <- as.list(getFromNamespace(".counters", "covr"))
lines <- do.call(rbind, lapply(counters, \(counter) {
  where <- counter$srcref
  file <- attr(where, "srcfile")$filename
  data.frame(file = file, line = where[1L]:where[3L], hits = counter$value)
}))
# A line counts as covered when all expressions on it were run.
by_line <- stats::aggregate(hits ~ file + line, lines, min)
total <- stats::aggregate(hits ~ file, by_line, \(x) c(lines = length(x), covered = sum(x > 0)))
shown <- data.frame(file = total$file, total$hits)
shown$percent <- round(100 * shown$covered / shown$lines, 1)
print(shown[order(shown$percent), ], row.names = FALSE)
cat(sprintf("R: %d of %d lines, %.1f%%\n", sum(shown$covered), sum(shown$lines),
            100 * sum(shown$covered) / sum(shown$lines)))
missed <- by_line[by_line$hits == 0, ]
missed <- missed[order(missed$file, missed$line), ]
file <- file.path(dirname(.libPaths()[1L]), "coverage-missed.csv")
utils::write.csv(missed, file, row.names = FALSE)
cat("Lines that were not run: ", file, "\n", sep = "")
