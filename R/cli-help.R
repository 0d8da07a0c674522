# Pages of help.

steps_help <- function() {
  groups <- vapply(cli_steps, `[[`, "", "group")
  lines <- vapply(unique(groups), \(group) {
    own <- names(cli_steps)[groups == group]
    summaries <- vapply(cli_steps[own], `[[`, "", "summary")
    paste0(group, "\n", paste0("  ", format(own, width = 28), summaries, "\n", collapse = ""))
  }, "")
  paste0(
    "mnmash: effects in many conditions, by multivariate adaptive shrinkage\n\n",
    "  mnmash <step> --option value ...\n  mnmash help <step>\n  mnmash --version\n",
    "  mnmash completion bash|zsh\n  mnmash man\n\n",
    paste(lines, collapse = "\n"),
    "\nOther names of steps: ",
    paste(
      strwrap(paste(sort(setdiff(names(step_words), names(cli_steps))), collapse = ", "), 90,
              exdent = 2),
      collapse = "\n"
    ),
    "\n"
  )
}

# The default of an option in a step, which may have its own.
step_default <- function(step, key) {
  if (!key %in% names(step$defaults)) return(option_default(cli_options[[key]]))
  option_default(list(type = cli_options[[key]]$type, default = step$defaults[[key]]))
}

# What is said about an option of a step: its meaning, choices, and default.
option_about <- function(step, key) {
  option <- cli_options[[key]]
  default <- step_default(step, key)
  shown <- length(default) && any(nzchar(default)) && !is.logical(default)
  paste(c(
    option$help,
    if (option$type == "choice") paste0("[", paste(option_choices(option), collapse = "|"), "]"),
    if (key %in% step$required) "(required)",
    if (shown) paste0("(default: ", paste(default, collapse = " "), ")")
  ), collapse = " ")
}

# "--[no-]flag", "--option <value>".
option_usage <- function(step, key) {
  value <- switch(cli_options[[key]]$type,
    flag = "", list = " ...", files = " <file> ...", optional = " [<file>]",
    paste0(" <", cli_options[[key]]$type, ">")
  )
  paste0("--", if (isTRUE(step_default(step, key))) "[no-]", option_word(key), value)
}

step_help <- function(name) {
  step <- cli_steps[[name]]
  indent <- strrep(" ", 32)
  lines <- vapply(step_options(step), \(key) {
    text <- strwrap(option_about(step, key), 66)
    left <- paste0("  ", option_usage(step, key))
    first <- if (nchar(left) < 32) formatC(left, width = -32) else paste0(left, "\n", indent)
    paste0(first, paste(text, collapse = paste0("\n", indent)), "\n")
  }, "")
  paragraph <- \(text) if (length(text)) {
    paste0(paste(strwrap(text, 96), collapse = "\n"), "\n\n")
  }
  paste0(
    "mnmash ", name, ": ", step$summary, "\n\n", paragraph(step$details),
    paragraph(upstream_text(step)),
    "Options\n", paste(lines, collapse = "")
  )
}

# Which defaults are others than the protocol's.
upstream_text <- function(step, given = character()) {
  theirs <- step$upstream[!names(step$upstream) %in% given]
  if (!length(theirs)) return(NULL)
  own <- vapply(names(theirs), \(key) {
    default <- step_default(step, key)
    paste0("--", key, " ", if (is.null(default)) "5 or fewer" else format(default[1L]),
           " (theirs: ", format(theirs[[key]]), ")")
  }, "")
  paste0("Defaults that differ from the protocol's: ", paste(own, collapse = ", "),
         "; --upstream takes theirs.")
}
