# What a run of the command line is about, so that nothing is overwritten by mistake, nothing is
# done twice, and two runs do not write the same file.
#
# Beside its results a folder has a folder `.mnmash`, with a record of each: the step, its options,
# and the checksums of what went in and of what came out.

# A run: its step, the options that its results depend on, and the files that it will have written.
new_session <- function(step, options) {
  session <- new.env()
  session$job <- job_lines(step, options)
  session$inputs <- input_files(options)
  session$locks <- character()
  session$claimed <- list()
  session
}

job_lines <- function(step, options) {
  # These say how or where, not what.
  manner <- c(cli_everywhere, "cwd", "output", "output-prefix", "output-suffix", "given")
  options <- options[!names(options) %in% manner & !vapply(options, is.null, NA)]
  files <- vapply(names(options), \(key) cli_options[[key]]$type %in% c("file", "files"), NA)
  options[files] <- lapply(options[files], normalizePath, mustWork = FALSE)
  values <- vapply(options, \(value) paste(format_exactly(value), collapse = " "), "")
  c(paste("step", step), sort(paste0("option ", names(options), "=", values), method = "radix"))
}

format_exactly <- function(x) if (is.numeric(x)) format(x, digits = 15, trim = TRUE) else x

input_files <- function(options) {
  types <- vapply(names(options), \(key) cli_options[[key]]$type %||% "", "")
  unlist(options[types %in% c("file", "files")], use.names = FALSE)
}

# A line for each file that was read. What cannot be read twice, such as a pipe, is never the same.
input_lines <- function(files) {
  files <- unique(files[file.exists(files) & !dir.exists(files)])
  if (!length(files)) return(character())
  path <- normalizePath(files)
  piped <- grepl("^/(dev|proc)/", path)
  sum <- character(length(files))
  sum[!piped] <- tools::md5sum(files[!piped])
  sum[piped] <- format(Sys.time(), "%Y-%m-%d %H:%M:%OS6")
  paste("input", sum, path)
}

record_file <- function(file) file.path(dirname(file), ".mnmash", paste0(basename(file), ".job"))

lock_folder <- function(file) sub("[.]job$", ".lock", record_file(file))

read_record <- function(file) {
  record <- record_file(file)
  if (file.exists(record)) readLines(record, warn = FALSE, encoding = "UTF-8") else character()
}

# "make", "done" (the same job on the same inputs), "again" (the same job, whose inputs changed or
# which did not come to its end), "other" (a result of another job), "foreign" (nothing is known).
output_state <- function(file, job, inputs) {
  if (!file.exists(file)) return("make")
  record <- read_record(file)
  if (!length(record)) return("foreign")
  same_job <- identical(grep("^(step|option) ", record, value = TRUE), job)
  written <- sub("^output ", "", grep("^output ", record, value = TRUE))
  if (length(written) && written != tools::md5sum(file)) return("foreign")
  if (!same_job) return("other")
  same_inputs <- identical(grep("^input ", record, value = TRUE), inputs)
  same_version <- identical(record[1L], version_line())
  if (length(written) && same_inputs && same_version) "done" else "again"
}

version_line <- function() paste("mnmash", utils::packageVersion("mnmash"))

write_record <- function(file, lines) {
  record <- record_file(file)
  if (!dir.exists(dirname(record))) dir.create(dirname(record), showWarnings = FALSE)
  # Whole or not there; that it is on the disk need not be waited for, thousands of times.
  part <- part_name(dirname(record))
  writeLines(lines, part, useBytes = TRUE)
  file.rename(part, record)
}

# Says that the run will write `files`: they are free, or may be replaced. Where all are what this
# run would make, the step ends here.
claim <- function(o, files, inputs = character()) {
  name <- if (is.null(o$output)) "cwd" else "output"
  for (folder in unique(dirname(files))) usable_folder(folder, name)
  session <- o$session
  if (is.null(session)) return(invisible(files))
  refuse_inputs(files, c(session$inputs, inputs))
  for (file in files) lock_output(session, file)
  lines <- input_lines(c(session$inputs, inputs))
  states <- vapply(files, output_state, "", session$job, lines)
  if (all(states == "done") && !isTRUE(o$force)) {
    signalCondition(structure(
      class = c("mnmash_up_to_date", "condition"), list(message = files, call = NULL)
    ))
  }
  make_room(files, states, o)
  for (file in files) write_record(file, c(version_line(), session$job, lines))
  session$claimed[files] <- list(lines)
  invisible(files)
}

refuse_inputs <- function(files, inputs) {
  both <- intersect(normalizePath(files, mustWork = FALSE), normalizePath(inputs, mustWork = FALSE))
  if (length(both)) {
    stop_mnmash("file", "'", both[1L], "' would be both read and written: give another --output")
  }
}

# Results of other jobs are kept under another name; what is not known to be a result is not
# touched.
make_room <- function(files, states, o) {
  if (isTRUE(o$overwrite)) return(invisible())
  foreign <- files[states == "foreign"]
  if (length(foreign)) {
    stop_mnmash(
      "file", "there is a file '", foreign[1L], "' already", and_more(length(foreign)), ", and no ",
      "record that mnmash wrote it as it is: give --overwrite to replace it, or another name by ",
      "--output-prefix or --output"
    )
  }
  for (file in files[states == "other"]) {
    n <- 1L
    while (file.exists(aside <- paste0(file, ".", n))) n <- n + 1L
    if (!file.rename(file, aside)) {
      stop_mnmash("file", "cannot rename '", file, "': give --overwrite, or another name")
    }
    message("Note: '", file, "', of another job, is kept as '", basename(aside), "'")
  }
}

# A folder can be made once only: whose it is may write the file.
lock_output <- function(session, file) {
  lock <- lock_folder(file)
  if (lock %in% session$locks) return(invisible())
  if (!dir.exists(dirname(lock))) dir.create(dirname(lock), showWarnings = FALSE)
  owner <- file.path(lock, "owner")
  own <- paste(Sys.getpid(), this_machine(), format(Sys.time(), "%Y-%m-%d %H:%M:%S"))
  if (!dir.create(lock, showWarnings = FALSE)) {
    # Its maker is about to write who it is.
    if (!file.exists(owner)) Sys.sleep(0.5)
    held <- if (file.exists(owner)) strsplit(readLines(owner, warn = FALSE), " ")[[1L]]
    if (!is_gone(held)) stop_locked(file, lock, held)
    # One of several that find it so takes it away, and one of them makes the new one.
    aside <- paste0(lock, ".", Sys.getpid())
    moved <- suppressWarnings(file.rename(lock, aside))
    unlink(aside, recursive = TRUE)
    if (!moved || !dir.create(lock, showWarnings = FALSE)) stop_locked(file, lock, held)
  }
  session$locks <- c(session$locks, lock)
  writeLines(own, owner)
  Sys.sleep(0.01)
  if (!identical(tryCatch(readLines(owner), error = \(e) "", warning = \(w) ""), own)) {
    session$locks <- setdiff(session$locks, lock)
    stop_locked(file, lock, NULL)
  }
}

# Whether the process that holds a lock is no more; of other machines that is not known.
is_gone <- function(held) {
  if (length(held) < 2L) return(FALSE)
  held[2L] == this_machine() && dir.exists("/proc/self") &&
    !process_lives(held[1L])
}

stop_locked <- function(file, lock, held) {
  stop_mnmash(
    "locked", "another run", if (length(held) > 1L) {
      paste0(" (process ", held[1L], " on ", held[2L], if (length(held) > 3L) {
        paste0(", since ", held[3L], " ", held[4L])
      }, ")")
    }, " is writing '", file, "': wait for it, or, if it is no more, delete '", lock, "'"
  )
}

# What was written is known by its checksum from now on.
finish_session <- function(session) {
  for (file in names(session$claimed)) {
    if (!file.exists(file)) next
    write_record(file, c(
      version_line(), session$job, session$claimed[[file]],
      paste("output", unname(tools::md5sum(file)))
    ))
  }
}

# Nothing is left of what was not written.
release_session <- function(session) {
  files <- as.character(names(session$claimed))
  for (lock in session$locks) unlink(lock, recursive = TRUE)
  for (file in files) if (!file.exists(file)) unlink(record_file(file))
  for (folder in unique(dirname(c(session$locks, record_file(files))))) {
    if (!length(list.files(folder, all.files = TRUE, no.. = TRUE))) {
      unlink(folder, recursive = TRUE)
    }
  }
  session$locks <- character()
}
