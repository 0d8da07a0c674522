# Folders of results: a note in each says what they are for.

# A name that no region's file can have: those do not begin with a point (see file_label()).
job_note <- function(folder) file.path(folder, ".mnmash-job.rds")

# Makes the folder and its note; where there is one already, it must be about the same job. `files`
# are the results to come.
remember_job <- function(job, folder, name = "sink", files = character()) {
  if (!is.character(folder) || length(folder) != 1L || is.na(folder)) {
    stop_mnmash("type", as_typed(name), " must be the name of a folder")
  }
  if (!dir.exists(folder) && !dir.create(folder, recursive = TRUE, showWarnings = FALSE)) {
    stop_mnmash("file", as_typed(name), ": cannot make the folder '", folder, "'")
  }
  clean_parts(folder)
  known <- known_job(folder, name)
  if (is.null(known)) {
    there <- which(file.exists(files))
    if (length(there)) {
      stop_mnmash(
        name, as_typed(name), ": the folder '", folder, "' has '", basename(files[there[1L]]), "'",
        and_more(length(there)), ", but no note of what it is a result of: use another folder, ",
        "or delete it"
      )
    }
    return(save_rds(job, job_note(folder), 0L))
  }
  parts <- union(names(job), names(known))
  other <- !vapply(parts, \(part) identical(known[[part]], job[[part]]), NA)
  if (any(other)) {
    stop_mnmash(
      name, as_typed(name), ": the folder '", folder, "' has results of another job (`",
      parts[other][1L], "` differs): use another folder, or delete it"
    )
  }
}

# What the note says, or NULL where there is none.
known_job <- function(folder, name) {
  note <- job_note(folder)
  if (!file.exists(note)) return(NULL)
  job <- read_rds(note, name, "the folder cannot be gone on with: use another one, or delete it")
  if (!is.list(job) || is.null(names(job))) {
    stop_mnmash("file", as_typed(name), ": '", note, "' is no note of a job: use another folder")
  }
  job
}
