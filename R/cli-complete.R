# What shells and `man` are told of the steps and options, from the same tables as the help.

# The words that complete an option's value: those of a choice, or the names of files or folders.
completion_values <- function(key) {
  option <- cli_options[[key]]
  switch(option$type,
    choice = option_choices(option), file = , files = , optional = "<file>", folder = "<folder>",
    character()
  )
}

option_flags <- function(step) paste0("--", vapply(step_options(step), option_word, ""))

bash_completion <- function() {
  names <- c(names(step_words), "help", "completion", "man")
  steps <- vapply(names(cli_steps), \(name) {
    words <- names(step_words)[step_words == name]
    paste0("    ", paste(words, collapse = "|"), ") options=\"",
           paste(option_flags(cli_steps[[name]]), collapse = " "), "\" ;;")
  }, "")
  values <- vapply(unique(unlist(lapply(cli_steps, step_options))), \(key) {
    found <- completion_values(key)
    if (!length(found)) return("")
    reply <- if (identical(found, "<file>")) {
      "compgen -f -- \"$current\""
    } else if (identical(found, "<folder>")) {
      "compgen -d -- \"$current\""
    } else {
      paste0("compgen -W \"", paste(found, collapse = " "), "\" -- \"$current\"")
    }
    paste0("    --", option_word(key), ") COMPREPLY=($(", reply, ")); return ;;")
  }, "")
  paste0(c(
    "# bash completion of mnmash, printed by `mnmash completion bash`",
    "_mnmash() {",
    "  local current=\"${COMP_WORDS[COMP_CWORD]}\" options=\"\"",
    "  local before=\"${COMP_WORDS[COMP_CWORD-1]}\"",
    "  COMPREPLY=()",
    "  if [ \"$COMP_CWORD\" -eq 1 ] || [ \"${COMP_WORDS[1]}\" = help ]; then",
    paste0("    COMPREPLY=($(compgen -W \"", paste(names, collapse = " "), " --help --version\"",
           " -- \"$current\")); return"),
    "  fi",
    "  case \"${COMP_WORDS[1]}\" in",
    "    completion) COMPREPLY=($(compgen -W \"bash zsh\" -- \"$current\")); return ;;",
    unname(steps),
    "  esac",
    "  case \"$before\" in",
    unique(unname(values[nzchar(values)])),
    "  esac",
    "  case \"$current\" in",
    "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$current\")) ;;",
    "    *) COMPREPLY=($(compgen -f -- \"$current\")) ;;",
    "  esac",
    "}",
    "complete -o filenames -F _mnmash mnmash"
  ), "\n", collapse = "")
}

zsh_completion <- function() {
  quoted <- \(x) gsub("[]:'\"`\\\\$[]", "", x)
  summaries <- quoted(vapply(cli_steps, `[[`, "", "summary"))
  steps <- paste0("    '", names(cli_steps), ":", summaries, "'")
  cases <- vapply(names(cli_steps), \(name) {
    words <- names(step_words)[step_words == name]
    step <- cli_steps[[name]]
    options <- vapply(step_options(step), \(key) {
      option <- cli_options[[key]]
      values <- completion_values(key)
      action <- switch(values[1L] %||% "",
        "<file>" = "_files", "<folder>" = "_files -/",
        paste0("(", paste(values, collapse = " "), ")")
      )
      paste0(
        "        '*--", option_word(key), "[", quoted(option$help), "]",
        if (option$type != "flag") paste0(":", option$type, ":", if (length(values)) action), "'"
      )
    }, "")
    paste0("    ", paste(words, collapse = "|"), ")\n      _arguments \\\n",
           paste(options, collapse = " \\\n"), " ;;")
  }, "")
  paste0(c(
    "#compdef mnmash", "# zsh completion of mnmash, printed by `mnmash completion zsh`",
    "_mnmash() {",
    "  local -a steps", "  steps=(", unname(steps), "    'help:a page of help'", "  )",
    "  if (( CURRENT == 2 )) || [[ $words[2] == help ]]; then",
    "    _describe step steps; return",
    "  fi",
    "  local step=$words[2]", "  shift words; (( CURRENT-- ))",
    "  case $step in", unname(cases), "  esac", "}", "_mnmash \"$@\""
  ), "\n", collapse = "")
}

# The page of the manual, in the language of man.
man_page <- function() {
  safe <- \(x) gsub("-", "\\-", gsub("\\", "\\e", x, fixed = TRUE), fixed = TRUE)
  line <- \(x) sub("^([.'])", "\\\\&\\1", safe(x))
  steps <- unlist(lapply(names(cli_steps), \(name) {
    step <- cli_steps[[name]]
    c(
      ".SS", paste0("mnmash ", safe(name)), line(step$summary), if (length(step$also)) {
        c(".br", line(paste0("Also called ", paste(step$also, collapse = ", "), ".")))
      },
      if (length(step$details)) c(".PP", line(step$details)),
      if (length(step$upstream)) c(".PP", line(upstream_text(step))),
      unlist(lapply(step$options, \(key) {
        c(".TP", paste0("\\fB", safe(option_usage(step, key)), "\\fR"),
          line(option_about(step, key)))
      }))
    )
  }))
  everywhere <- unlist(lapply(cli_everywhere, \(key) {
    c(".TP", paste0("\\fB", safe(option_usage(list(), key)), "\\fR"),
      line(option_about(list(), key)))
  }))
  paste0(c(
    paste0(".TH MNMASH 1 \"\" \"mnmash ", utils::packageVersion("mnmash"), "\""),
    ".SH NAME", "mnmash \\- effects in many conditions, by multivariate adaptive shrinkage",
    ".SH SYNOPSIS", ".B mnmash", "\\fIstep\\fR \\fB\\-\\-option\\fR \\fIvalue\\fR ...",
    ".SH DESCRIPTION",
    line(paste(
      "Words of options may be written with dashes or underscores, lists with blanks or commas.",
      "An empty value is that of an option that was not given. Exit status: 0 when all went well,",
      "1 after an error, 2 when the command was not understood, 130 when interrupted."
    )),
    ".SH OPTIONS OF ALL STEPS", everywhere, ".SH STEPS", steps
  ), "\n", collapse = "")
}
