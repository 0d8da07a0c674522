# The command line: mnmash <step> --option value ...

#' The command line
#'
#' What the script `exec/mnmash` of the installed package runs: `mnmash <step> --option value ...`.
#' Steps and options have the names they have in the mixture-prior workflows, with dashes or
#' underscores; an empty value is that of an option that was not given. `mnmash --help` lists the
#' steps, `mnmash help <step>` the options of one.
#'
#' Options of the workflow system (`--container`, `--walltime`, ...) are accepted and ignored, with
#' a note; `--numThreads` is the same as `--threads`. Messages go to standard error.
#'
#' To have the command at hand, with completion and a page for `man`: [mnmash_install_cli()].
#'
#' @section What is written:
#' A file appears when it is whole. Beside results a folder has a folder `.mnmash` with records of
#' what they were made from. A step whose inputs and options are those of its results does nothing
#' (`--force` does it again). Results of other jobs are kept under another name, files that no
#' record knows are not touched (`--overwrite` replaces both), and of two runs that would write one
#' file at once the second is refused.
#'
#' @param args words of the command line.
#'
#' @return Invisibly the exit status: 0 when all went well, 1 after an error, 2 when the command was
#'   not understood, 130 when interrupted.
#' @seealso [mixture_prior()], [mash_fit()], [mnmash_install_cli()],
#'   `vignette("mixture-prior-pipeline")`
#' @export
#' @examples
#' mnmash_cli("--help")
#' mnmash_cli(c("mash", "--help"))
#' mnmash_cli(c("mash", "--dat", "x.rds"))
mnmash_cli <- function(args = commandArgs(trailingOnly = TRUE)) {
  if (!is.character(args) || anyNA(args)) {
    stop_mnmash("type", "`args` must be text, the words of the command line")
  }
  step <- NULL
  fail <- function(e, status) {
    message("mnmash", if (!is.null(step)) paste0(" ", step), ": ",
            in_words_of_options(conditionMessage(e), step, args))
    if (status == 2L) message("Try: mnmash", if (!is.null(step)) paste0(" ", step), " --help")
    invisible(status)
  }
  tryCatch(
    {
      if (general_page(args)) return(invisible(0L))
      step <- find_step(args[1L])
      run_step(step, args[-1L])
      invisible(0L)
    },
    mnmash_error_usage = \(e) fail(e, 2L),
    error = \(e) fail(e, 1L),
    interrupt = \(e) {
      message("mnmash: interrupted")
      invisible(130L)
    }
  )
}

# Prints what is not about the work of a step, and says whether it was that.
general_page <- function(args) {
  word <- if (length(args)) ascii_lower(args[1L]) else "help"
  second <- args[-1L][1L]
  text <- if (word %in% c("-h", "--help", "help")) {
    if (is.na(second)) steps_help() else step_help(find_step(second))
  } else if (word %in% c("-v", "--version", "version")) {
    paste0("mnmash ", utils::packageVersion("mnmash"), "\n")
  } else if (word == "man") {
    man_page()
  } else if (word == "completion") {
    switch(if (is.na(second)) "" else second, bash = bash_completion(), zsh = zsh_completion(),
      usage_error("give the shell: mnmash completion bash, or zsh")
    )
  }
  if (is.null(text)) return(FALSE)
  cat(text)
  TRUE
}

find_step <- function(word) {
  key <- gsub("-", "_", ascii_lower(word))
  at <- match(key, ascii_lower(names(step_words)))
  if (!is.na(at)) return(step_words[[at]])
  names <- names(cli_steps)
  distance <- drop(utils::adist(key, names))
  usage_error(
    "there is no step `", word, "`",
    if (min(distance) <= 3) paste0(" (did you mean ", names[which.min(distance)], "?)"),
    "; mnmash --help lists them"
  )
}

run_step <- function(name, args) {
  step <- cli_steps[[name]]
  if (length(args) && ascii_lower(args[1L]) == "help") args[1L] <- "--help"
  parsed <- parse_options(args, step_options(step), step$idle)
  if (isTRUE(parsed$values$help)) return(cat(step_help(name)))
  o <- with_step_defaults(parsed, step)
  o$session <- new_session(name, o)
  on.exit(release_session(o$session))
  before <- options(
    mnmash.threads = if (is.null(o$threads)) getOption("mnmash.threads") else o$threads,
    mnmash.progress = progress_option(o$progress), warn = 1
  )
  on.exit(options(before), add = TRUE)
  run <- function() {
    for (note in parsed$notes) message("Note: ", note)
    differs <- if (!isTRUE(o$upstream)) upstream_text(step, o$given)
    if (!is.null(differs)) message("Note: ", sub("[.]$", "", differs))
    step$run(o)
    finish_session(o$session)
  }
  work <- function() with_log(o, up_to_date(run(), name))
  if (o$quiet) suppressMessages(work()) else work()
}

# `code`, which ends early where there is nothing to do.
up_to_date <- function(code, name) {
  tryCatch(code, mnmash_up_to_date = \(e) {
    message(" - '", conditionMessage(e)[1L], "' is up to date", and_more(length(e$message)),
            ": inputs and options are those it was made with (--force makes it again)")
  })
}

# Values of all options: given, of --upstream, of the step, of the option.
with_step_defaults <- function(parsed, step) {
  o <- parsed$values
  for (key in setdiff(names(step$defaults), parsed$given)) o[[key]] <- step_default(step, key)
  if (isTRUE(o$upstream)) {
    for (key in setdiff(names(step$upstream), parsed$given)) o[[key]] <- step$upstream[[key]]
  }
  for (key in step$required) {
    if (is.null(o[[key]])) {
      usage_error("--", option_word(key), " is required: ", cli_options[[key]]$help)
    }
  }
  o$given <- parsed$given
  o
}

# A message in which arguments of functions are called by the step's options.
in_words_of_options <- function(text, name, args) {
  if (is.null(name)) return(text)
  keys <- step_options(cli_steps[[name]])
  # Of two options for one argument that is meant which was given.
  given <- vapply(sub("=.*$", "", args[is_option(args)]), option_key, "", allowed = keys)
  keys <- keys[order(!keys %in% given)]
  arguments <- vapply(keys, \(key) cli_options[[key]]$argument %||% gsub("-", "_", key), "")
  for (i in seq_along(keys)) {
    word <- option_word(keys[i])
    text <- gsub(paste0("`", arguments[i], "(?=[`$\\[ ])"), paste0("`--", word), text, perl = TRUE)
    text <- gsub(paste0("`", keys[i], "(?=`)"), paste0("`--", word), text, perl = TRUE)
  }
  text
}
