# The command on the user's path.

#' Put the command `mnmash` on the path
#'
#' Writes a small script that runs the command line of this package with this R, completions for
#' bash and zsh, and a page for `man`.
#'
#' @param folder where the script goes; a folder of the `PATH`.
#' @param extras folder for the completions and the page of the manual, in the places that
#'   bash-completion, zsh and man look into; `NULL` for none.
#' @param overwrite replace a file of that name that this function has not written.
#' @inheritParams shared_arguments
#'
#' @return Invisibly the names of the files. It is an error of class `mnmash_error_file` if there is
#'   another command of that name.
#' @seealso [mnmash_cli()]
#' @export
#' @examples
#' folder <- tempfile("bin")
#' mnmash_install_cli(folder, extras = NULL)
#' readLines(file.path(folder, "mnmash"))
#' unlink(folder, recursive = TRUE)
mnmash_install_cli <- function(folder = "~/.local/bin", extras = "~/.local/share",
                               overwrite = FALSE, ...) {
  take_dots(...)
  check_flag(overwrite)
  folder <- usable_folder(folder_name(folder), "folder")
  if (!is.null(extras)) extras <- folder_name(extras)
  file <- file.path(folder, if (.Platform$OS.type == "windows") "mnmash.cmd" else "mnmash")
  mark <- "runs the command line of the R package mnmash"
  if (file.exists(file) && !overwrite && !any(grepl(mark, readLines(file, warn = FALSE)))) {
    stop_mnmash("file", "there is another '", file, "': give another `folder`, or overwrite = TRUE")
  }
  write_bytes(command_script(mark), file)
  Sys.chmod(file, "755")
  files <- c(file, if (!is.null(extras)) write_extras(extras))
  message("Wrote ", paste0("'", files, "'", collapse = ", "))
  if (!normalizePath(folder) %in% normalizePath(
    strsplit(Sys.getenv("PATH"), .Platform$path.sep)[[1L]], mustWork = FALSE
  )) {
    message("'", folder, "' is not on the PATH: add it, as by export PATH=\"", folder, ":$PATH\"")
  }
  invisible(files)
}

folder_name <- function(x, name = arg_name(x)) {
  force(name)
  if (!is_file_name(x) || !nzchar(x)) {
    stop_mnmash("type", as_typed(name), " must be the name of a folder")
  }
  path.expand(x)
}

# The library of the package need not be one that R looks into by itself.
command_script <- function(mark) {
  script <- system.file("exec", "mnmash", package = "mnmash", mustWork = TRUE)
  rscript <- file.path(R.home("bin"), "Rscript")
  library <- dirname(system.file(package = "mnmash"))
  if (.Platform$OS.type == "windows") {
    return(c(
      "@echo off", paste("rem", mark), paste0("set \"R_LIBS=", library, ";%R_LIBS%\""),
      paste0("\"", rscript, "\" \"", script, "\" %*")
    ))
  }
  c(
    "#!/bin/sh", paste("#", mark),
    paste0("R_LIBS=", shQuote(library), "${R_LIBS:+:$R_LIBS}"), "export R_LIBS",
    paste("exec", shQuote(rscript), shQuote(script), "\"$@\"")
  )
}

write_extras <- function(folder) {
  texts <- list(
    "bash-completion/completions/mnmash" = bash_completion(),
    "zsh/site-functions/_mnmash" = zsh_completion(), "man/man1/mnmash.1" = man_page()
  )
  vapply(names(texts), \(name) {
    file <- file.path(folder, name)
    usable_folder(dirname(file), "extras")
    write_bytes(sub("\n$", "", texts[[name]]), file)
    file
  }, "", USE.NAMES = FALSE)
}
