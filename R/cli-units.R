# Steps of the command line that do the same for each of many files.

# One file (--data), or the files that a list names, with what the results are called.
named_units <- function(o, list = "analysis-units") {
  files <- listed_files(o[[list]], list)
  labels <- sub("[.][^.]*$", "", basename(files))
  twice <- anyDuplicated(labels)
  if (twice) {
    stop_mnmash(
      "names", as_typed(list), " names two files of one name ('",
      paste(files[labels == labels[twice]], collapse = "', '"), "'): their results would be one"
    )
  }
  stats::setNames(files, labels)
}

# How names of the results of units begin: --name, or nothing.
name_dot <- function(o) if (length(o$name) && nzchar(o$name)) paste0(o$name, ".") else ""

# Where the workflows have the result of a unit: "<cwd>/<folder>/<name>.<unit>.<ending>.rds".
unit_results <- function(o, labels, folder, ending) {
  file.path(o$cwd, folder, paste0(name_dot(o), labels, ".", ending, ".rds"))
}

# What summaries of all units are called: by --name, --output-prefix, or the list.
list_prefix <- function(o, list) {
  if (length(o$name) && nzchar(o$name)) return(o$name)
  output_prefix(o[["output-prefix"]], list)
}

# `make(i)` for each unit, into its file. `inputs[[i]]` are the files behind it, `common` those
# behind all. What is there, of the same inputs and options, is not made again.
make_units <- function(o, files, make, inputs, common = character()) {
  todo <- claim_units(o, files, inputs, common)
  session <- o$session
  failed <- list()
  take <- function(i, done) {
    if (is.null(done$error)) {
      finish_unit(session, files[i])
    } else {
      failed[[basename(files[i])]] <<- done$error
    }
  }
  force(make)
  in_waves(
    which(todo), stream_workers(), saving(\(piece) make(piece$item)), take,
    item = \(i) list(item = i, file = normalized(files[i])),
    at_once = if (stream_workers() > 1) 8 * stream_workers() else 1, lost = \(e) list(error = e)
  )
  if (length(failed)) {
    stop_mnmash("region", describe_failures(failed), "\nThe results of the others are in '",
                dirname(files[1L]), "'")
  }
  if (any(!todo)) message(" - ", sum(!todo), " of ", length(todo), " were up to date")
  message(" - ", length(files), " files in ", dirname(files[1L]))
  invisible(files)
}

# The path of a file that is not there yet, for a worker with another working directory.
normalized <- function(file) file.path(normalizePath(dirname(file)), basename(file))

# Which of the units are to be made. Results of the same job whose inputs have changed are removed
# first, so that a result that is there after a run was killed is whole and of its inputs.
claim_units <- function(o, files, inputs, common) {
  session <- o$session
  usable_folder(dirname(files[1L]), if (is.null(o$output)) "cwd" else "output")
  refuse_inputs(files, c(unlist(inputs), common))
  step <- sub(" ", "-", session$job[1L], fixed = TRUE)
  lock_output(session, file.path(dirname(files[1L]), paste0(name_dot(o), step)))
  # Which list named the units is no part of what they are.
  session$job <- grep("^option (analysis-units|data|output)=", session$job, value = TRUE,
                      invert = TRUE)
  shared <- input_lines(common)
  lines <- lapply(inputs, \(own) c(shared, input_lines(own)))
  states <- vapply(seq_along(files), \(i) {
    unit_state(files[i], session$job, lines[[i]])
  }, "")
  todo <- states != "done" | isTRUE(o$force)
  make_room(files[todo], states[todo], o)
  for (i in which(todo)) {
    unlink(files[i])
    write_record(files[i], c(version_line(), session$job, lines[[i]]))
  }
  todo
}

# A result under a record that was begun is of that record.
unit_state <- function(file, job, inputs) {
  state <- output_state(file, job, inputs)
  if (state == "again" && identical(read_record(file), c(version_line(), job, inputs))) {
    return("done")
  }
  state
}

finish_unit <- function(session, file) {
  record <- grep("^output ", read_record(file), value = TRUE, invert = TRUE)
  write_record(file, c(record, paste("output", unname(tools::md5sum(file)))))
}
