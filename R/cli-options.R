# The options of the command line: what each is called, takes, and means. Names are spelt with
# dashes here; underscores will do as well.

# `type`: "file", "folder", "text", "list" (one or more words), "number", "count", "flag", or
# "choice". `default` is shown in the help; NULL is left to the function that takes the option.
cli_option <- function(help, type = "text", default = NULL, choices = NULL) {
  list(help = help, type = type, default = default, choices = choices)
}

cli_options <- list(
  "data" = cli_option("the RDS file that this step works on", "file"),
  "cwd" = cli_option("folder for the output", "folder", "./mashr_workflow_output"),
  "output-prefix" = cli_option("how names of output files begin; default: the data file's name"),
  "output" = cli_option("the output file, in place of the workflows' name for it"),
  "output-suffix" = cli_option("accepted for old calls, without effect", default = "all"),
  "effect-model" = cli_option(
    "EE: effects are exchangeable; EZ: z-scores", "choice", "EE", c("EE", "EZ")
  ),
  "missing" = cli_option(
    "missing cells, NA or (0, 1000): integrated out, or data with large errors", "choice", "mask",
    c("mask", "reset1000")
  ),
  "mixture-components" = cli_option(
    "starting matrices: flash flash_nonneg pca canonical xtx", "list",
    c("flash", "flash_nonneg", "pca", "canonical")
  ),
  "component" = cli_option(
    "the component to make", "choice", NULL, c("flash", "flash_nonneg", "pca", "canonical", "xtx")
  ),
  "component-files" = cli_option("RDS files of starting matrices, in place of components", "list"),
  "engine" = cli_option(
    "how matrices are refined", "choice", "ed_bovy",
    c("ed_bovy", "cov_ed", "ud", "ud_ted", "none")
  ),
  "npc" = cli_option("number of principal components; default: 5, or as many as there can be",
                     "count"),
  "remove-singleton" = cli_option("drop factors of one condition only", "flag", FALSE),
  "vhat" = cli_option(
    paste(
      "method for the residual correlation: identity simple corrected mle",
      "vhat_corshrink_xcondition vhat_simple_specific"
    ),
    "text", "simple"
  ),
  "method" = cli_option(
    "method for the residual correlation", "choice", "simple",
    c("identity", "simple", "corrected", "mle", "corshrink", "simple_specific")
  ),
  "vhat-data" = cli_option("RDS file of the residual correlation, matrix or array", "file"),
  "n-subset" = cli_option("most rows used by vhat mle", "count", 6000),
  "max-iter" = cli_option("most iterations", "count"),
  "seed" = cli_option("seed of random numbers", "count", 999),
  "ed-tol" = cli_option("stop when the mean log-likelihood gains less", "number", 1e-5),
  "canonical-in-ed" = cli_option("refine canonical matrices too", "flag", TRUE),
  "keep-raw" = cli_option("keep starting matrices beside the refined ones", "flag", TRUE),
  "add-xtx" = cli_option("add the xtx component", "flag", FALSE),
  "ridge" = cli_option(
    "variance added to refined matrices", "choice", "relative", c("relative", "absolute", "none")
  ),
  "w-source" = cli_option("where weights come from", "choice", "mash", c("mash", "engine")),
  "n-unconstrained" = cli_option("random starting matrices of ud", "count", 50),
  "unconstrained-prior" = cli_option("update of random starting matrices", "choice", "ted",
                                     c("ted", "ed")),
  "save-components" = cli_option("write the starting matrices too", "flag", FALSE),
  "prior-data" = cli_option("RDS file of the prior", "file"),
  "compute-posterior" = cli_option("posteriors of the strong set", "flag", TRUE),
  "output-level" = cli_option(
    "1 weights, 2 posteriors of the random set, 3 their covariances, 4 the likelihoods", "count", 2
  ),
  "posterior-cov" = cli_option("keep posterior covariances of the strong set", "flag", FALSE),
  "max-comp" = cli_option("show at most so many matrices; -1: all", "number", -1),
  "to-cor" = cli_option("show correlations", "flag", FALSE),
  "tol" = cli_option("leave out matrices with weights up to this", "number", 1e-6),
  "remove-label" = cli_option("leave out the names of conditions", "flag", FALSE),
  "name" = cli_option("added to the name of the output", default = ""),
  "format" = cli_option("of the picture", "choice", "pdf", c("pdf", "png")),
  "mash-model" = cli_option("RDS file of a fit", "file"),
  "analysis-units" = cli_option("text file with the names of RDS files, one a line", "file"),
  "bhat-table-name" = cli_option(
    "entry of the files with effects; default: strong.b or bhat, whichever there is"
  ),
  "shat-table-name" = cli_option("the same of standard errors; default: strong.s or sbhat"),
  "exclude-condition" = cli_option("names or numbers of conditions to leave out", "list"),
  "data-table-name" = cli_option("accepted for old calls, without effect"),
  "per-chunk" = cli_option("accepted for old calls, without effect"),
  "slice-method" = cli_option("accepted for old calls, without effect"),
  "cells" = cli_option("conditions to compare; default: all", "list"),
  "group1" = cli_option("conditions that count as one", "list"),
  "group2" = cli_option("further conditions that count as one", "list"),
  "group3" = cli_option("further conditions that count as one", "list"),
  "grouping-recipe" = cli_option("text file of groups, with lines \"name: condition ...\"", "file"),
  "p-cut" = cli_option("contrasts count as significant below this", "number", 0.05),
  "by" = cli_option("what is compared with it", "choice", "lfsr", c("lfsr", "p")),
  "meta-method" = cli_option("variance between units", "choice", "REML", c("REML", "DL")),
  "se-cutoff" = cli_option("leave out units with standard errors up to this", "number", 1e-3),
  "p-cutoff" = cli_option("units count as significant below this p-value", "number", 1e-5),
  "fine-mapping" = cli_option("RDS file of a data frame: variants, cs_order, pip", "file"),
  "threads" = cli_option("number of threads; default: all cores", "count"),
  "quiet" = cli_option("say nothing but errors", "flag", FALSE),
  "help" = cli_option("this page", "flag", FALSE)
)

# Other names of the same.
cli_synonyms <- c(
  "numthreads" = "threads", "n-threads" = "threads", "components" = "mixture-components",
  "h" = "help", "bhat-key" = "bhat-table-name", "shat-key" = "shat-table-name",
  "posterior-vhat-files" = "vhat-data"
)

# Options of the workflow system that ran these steps. They take a value.
cli_scheduler_options <- c(
  "container", "entrypoint", "job-size", "walltime", "mem", "j", "q", "s"
)

# Reads `--name value ...`, `--name=value`, `--flag`, `--no-flag`. Returns a list of values by name
# with defaults filled in, `given` (which came from the user) and `notes`.
parse_options <- function(args, allowed) {
  values <- list()
  notes <- character()
  while (length(args)) {
    word <- args[[1L]]
    args <- args[-1L]
    if (!grepl("^-", word) || is_number(word)) {
      usage_error("`", word, "` is not an option: options begin with --")
    }
    inline <- regmatches(word, regexpr("=.*$", word))
    key <- option_key(sub("=.*$", "", word))
    end <- match(TRUE, c(is_option(args), TRUE)) - 1L
    words <- if (length(inline)) substring(inline, 2L) else utils::head(args, end)
    if (!length(inline)) args <- args[-seq_len(end)]
    if (key %in% cli_scheduler_options) {
      notes <- c(notes, paste0("--", key, " concerns the scheduler: ignored"))
      next
    }
    negated <- !key %in% allowed && startsWith(key, "no-") && substring(key, 4L) %in% allowed
    if (negated) key <- substring(key, 4L)
    if (!key %in% allowed) {
      usage_error("unknown option --", key, similar_to(key, allowed))
    }
    option <- cli_options[[key]]
    if (negated && option$type != "flag") usage_error("unknown option --no-", key)
    if (option$type %in% c("flag") && length(words) && !is_truth(words[1L])) {
      usage_error("`", words[1L], "` is not an option: options begin with --")
    }
    values[[key]] <- option_value(key, option, words, negated)
  }
  given <- names(values)
  for (key in setdiff(allowed, given)) values[key] <- list(cli_options[[key]]$default)
  list(values = values, given = given, notes = notes)
}

option_key <- function(word) {
  key <- gsub("_", "-", sub("^--?", "", word))
  if (tolower(key) %in% names(cli_synonyms)) cli_synonyms[[tolower(key)]] else tolower(key)
}

is_number <- function(x) !is.na(suppressWarnings(as.numeric(x)))

is_option <- function(words) grepl("^-", words) & !vapply(words, is_number, NA)

truths <- c(
  "true" = TRUE, "t" = TRUE, "yes" = TRUE, "1" = TRUE,
  "false" = FALSE, "f" = FALSE, "no" = FALSE, "0" = FALSE
)

is_truth <- function(word) tolower(word) %in% names(truths)

option_value <- function(key, option, words, negated) {
  if (option$type == "flag") {
    value <- if (length(words)) truths[[tolower(words[1L])]] else TRUE
    return(value != negated)
  }
  if (option$type == "list") {
    words <- words[nzchar(words)]
    if (!length(words)) usage_error("--", key, " needs at least one value")
    return(words)
  }
  if (length(words) != 1L) {
    usage_error("--", key, " needs one value", if (length(words)) paste0(
      ", not ", length(words), ": ", paste(words, collapse = " ")
    ))
  }
  switch(option$type,
    number = , count = {
      if (!is_number(words)) usage_error("--", key, " must be a number, not ", words)
      value <- as.numeric(words)
      if (option$type == "count" && (value != round(value) || value < 0)) {
        usage_error("--", key, " must be a whole number, not ", words)
      }
      value
    },
    choice = {
      if (!words %in% option$choices) {
        usage_error("--", key, " must be one of ", paste(option$choices, collapse = ", "), "; not ",
                    words)
      }
      words
    },
    words
  )
}

# " (did you mean --ed-tol?)"
similar_to <- function(key, allowed) {
  distance <- drop(utils::adist(key, allowed))
  if (length(distance) && min(distance) <= 3) {
    paste0(" (did you mean --", allowed[which.min(distance)], "?)")
  }
}

usage_error <- function(...) stop_mnmash("usage", ..., call = NULL)
