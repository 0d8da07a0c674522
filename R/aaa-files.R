# Reading and writing files. A file is complete or not there at all: it gets its name last.

# Calls `write(part)`, where `part` is a file in the folder of `file` with the same extension, and
# gives it its name when that has ended well.
write_whole <- function(file, write) {
  folder <- usable_folder(dirname(file))
  extension <- sub("^[^.]*", "", basename(file))
  part <- tempfile(".part-", folder, extension)
  on.exit(unlink(part))
  tryCatch(
    suppressWarnings(write(part)),
    error = \(e) {
      if (inherits(e, "mnmash_error")) stop(e)
      stop_mnmash("file", "cannot write '", file, "': ", conditionMessage(e))
    }
  )
  if (!file.rename(part, file)) stop_mnmash("file", "cannot write '", file, "'")
  invisible(file)
}

# Large objects are worth little compression: it would take longer than what they hold.
save_rds <- function(x, file, level = if (utils::object.size(x) > 5e7) 0L else 6L) {
  write_whole(file, \(part) {
    connection <- gzfile(part, "wb", compression = level)
    on.exit(close(connection))
    saveRDS(x, connection)
  })
}

# What a file holds, or an error that names the argument it came from.
read_rds <- function(file, name) {
  if (!is.character(file) || length(file) != 1L || is.na(file)) {
    stop_mnmash("type", as_typed(name), " must be the name of one file")
  }
  if (!file.exists(file)) {
    stop_mnmash("file", as_typed(name), ": there is no file '", file, "'")
  }
  tryCatch(
    suppressWarnings(readRDS(file)),
    error = \(e) stop_mnmash(
      "file", as_typed(name), ": '", file, "' is not an RDS file, or is damaged (",
      conditionMessage(e), "): write it again, by saveRDS() or the step it came from"
    )
  )
}

# Makes the folder if there is none, and finds out at once whether it can be written: not after
# hours of work.
usable_folder <- function(folder, name = NULL) {
  complain <- function(why) {
    stop_mnmash(
      "file", if (!is.null(name)) paste0(as_typed(name), ": "), why, " the folder '", folder,
      "': give another one, or change its permissions"
    )
  }
  if (!is.character(folder) || length(folder) != 1L || is.na(folder) || !nzchar(folder)) {
    stop_mnmash(
      "type", as_typed(if (is.null(name)) "folder" else name), " must be the name of a folder"
    )
  }
  if (!dir.exists(folder) && !dir.create(folder, recursive = TRUE, showWarnings = FALSE)) {
    complain("cannot make")
  }
  probe <- tempfile(".probe-", folder)
  if (!suppressWarnings(file.create(probe, showWarnings = FALSE))) complain("cannot write into")
  unlink(probe)
  folder
}

# "<cwd>/<prefix>.<parts>.rds"; the prefix is by default the name of the data file.
output_file <- function(cwd, prefix, ..., extension = "rds") {
  file.path(cwd, paste(c(prefix, ..., extension), collapse = "."))
}

output_prefix <- function(prefix, data) {
  if (is.null(prefix) || identical(prefix, "")) {
    if (!is.character(data)) return("mnmash")
    return(sub("[.][^.]*$", "", basename(data)))
  }
  if (!is.character(prefix) || length(prefix) != 1L || is.na(prefix)) {
    stop_mnmash("argument", "`output_prefix` must be one string")
  }
  prefix
}
