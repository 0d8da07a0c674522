# The command line: mnmash <step> --option value ...

#' The command line
#'
#' What the script `exec/mnmash` of the installed package runs: `mnmash <step> --option value ...`.
#' Steps and options have the names they have in the mixture-prior workflows, with dashes or
#' underscores. `mnmash --help` lists the steps, `mnmash <step> --help` the options of one.
#'
#' Options of the workflow system (`--container`, `--walltime`, ...) are accepted and ignored, with
#' a note; `--numThreads` is the same as `--threads`. Messages go to standard error.
#'
#' To have the command at hand, link to the script:
#' `ln -s "$(Rscript -e 'cat(system.file("exec", "mnmash", package = "mnmash"))')" ~/bin/mnmash`
#'
#' @param args words of the command line.
#'
#' @return Invisibly the exit status: 0 when all went well, 1 after an error, 2 when the command was
#'   not understood, 130 when interrupted.
#' @seealso [mixture_prior()], [mash_fit()], `vignette("mixture-prior-pipeline")`
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
    message("mnmash", if (!is.null(step)) paste0(" ", step), ": ", conditionMessage(e))
    if (status == 2L) message("Try: mnmash", if (!is.null(step)) paste0(" ", step), " --help")
    invisible(status)
  }
  tryCatch(
    {
      if (!length(args) || args[1L] %in% c("-h", "--help", "help")) {
        cat(steps_help())
        return(invisible(0L))
      }
      if (args[1L] == "--version") {
        cat("mnmash ", as.character(utils::packageVersion("mnmash")), "\n", sep = "")
        return(invisible(0L))
      }
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

find_step <- function(word) {
  key <- gsub("-", "_", ascii_lower(word))
  names <- names(cli_steps)
  at <- match(key, ascii_lower(names))
  if (!is.na(at)) return(names[at])
  synonym <- match(key, ascii_lower(names(step_synonyms)))
  if (!is.na(synonym)) return(step_synonyms[[synonym]])
  distance <- drop(utils::adist(key, names))
  usage_error(
    "there is no step `", word, "`",
    if (min(distance) <= 3) paste0(" (did you mean ", names[which.min(distance)], "?)"),
    "; mnmash --help lists them"
  )
}

run_step <- function(name, args) {
  step <- cli_steps[[name]]
  parsed <- parse_options(args, c(step$options, "threads", "quiet", "help"))
  o <- parsed$values
  if (isTRUE(o$help)) return(cat(step_help(name)))
  for (key in setdiff(names(step$defaults), parsed$given)) o[[key]] <- step_default(step, key)
  for (key in step$required) {
    if (is.null(o[[key]])) usage_error("--", key, " is required: ", cli_options[[key]]$help)
  }
  o$given <- parsed$given
  run <- function() {
    for (note in parsed$notes) message("Note: ", note)
    step$run(o)
  }
  before <- options(
    mnmash.threads = if (is.null(o$threads)) getOption("mnmash.threads") else o$threads,
    warn = 1
  )
  on.exit(options(before))
  if (o$quiet) suppressMessages(run()) else run()
}

# The default of an option in a step that has its own.
step_default <- function(step, key) {
  option_default(list(type = cli_options[[key]]$type, default = step$defaults[[key]]))
}

steps_help <- function() {
  names <- names(cli_steps)
  summaries <- vapply(cli_steps, `[[`, "", "summary")
  paste0(
    "mnmash: effects in many conditions, by multivariate adaptive shrinkage\n\n",
    "  mnmash <step> --option value ...\n  mnmash <step> --help\n  mnmash --version\n\nSteps\n",
    paste0("  ", format(names, width = 28), summaries, "\n", collapse = ""),
    "\nOther names of steps: ",
    paste(strwrap(paste(sort(names(step_synonyms)), collapse = ", "), 90, exdent = 2),
          collapse = "\n"),
    "\n"
  )
}

step_help <- function(name) {
  step <- cli_steps[[name]]
  keys <- c(step$options, "threads", "quiet", "help")
  lines <- vapply(keys, \(key) {
    option <- cli_options[[key]]
    default <- if (key %in% names(step$defaults)) {
      step_default(step, key)
    } else {
      option_default(option)
    }
    about <- c(
      option$help,
      if (option$type == "choice") paste0("[", paste(option_choices(option), collapse = "|"), "]"),
      if (key %in% step$required) "(required)",
      if (length(default) && any(nzchar(default)) && !identical(default, FALSE)) {
        paste0("(default: ", paste(default, collapse = " "), ")")
      }
    )
    value <- switch(option$type,
      flag = "", list = " ...", files = " <file> ...", paste0(" <", option$type, ">")
    )
    if (key == "vhat-method") key <- "method"
    text <- strwrap(paste(about, collapse = " "), 66)
    left <- paste0("  --", if (isTRUE(default)) "[no-]", key, value)
    indent <- strrep(" ", 32)
    first <- if (nchar(left) < 32) formatC(left, width = -32) else paste0(left, "\n", indent)
    paste0(first, paste(text, collapse = paste0("\n", strrep(" ", 32))), "\n")
  }, "")
  paste0(
    "mnmash ", name, ": ", step$summary, "\n\n",
    if (length(step$details)) paste0(paste(strwrap(step$details, 96), collapse = "\n"), "\n\n"),
    "Options\n", paste(lines, collapse = "")
  )
}
