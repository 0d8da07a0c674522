# The options of the command line: what each is called, takes, and means. Names are spelt with
# dashes here; underscores will do as well.

# `type`: "file", "folder", "text", "list" (one or more words, divided by blanks or commas), "files"
# (one or more names of files), "number", "count", "flag", "choice", or "optional" (a word or none).
# `default` is shown in the help; NULL is left to the function that takes the option. `note` is said
# of an option that has no effect. `also`: its other names. `argument`: what functions of the
# package call it, where that is another word.
cli_option <- function(help, type = "text", default = NULL, choices = NULL, note = NULL,
                       also = character(), argument = NULL) {
  list(
    help = help, type = type, default = default, choices = choices, note = note, also = also,
    argument = argument
  )
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

without_effect <- function(why) {
  cli_option(
    paste0("accepted for old calls, without effect: ", why), "list",
    note = paste0("has no effect: ", why)
  )
}

# An option of the workflow system that ran these steps: it takes a value, and is accepted by all.
of_scheduler <- function(...) {
  cli_option("accepted, and of no concern here", "scheduler", also = c(...),
             note = "concerns the scheduler: ignored")
}

cli_options <- list(
  "data" = cli_option(
    "the RDS file that this step works on", "file",
    also = c("model-data", "orig-data")
  ),
  "regions" = cli_option(
    "table of regions: columns region, X, Y, range, or Bhat, Shat, LD, n, with names of files",
    "file"
  ),
  "rounds" = cli_option(
    "how many times covariances are learnt", "count", of("mnm", "rounds")
  ),
  "max-effects" = cli_option(
    "most effects of a region", "count", of("mnm", "L"), argument = "L"
  ),
  "covariates" = cli_option("table of covariates, samples in its first column", "file"),
  "cwd" = cli_option("folder for the output", "folder", "./mashr_workflow_output"),
  "output-prefix" = cli_option("how names of output files begin; default: the data file's name"),
  "output" = cli_option("the output file, in place of the workflows' name for it"),
  "output-suffix" = cli_option("in the name of the list of files that is written",
                               default = "all"),
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
    of("mixture_prior", "components"),
    also = "components", argument = "components"
  ),
  "component" = cli_option(
    "the components to make, one or several: canonical pca flash flash_nonneg xtx", "list",
    "canonical"
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
    "text", "simple",
    argument = "V"
  ),
  "vhat-method" = cli_option(
    "method for the residual correlation", "choice", "simple",
    c("identity", "simple", "corrected", "mle", "corshrink", "simple_specific")
  ),
  "vhat-data" = cli_option(
    "RDS file of the residual correlation, matrix or array", "file",
    argument = "V"
  ),
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
    "update of unconstrained matrices; default: that of the step, or of --engine",
    "choice", NULL, c("ted", "ed"),
    also = "ud-method"
  ),
  "scale-only" = cli_option(paste(
    "components of which ud estimates scales only, such as canonical, or none; the other",
    "components start unconstrained matrices. Without it: canonical; others are used where",
    "--mixture-components or --component-files name them"
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
  "prior-data" = cli_option(
    "RDS file of the prior", "file",
    argument = "prior"
  ),
  "compute-posterior" = cli_option(
    "posteriors of the strong set", "flag", of("mash_fit", "compute_posterior")
  ),
  "output-level" = cli_option(
    "1 weights, 2 posteriors of the random set, 3 their covariances, 4 the likelihoods", "count",
    of("mash_fit", "output_level")
  ),
  "posterior-cov" = cli_option(
    "keep posterior covariances of the strong set", "flag", of("mash_fit", "output_posterior_cov"),
    argument = "output_posterior_cov"
  ),
  "max-comp" = cli_option("show at most so many matrices; -1: all", "number", -1),
  "to-cor" = cli_option("show correlations", "flag", of("plot_U", "to_cor")),
  "tol" = cli_option(
    "leave out matrices with weights up to this", "number", of("plot_U", "threshold"),
    argument = "threshold"
  ),
  "remove-label" = cli_option(
    "call the conditions t1, t2, ...", "flag", of("plot_U", "remove_label")
  ),
  "name" = cli_option("how names of output files begin"),
  "sub-name" = cli_option(
    "added to the name of the output; if the file has a prior of this name, that is shown"
  ),
  "format" = cli_option("of the picture", "choice", "pdf", c("pdf", "png", "svg")),
  "mash-model" = cli_option(
    "RDS file of a fit", "file",
    argument = "model"
  ),
  "analysis-units" = cli_option(
    "text file with the names of RDS files, the first word of each line", "file"
  ),
  "bhat-table-name" = cli_option(
    "entry of the files with effects; default: strong.b or bhat, whichever there is",
    also = c("bhat-key", "orig-key")
  ),
  "shat-table-name" = cli_option(
    "the same of standard errors; default: strong.s or sbhat",
    also = "shat-key"
  ),
  "exclude-condition" = cli_option(
    "names or numbers of conditions to leave out", "list",
    argument = "exclude"
  ),
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
    "count by p-values as the workflows did, below this; theirs was 1e-5", "number",
    also = "p-cutoff"
  ),
  "method" = cli_option("which score", "choice", NULL, c("meta", "nsig", "pval_pair", "finemap")),
  "contrast" = cli_option(
    "RDS files of contrasts, one for each feature", "files",
    also = "contrast-input"
  ),
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
  "genotype" = cli_option(
    paste(
    "genotypes (PLINK .bed/.bim/.fam, .raw, a table or RDS matrix of dosages): use units that are",
    "nearly independent"
  ),
    also = "bfile-path"
  ),
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
  "columns" = cli_option(paste(
    "which column is what, by name or number: unit=, feature=, effect=, se=, p=, z=, ...; and",
    "condition=, where one table has all conditions"
  ), "list"),
  "strong" = cli_option("text file of the strong units; default: by --sig-p-cutoff", "file"),
  "sig-p-cutoff" = cli_option(
    "largest p-value of a strong unit", "number", of("mash_input", "strong_p"),
    also = "strong-p", argument = "strong_p"
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
    "text file of units that random and null may come from", "file",
    also = "independent", argument = "independent"
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
    "share of units with an effect", "number", of("simulate_mash_input", "active_share"),
    argument = "active_share"
  ),
  "n-conditions" = cli_option(
    "number of conditions, at most 34", "count", of("simulate_mash_input", "conditions"),
    argument = "conditions"
  ),
  "posterior" = cli_option(
    "RDS file of posteriors with their covariances: contrasts are made of them, without the fit",
    "file"
  ),
  "posterior-file" = cli_option(
    "list of units and their posteriors, two words a line, or one RDS file of posteriors", "file"
  ),
  "sum-file" = cli_option(
    "list of units and their effects, by which they are matched to --posterior-file; or one file",
    "file"
  ),
  "contrast-units" = cli_option(
    "text file with the names of files of contrasts, the first word of each line", "file"
  ),
  "z-only" = cli_option("keep z-scores only", "flag", FALSE),
  "fine-mapping-meta" = cli_option(
    "table (tab-separated) with a row for each region and the file of its fine-mapping", "file"
  ),
  "finemapping-column" = cli_option(
    "its column with the names of the files", default = "susie_path"
  ),
  "region-column" = cli_option("its column with the names of the regions", default = "region_id"),
  "coverage" = cli_option(
    "coverage of the credible sets whose lead variants are strong", "number", 0.95
  ),
  "objects" = cli_option("RDS files, one for each region: fine-mappings or effects", "files"),
  "region-ids" = cli_option("names of the regions; default: names of the files", "list"),
  "region-file" = cli_option(
    "table (tab-separated, with a header) of chromosome, start, end and gene", "file"
  ),
  "sum-files" = cli_option(
    "text files, one for each condition, that list its tables, one for each chromosome", "files"
  ),
  "traits" = cli_option("names of the conditions, in the order of the tables", "list"),
  "tensorqtl-paths" = cli_option("tables of one region, one for each condition", "files"),
  "study" = cli_option("name of the study, kept in the file", default = "mash"),
  "upstream" = cli_option(
    "take the defaults of the protocol where they are others than those here", "flag", FALSE
  ),
  "overwrite" = cli_option(
    "replace files that are there already, whatever they are", "flag", FALSE
  ),
  "force" = cli_option(
    "make everything again, also what is up to date", "flag", FALSE
  ),
  "log" = cli_option(
    "write what is said to this file too, with times; without a name: <output>.stderr", "optional"
  ),
  "progress" = cli_option(
    "a line that changes, lines with times now and then, or nothing; auto: what suits stderr",
    "choice", "auto", c("auto", "line", "log", "none")
  ),
  "threads" = cli_option(
    "number of threads; default: all cores", "count",
    also = c("numthreads", "n-threads"), argument = "n_threads"
  ),
  "quiet" = cli_option("say nothing but errors", "flag", FALSE),
  "help" = cli_option(
    "this page", "flag", FALSE,
    also = "h"
  ),
  "container" = of_scheduler("entrypoint"), "job-size" = of_scheduler(),
  "walltime" = of_scheduler(), "mem" = of_scheduler(), "j" = of_scheduler("q", "s")
)

# What every step takes beside its own.
cli_everywhere <- c("overwrite", "force", "log", "progress", "threads", "quiet", "help")

# What options of older steps became: said where they are met.
cli_retired <- c(
  "posterior-file" = "contrasts are made by mash_posterior_contrast",
  "sum-file" = "contrasts are made by mash_posterior_contrast",
  "objects" = "mash_input reads a table for each condition: --tables"
)

cli_scheduler_options <- names(cli_options)[
  vapply(cli_options, \(option) identical(option$type, "scheduler"), NA)
]

# Names of options by all words for them.
cli_words <- unlist(lapply(names(cli_options), \(key) {
  words <- c(key, cli_options[[key]]$also)
  stats::setNames(rep(key, length(words)), words)
}))
