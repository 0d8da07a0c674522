# What a run says: to stderr, and to a file if there is one.

# `code`, whose messages, warnings and error are written to the file of --log too.
with_log <- function(o, code) {
  if (is.null(o$log) || isFALSE(o$log)) return(code)
  session <- o$session
  session$said <- character()
  add <- function(text) {
    time <- format(Sys.time(), "%Y-%m-%d %H:%M:%S")
    session$said <- c(session$said, paste(time, strsplit(text, "\n", fixed = TRUE)[[1L]]))
    file <- log_file(o$log, names(session$claimed))
    if (is.null(file)) return(invisible())
    cat(session$said, file = file, sep = "\n", append = TRUE)
    session$said <- character()
  }
  add(paste("mnmash", utils::packageVersion("mnmash"), session$job[1L]))
  withCallingHandlers(
    {
      value <- code
      add("done")
      value
    },
    message = \(m) add(conditionMessage(m)),
    warning = \(w) add(paste("Warning:", conditionMessage(w))),
    error = \(e) add(paste("Error:", conditionMessage(e)))
  )
}

# The workflows call it by the first output, "<output>.stderr"; that is known once a step has said
# what it writes.
log_file <- function(log, outputs) {
  if (!isTRUE(log)) return(log)
  if (length(outputs)) paste0(sub("[.][^.]*$", "", outputs[1L]), ".stderr")
}

# How progress is shown: the option `mnmash.progress`.
progress_option <- function(asked) {
  if (asked == "auto") asked <- if (isatty(stderr())) "line" else "log"
  switch(asked, line = TRUE, log = "log", none = FALSE)
}
