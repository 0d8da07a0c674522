# Installs the package from this source tree.
#
#   Rscript tools/install.R            into the first library of .libPaths() that can be written,
#                                      or else the user's own library, which is made if need be
#   Rscript tools/install.R LIBRARY    into LIBRARY, without documentation (for tests)
library_given <- commandArgs(trailingOnly = TRUE)

writable_library <- function() {
  ours <- .libPaths()[file.access(.libPaths(), mode = 2L) == 0L]
  if (length(ours)) {
    return(ours[1L])
  }
  strsplit(Sys.getenv("R_LIBS_USER"), .Platform$path.sep, fixed = TRUE)[[1L]][1L]
}

lib <- if (length(library_given)) library_given[1L] else writable_library()
dir.create(lib, recursive = TRUE, showWarnings = FALSE)
options <- c(
  paste0("--library=", shQuote(normalizePath(lib))),
  if (length(library_given)) c("--no-docs", "--no-lock", "--no-test-load")
)
status <- system2(file.path(R.home("bin"), "R"), c("CMD", "INSTALL", options, "."))
if (status != 0L) {
  quit(status = 1L)
}
if (!length(library_given)) {
  message("Installed in ", lib)
}
