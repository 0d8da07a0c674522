# Writing files. A file gets its name last, after its bytes were read back: it is whole, or it is
# not there. A disk that is full says so to none of R's writers when the last bytes are lost.

# Calls `write(part)`, where `part` is a file in the folder of `file` with the same extension, and
# gives it its name if `damage(part)`, which reads it, finds nothing to say.
write_whole <- function(file, write, damage) {
  file <- linked_file(file)
  complain <- \(why) stop_mnmash("file", "cannot write '", file, "': ", why)
  folder <- usable_folder(dirname(file))
  if (dir.exists(file)) complain("a folder has that name")
  part <- part_name(folder, sub("^.*(?=[.])|^[^.]*$", "", basename(file), perl = TRUE))
  on.exit(unlink(part))
  tryCatch(
    suppressWarnings(write(part)),
    error = \(e) if (inherits(e, "mnmash_error")) stop(e) else complain(conditionMessage(e))
  )
  why <- damage(part)
  if (is.null(why)) {
    # Some file systems find out that there is no room when the bytes leave the memory.
    path <- path.expand(part)
    why <- rust_flush_file(charToRaw(if (l10n_info()[["UTF-8"]]) enc2utf8(path) else path))
  }
  if (!is.null(why)) complain(paste0(why, " after it was written; is the disk full?"))
  if (file.exists(file)) Sys.chmod(part, file.mode(file), use_umask = FALSE)
  said <- "it cannot be given its name"
  named <- withCallingHandlers(file.rename(part, file), warning = \(w) {
    said <<- conditionMessage(w)
    invokeRestart("muffleWarning")
  })
  if (!named) complain(said)
  invisible(file)
}

# Text or bytes that are there already.
write_bytes <- function(bytes, file) {
  if (is.character(bytes)) bytes <- charToRaw(paste0(bytes, "\n", collapse = ""))
  write_whole(
    file, \(part) writeBin(bytes, part),
    \(part) if (!identical(readBin(part, "raw", length(bytes) + 1), bytes)) "it is not whole"
  )
}

# Large objects are worth little compression: it would take longer than what they hold.
save_rds <- function(x, file, level = if (utils::object.size(x) > 5e7) 0L else 6L) {
  write_whole(file, damage = rds_damage, write = \(part) {
    connection <- gzfile(part, "wb", compression = level)
    on.exit(close(connection))
    saveRDS(x, connection)
  })
}

# Where a link points to, so that the link stays one.
linked_file <- function(file) {
  for (step in 1:40) {
    target <- Sys.readlink(file)
    if (is.na(target) || !nzchar(target)) break
    absolute <- grepl("^(/|[A-Za-z]:)", target)
    file <- if (absolute) target else file.path(dirname(file), target)
  }
  file
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
    stop_mnmash("type", "`", if (is.null(name)) "folder" else name,
                "` must be the name of a folder")
  }
  if (!dir.exists(folder) && !dir.create(folder, recursive = TRUE, showWarnings = FALSE)) {
    complain("cannot make")
  }
  if (!is.null(name)) clean_parts(folder)
  probe <- part_name(folder)
  if (!suppressWarnings(file.create(probe, showWarnings = FALSE))) complain("cannot write into")
  unlink(probe)
  folder
}

# A name that says whose it is: what a process leaves that was killed can be told from what is
# being written.
part_name <- function(folder, ending = "") {
  tempfile(paste0(".part-", this_machine(), "-", Sys.getpid(), "-"), folder, ending)
}

this_machine <- function() gsub("[^A-Za-z0-9]", "", Sys.info()[["nodename"]])

# Removes what processes left behind that are no more: those of this machine, where it lists its
# processes; and whatever is older than a day.
clean_parts <- function(folder) {
  left <- list.files(folder, "^[.]part-", all.files = TRUE, full.names = TRUE)
  if (!length(left)) return(invisible())
  own <- paste0("^[.]part-", this_machine(), "-([0-9]+)-.*$")
  ours <- grepl(own, basename(left)) & dir.exists("/proc/self")
  gone <- ours
  gone[ours] <- !vapply(sub(own, "\\1", basename(left[ours])), process_lives, NA)
  age <- difftime(Sys.time(), file.mtime(left), units = "days")
  unlink(left[gone | (!is.na(age) & age > 1)])
}

# Whether a process of this machine, which lists its processes, lives: one that has ended and that
# nobody has asked about yet is listed as well.
process_lives <- function(pid) {
  stat <- tryCatch(
    suppressWarnings(readLines(file.path("/proc", pid, "stat"), warn = FALSE)),
    error = \(e) character()
  )
  length(stat) > 0L && !grepl(") Z ", stat[1L], fixed = TRUE)
}
