# Rewrites R/extendr-wrappers.R from the installed package, then man/ and NAMESPACE.
# Run from the package's root:  Rscript tools/document.R
lib <- tempfile("lib")
dir.create(lib)
status <- system2(
  "R",
  c("CMD", "INSTALL", "--no-docs", "--no-test-load", paste0("--library=", lib), ".")
)
stopifnot(status == 0L)
package <- read.dcf("DESCRIPTION", fields = "Package")[1L, 1L]
dll <- dyn.load(file.path(lib, package, "libs", paste0(package, .Platform$dynlib.ext)))
make <- getNativeSymbolInfo(paste0("wrap__make_", package, "_wrappers"), dll)
wrappers <- .Call(make, TRUE, package)
header <- paste0(
  "# Written by tools/document.R from the Rust source: do not edit by hand.\n", "# nolint start\n"
)
writeLines(c(header, trimws(wrappers), "# nolint end"), "R/extendr-wrappers.R")

# roxygen2 must see the data sets too, to describe them.
load_code <- function(path) {
  env <- roxygen2::load_source(path)
  for (file in list.files(file.path(path, "data"), full.names = TRUE)) load(file, envir = env)
  env
}
roxygen2::roxygenise(load_code = load_code)
