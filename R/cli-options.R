# The options of the command line: what each is called, takes, and means. Names are spelt with
# dashes here; underscores will do as well.

# `type`: "file", "folder", "text", "list" (one or more words, divided by blanks or commas), "files"
# (one or more names of files), "number", "count", "flag", or "choice". `default` is shown in the
# help; NULL is left to the function that takes the option. `note` is said of an option that has no
# effect.
cli_option <- function(help, type = "text", default = NULL, choices = NULL, note = NULL) {
  list(help = help, type = type, default = default, choices = choices, note = note)
}

# What a function of the package has as the default of an argument: said once, there. `choice` is
# the first of several.
of <- function(fun, argument) structure(list(fun = fun, argument = argument), class = "r_default")

option_default <- function(option) {
  default <- option$default
  if (!inherits(default, "r_default")) return(default)
  value <- eval(formals(get(default$fun, envir = topenv()))[[default$argument]])
  if (option$type == "choice") value[1L] else value
}

option_choices <- function(option) {
  choices <- option$choices
  if (!inherits(choices, "r_default")) return(choices)
  eval(formals(get(choices$fun, envir = topenv()))[[choices$argument]])
}

without_effect <- function(why, type = "list") {
  cli_option(paste0("accepted for old calls, without effect: ", why), type, note = why)
}

cli_options <- list(
  "data" = cli_option("the RDS file that this step works on", "file"),
  "regions" = cli_option(
    "table of regions: columns region, X, Y, range, or Bhat, Shat, LD, n, with names of files",
    "file"
  ),
  "rounds" = cli_option(
    "how many times covariances are learnt", "count", of("mnm", "rounds")
  ),
  "max-effects" = cli_option("most effects of a region", "count", of("mnm", "L")),
  "covariates" = cli_option("table of covariates, samples in its first column", "file"),
  "cwd" = cli_option("folder for the output", "folder", "./mashr_workflow_output"),
  "output-prefix" = cli_option("how names of output files begin; default: the data file's name"),
  "output" = cli_option("the output file, in place of the workflows' name for it"),
  "output-suffix" = without_effect("names of output files have no suffix"),
  "effect-model" = cli_option(
    "EE: effects are exchangeable; EZ: z-scores", "choice",
    of("mixture_prior", "effect_model"), of("mixture_prior", "effect_model")
  ),
  "missing" = cli_option(
    "missing cells, NA or (0, 1000): integrated out, or data with large errors", "choice",
    of("mixture_prior", "missing"), c("exact", "mask", "reset1000")
  ),
  "mixture-components" = cli_option(
    "starting matrices: flash flash_nonneg pca canonical xtx", "list",
    of("mixture_prior", "components")
  ),
  "component" = cli_option(
    "the component to make", "choice", NULL, c("flash", "flash_nonneg", "pca", "canonical", "xtx")
  ),
  "component-files" = cli_option("RDS files of starting matrices, in place of components", "files"),
  "engine" = cli_option(
    "how matrices are learnt; \"learn\" is the calibrated way, the others are those of older tools",
    "choice", "ed_bovy", of("mixture_prior", "engine")
  ),
  "npc" = cli_option("number of principal components; default: 5, or as many as there can be",
                     "count"),
  "remove-singleton" = cli_option(
    "drop factors of one condition only", "flag", of("mixture_prior", "remove_singleton")
  ),
  "vhat" = cli_option(
    paste(
      "method for the residual correlation: identity simple corrected mle",
      "vhat_corshrink_xcondition vhat_simple_specific"
    ),
    "text", "simple"
  ),
  "vhat-method" = cli_option(
    "method for the residual correlation", "choice", "simple",
    c("identity", "simple", "corrected", "mle", "corshrink", "simple_specific")
  ),
  "vhat-data" = cli_option("RDS file of the residual correlation, matrix or array", "file"),
  "n-subset" = cli_option("most rows used by vhat mle", "count", of("mixture_prior", "n_subset")),
  "max-iter" = cli_option("most iterations", "count"),
  "seed" = cli_option("seed of random numbers", "count", of("mixture_prior", "seed")),
  "ed-tol" = cli_option(
    "stop when the mean log-likelihood gains less", "number", of("mixture_prior", "ed_tol")
  ),
  "canonical-in-ed" = cli_option(
    "refine canonical matrices too", "flag", of("mixture_prior", "canonical_in_ed")
  ),
  "keep-raw" = cli_option(
    "keep starting matrices beside the refined ones", "flag", of("mixture_prior", "keep_raw")
  ),
  "add-xtx" = cli_option("add the xtx component", "flag", of("mixture_prior", "add_xtx")),
  "ridge" = cli_option(
    "variance added to refined matrices", "choice", of("mixture_prior", "ridge"),
    of("mixture_prior", "ridge")
  ),
  "w-source" = cli_option(
    "where weights come from", "choice", of("mixture_prior", "w_source"),
    of("mixture_prior", "w_source")
  ),
  "n-unconstrained" = cli_option(
    "random starting matrices of ud; default: 50, none with --scale-only", "count"
  ),
  "unconstrained-prior" = cli_option(
    "update of unconstrained matrices; default: ted for the step ud, else that of --engine",
    "choice", NULL, c("ted", "ed")
  ),
  "scale-only" = cli_option(paste(
    "components of which ud estimates scales only, such as canonical, or none; the other",
    "components start unconstrained matrices. Without it: canonical, and the others are not used"
  ), "list"),
  "ud-tol-lik" = cli_option(
    "stop ud when the log-likelihood of all units gains less, in place of --ed-tol", "number"
  ),
  "gene-list" = cli_option(paste(
    "text file of genes, one a line: a residual correlation for each, from the null and random",
    "units called <gene>_<unit>; or of the names of RDS files, one for each gene"
  ), "file"),
  "util-script" = without_effect(
    "tables of genes are read from --data or the files of --gene-list"
  ),
  "save-components" = cli_option(
    "write the starting matrices too", "flag", of("mixture_prior", "save_components")
  ),
  "prior-data" = cli_option("RDS file of the prior", "file"),
  "compute-posterior" = cli_option(
    "posteriors of the strong set", "flag", of("mash_fit", "compute_posterior")
  ),
  "output-level" = cli_option(
    "1 weights, 2 posteriors of the random set, 3 their covariances, 4 the likelihoods", "count",
    of("mash_fit", "output_level")
  ),
  "posterior-cov" = cli_option(
    "keep posterior covariances of the strong set", "flag", of("mash_fit", "output_posterior_cov")
  ),
  "max-comp" = cli_option("show at most so many matrices; -1: all", "number", -1),
  "to-cor" = cli_option("show correlations", "flag", of("plot_U", "to_cor")),
  "tol" = cli_option(
    "leave out matrices with weights up to this", "number", of("plot_U", "threshold")
  ),
  "remove-label" = cli_option(
    "leave out the names of conditions", "flag", of("plot_U", "remove_label")
  ),
  "name" = cli_option(
    "added to the name of the output; if the file has a prior of this name, that is shown",
    default = ""
  ),
  "format" = cli_option("of the picture", "choice", "pdf", c("pdf", "png")),
  "mash-model" = cli_option("RDS file of a fit", "file"),
  "analysis-units" = cli_option("text file with the names of RDS files, one a line", "file"),
  "bhat-table-name" = cli_option(
    "entry of the files with effects; default: strong.b or bhat, whichever there is"
  ),
  "shat-table-name" = cli_option("the same of standard errors; default: strong.s or sbhat"),
  "exclude-condition" = cli_option("names or numbers of conditions to leave out", "list"),
  "exclude-rule" = cli_option(
    "leave conditions out exactly, or as the workflows did", "choice",
    of("mash_posterior", "exclude_rule"), of("mash_posterior", "exclude_rule")
  ),
  "data-table-name" = cli_option("entry of the files that holds these tables, such as strong"),
  "posterior-vhat-files" = cli_option(
    "RDS files of the residual correlation: one, or one for each file of --analysis-units", "files"
  ),
  "per-chunk" = without_effect("every file is a piece of work of its own"),
  "slice-method" = without_effect("missing conditions are always left out, exactly"),
  "cells" = cli_option("conditions to compare; default: all", "list"),
  "group1" = cli_option("conditions that count as one", "list"),
  "group2" = cli_option("further conditions that count as one", "list"),
  "group3" = cli_option("further conditions that count as one", "list"),
  "grouping-recipe" = cli_option(
    "text file of groups, with lines \"condition,condition\" or \"name: condition,condition\"",
    "file"
  ),
  "lfsr-cut" = cli_option(
    "contrasts count as significant below this local false sign rate; default: 0.05", "number"
  ),
  "p-cut" = cli_option(
    "count by p-values as the workflows did, below this; theirs was 1e-5", "number"
  ),
  "method" = cli_option("which score", "choice", NULL, c("meta", "nsig", "pval_pair", "finemap")),
  "contrast" = cli_option("RDS files of contrasts, one for each feature", "files"),
  "gene-ids" = cli_option("names of the features; default: names of the files", "list"),
  "meta-method" = cli_option(
    "variance between units", "choice", of("feature_score", "meta_method"),
    of("feature_score", "meta_method")
  ),
  "se-cutoff" = cli_option(
    "leave out units with standard errors up to this", "number", of("feature_score", "se_cutoff")
  ),
  "fine-mapping" = cli_option(
    "table of variants, cs_order, pip (and feature): RDS or text file", "file"
  ),
  "conditions" = cli_option("conditions to score; default: all", "list"),
  "genotype" = cli_option(paste(
    "genotypes (PLINK .bed/.bim/.fam, .raw, a table or RDS matrix of dosages): use units that are",
    "nearly independent"
  )),
  "region" = cli_option("use units in this region, chromosome:from-to"),
  "cor-threshold" = cli_option(
    "no two of them are correlated as much as this in --genotype", "number",
    of("feature_score", "cor_threshold")
  ),
  "prune" = cli_option(
    "how they are picked: one after the other, or one of each cluster as in the workflows",
    "choice", of("feature_score", "prune"), of("feature_score", "prune")
  ),
  "scores" = cli_option("tables of scores, .csv", "files"),
  "tables" = cli_option(paste(
    "a table for each condition: condition=file, or files called by their conditions; text (.gz)",
    "or parquet"
  ), "files"),
  "table-list" = cli_option("text file of conditions and their tables, two words a line", "file"),
  "columns" = cli_option(
    "which column is what: unit=, feature=, effect=, se=, p=, z=, effect_allele=, other_allele=",
    "list"
  ),
  "strong" = cli_option("text file of the strong units; default: by --sig-p-cutoff", "file"),
  "sig-p-cutoff" = cli_option(
    "largest p-value of a strong unit", "number", of("mash_input", "strong_p")
  ),
  "n-random" = cli_option("random units of each feature, or of all", "count"),
  "n-null" = cli_option("null units of each feature, or of all", "count"),
  "n-strong" = cli_option("strong units", "count", of("simulate_mash_input", "n_strong")),
  "null-z" = cli_option("null units have |z| below this", "number", of("mash_input", "null_z")),
  "min-observed" = cli_option(
    "leave out units observed in a smaller share of the conditions", "number",
    of("mash_input", "min_observed")
  ),
  "independent-variant-list" = cli_option(
    "text file of units that random and null may come from", "file"
  ),
  "mismatch" = cli_option(
    "units with other alleles than in the first table", "choice", of("mash_input", "mismatch"),
    of("mash_input", "mismatch")
  ),
  "inputs" = cli_option("RDS files of inputs, one for each region", "files"),
  "missing-share" = cli_option(
    "share of cells without a value", "number", of("simulate_mash_input", "missing_share")
  ),
  "active" = cli_option(
    "share of units with an effect", "number", of("simulate_mash_input", "active_share")
  ),
  "n-conditions" = cli_option(
    "number of conditions, at most 34", "count", of("simulate_mash_input", "conditions")
  ),
  "threads" = cli_option("number of threads; default: all cores", "count"),
  "quiet" = cli_option("say nothing but errors", "flag", FALSE),
  "help" = cli_option("this page", "flag", FALSE)
)

# Other names of the same.
cli_synonyms <- c(
  "numthreads" = "threads", "n-threads" = "threads", "components" = "mixture-components",
  "h" = "help", "bhat-key" = "bhat-table-name", "shat-key" = "shat-table-name",
  "p-cutoff" = "p-cut", "ud-method" = "unconstrained-prior", "model-data" = "data",
  "strong-p" = "sig-p-cutoff", "independent" = "independent-variant-list"
)

# What options of older steps became: said where they are met.
cli_retired <- c(
  "posterior" = "contrasts are computed from the fit: give --mash-model and --data",
  "posterior-file" = "contrasts are computed from the fit: give --mash-model and --analysis-units",
  "orig-data" = "give the file of effects as --data",
  "orig-key" = "give the entry of effects as --bhat-table-name",
  "sum-file" = "give the list of files of effects as --analysis-units",
  "contrast-input" = "give the files of contrasts as --contrast",
  "bfile-path" = "give PLINK's files as --genotype",
  "objects" = "mash_input reads a table for each condition: --tables"
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
    if (!length(inline)) args <- utils::tail(args, length(args) - end)
    if (key %in% cli_scheduler_options) {
      notes <- c(notes, paste0("--", key, " concerns the scheduler: ignored"))
      next
    }
    # Steps of which each knows one kind of method call it --method.
    if (key == "method" && "vhat-method" %in% allowed) key <- "vhat-method"
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
      notes <- c(notes, paste0("--", key, " has no effect: ", option$note))
      next
    }
    if (option$type %in% c("flag") && length(words) && !is_truth(words[1L])) {
      usage_error("`", words[1L], "` is not an option: options begin with --")
    }
    values[[key]] <- option_value(key, option, words, negated)
  }
  given <- names(values)
  for (key in setdiff(allowed, given)) values[key] <- list(option_default(cli_options[[key]]))
  list(values = values, given = given, notes = notes)
}

option_key <- function(word) {
  key <- gsub("_", "-", sub("^--?", "", word))
  key <- ascii_lower(key)
  if (key %in% names(cli_synonyms)) cli_synonyms[[key]] else key
}

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
  if (option$type %in% c("list", "files")) {
    # "a,b" is a and b, unless a file is called so.
    whole <- option$type == "files" & file.exists(words)
    words <- trimws(unlist(ifelse(whole, as.list(words), strsplit(words, ",", fixed = TRUE))))
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
      choices <- option_choices(option)
      if (!words %in% choices) {
        usage_error("--", key, " must be one of ", paste(choices, collapse = ", "), "; not ",
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
