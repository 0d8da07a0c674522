# Reading the words of the command line.

# Reads `--name value ...`, `--name=value`, `--flag`, `--no-flag`. Returns a list of values by name
# with defaults filled in, `given` (which came from the user) and `notes`. `idle`: options of the
# notebook that the step is from which concern its other steps.
parse_options <- function(args, allowed, idle = character()) {
  values <- list()
  notes <- character()
  while (length(args)) {
    word <- args[[1L]]
    args <- args[-1L]
    if (!grepl("^-", word) || is_number(word)) {
      usage_error("`", word, "` is not an option: options begin with --")
    }
    inline <- regmatches(word, regexpr("=.*$", word))
    key <- option_key(sub("=.*$", "", word), allowed)
    end <- match(TRUE, c(is_option(args), TRUE)) - 1L
    words <- if (length(inline)) substring(inline, 2L) else utils::head(args, end)
    if (!length(inline)) args <- utils::tail(args, length(args) - end)
    if (key %in% cli_scheduler_options) {
      notes <- c(notes, paste0("--", key, " ", cli_options[[key]]$note))
      next
    }
    if (key %in% idle && !key %in% allowed) {
      notes <- c(notes, paste0("--", key, " concerns other steps: not used here"))
      next
    }
    negated <- !key %in% allowed && startsWith(key, "no-") && substring(key, 4L) %in% allowed
    if (negated) key <- substring(key, 4L)
    if (!key %in% allowed) {
      retired <- key %in% names(cli_retired)
      usage_error(
        "unknown option --", key,
        if (retired) paste0(": ", cli_retired[[key]]) else similar_to(key, allowed)
      )
    }
    option <- cli_options[[key]]
    if (negated && option$type != "flag") usage_error("unknown option --no-", key)
    if (!is.null(option$note)) {
      notes <- c(notes, paste0("--", key, " ", option$note))
      next
    }
    # What a script has nothing to say for is left at its default.
    if (identical(words, "")) next
    if (option$type == "flag" && length(words) && !is_truth(words[1L])) {
      usage_error("`", words[1L], "` is not an option: options begin with --")
    }
    values[[key]] <- option_value(key, option, words, negated)
  }
  given <- names(values)
  for (key in setdiff(allowed, given)) values[key] <- list(option_default(cli_options[[key]]))
  list(values = values, given = given, notes = notes)
}

# The option behind a word, dashes or underscores. Steps of which each knows one kind call it
# --method, or --name.
option_key <- function(word, allowed = character()) {
  key <- ascii_lower(gsub("_", "-", sub("^--?", "", word)))
  key <- if (key %in% allowed || !key %in% names(cli_words)) key else cli_words[[key]]
  own <- c(method = "vhat-method", name = "sub-name")
  if (key %in% names(own) && !key %in% allowed && own[[key]] %in% allowed) own[[key]] else key
}

# What the user calls the option.
option_word <- function(key) sub("^(vhat-method)$", "method", sub("^sub-name$", "name", key))

is_number <- function(x) !is.na(suppressWarnings(as.numeric(x)))

is_option <- function(words) grepl("^-", words) & !vapply(words, is_number, NA)

truths <- c(
  "true" = TRUE, "t" = TRUE, "yes" = TRUE, "1" = TRUE,
  "false" = FALSE, "f" = FALSE, "no" = FALSE, "0" = FALSE
)

is_truth <- function(word) ascii_lower(word) %in% names(truths)

option_value <- function(key, option, words, negated) {
  if (option$type == "flag") {
    value <- if (length(words)) truths[[ascii_lower(words[1L])]] else TRUE
    return(value != negated)
  }
  if (option$type == "optional" && !length(words)) return(TRUE)
  word <- option_word(key)
  if (option$type %in% c("list", "files")) {
    # "a,b" is a and b, unless a file is called so.
    whole <- option$type == "files" & file.exists(words)
    words <- trimws(unlist(ifelse(whole, as.list(words), strsplit(words, ",", fixed = TRUE))))
    words <- words[nzchar(words)]
    if (!length(words)) usage_error("--", word, " needs at least one value")
    return(words)
  }
  if (length(words) != 1L) {
    usage_error("--", word, " needs one value", if (length(words)) paste0(
      ", not ", length(words), ": ", paste(words, collapse = " ")
    ))
  }
  switch(option$type,
    number = , count = number_of_words(word, option$type, words),
    choice = one_of_choices(word, option_choices(option), words),
    words
  )
}

number_of_words <- function(word, type, text) {
  value <- suppressWarnings(as.numeric(text))
  if (is.na(value)) usage_error("--", word, " must be a number, not ", text)
  if (type == "count" && (value != round(value) || value < 0)) {
    usage_error("--", word, " must be a whole number, not ", text)
  }
  if (word == "threads" && value < 1) usage_error("--threads must be at least 1, not ", text)
  value
}

# Whatever the case of its letters.
one_of_choices <- function(word, choices, text) {
  at <- match(ascii_lower(gsub("-", "_", text)), ascii_lower(choices))
  if (is.na(at)) {
    usage_error("--", word, " must be one of ", paste(choices, collapse = ", "), "; not ", text)
  }
  choices[at]
}

# " (did you mean --ed-tol?)"
similar_to <- function(key, allowed) {
  distance <- drop(utils::adist(key, allowed))
  if (length(distance) && min(distance) <= 3) {
    paste0(" (did you mean --", option_word(allowed[which.min(distance)]), "?)")
  }
}

usage_error <- function(...) stop_mnmash("usage", ..., call = NULL)
