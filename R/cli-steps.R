# The steps of the command line, in the order of work: their options, and the functions they call.
# Help, completion and the page of the manual are printed from this table and that of the options.

common_options <- c("data", "cwd", "output-prefix", "effect-model", "missing")

# Parameters that all steps of a notebook take, whatever they do.
idle_in_prior <- c("output-suffix", "vhat", "mixture-components")
idle_in_posterior <- c(
  "name", "cells", "group1", "group2", "group3", "per-chunk", "output-prefix", "output-suffix",
  "effect-model", "vhat", "data", "p-cut", "posterior-file", "sum-file", "analysis-units",
  "bhat-table-name", "shat-table-name", "data-table-name", "exclude-condition", "mash-model",
  "posterior-vhat-files", "missing"
)
idle_in_preparation <- c("coverage", "fine-mapping-meta", "finemapping-column", "region-column")

theirs_missing <- list(missing = "reset1000")

component_step <- function(kind, summary, more = character(), upstream = list(), ...) {
  cli_step(
    summary, c(common_options, "output", "seed", more, "upstream"), run_component(kind),
    details = paste0(
      "Writes <cwd>/<output-prefix>.", if (is.null(kind)) "<components>" else kind, ".rds."
    ),
    group = "Starting matrices of a prior", idle = idle_in_prior,
    upstream = c(theirs_missing, upstream), ...
  )
}

vhat_step <- function(method, label, summary, more = character(), required = "data", ...) {
  cli_step(
    summary, c(common_options, "output", "seed", more), run_vhat(method, label), required,
    if ("max-iter" %in% more) list("max-iter" = of("mixture_prior", "V_max_iter")) else list(),
    details = if (!is.null(label)) {
      paste0("Writes <cwd>/<output-prefix>.<effect-model>.V_", label, ".rds.")
    },
    group = "Residual correlation", idle = idle_in_prior, ...
  )
}

prior_options <- c(
  common_options, "output", "mixture-components", "component-files", "npc", "remove-singleton",
  "vhat", "vhat-data", "n-subset", "ed-tol", "max-iter", "seed", "canonical-in-ed", "keep-raw",
  "add-xtx", "ridge", "w-source", "save-components", "upstream"
)

ud_options <- c("n-unconstrained", "unconstrained-prior", "scale-only", "ud-tol-lik")

prior_step <- function(engine, summary, more = character(), ...) {
  cli_step(
    summary, c(prior_options, more), run_prior(engine), group = "Prior", idle = "output-suffix",
    details = paste(
      "Estimates the residual correlation (unless given), finds starting matrices, refines and",
      "weighs them. Writes <cwd>/<output-prefix>.<effect-model>.prior.rds and .V_<method>.rds."
    ),
    upstream = c(
      theirs_missing, list(npc = 2, ridge = "mashr"),
      if (identical(engine, "ed_bovy")) list("ed-tol" = 1e-6)
    ), ...
  )
}

# What a step uses when the option is not given; the option's own default is for other steps.
posterior_defaults <- list(
  "cwd" = "./output", "vhat-data" = "that of the fit", "vhat" = "simple"
)

posterior_options <- c(
  "data", "analysis-units", "cwd", "name", "output-prefix", "output-suffix", "output",
  "mash-model", "vhat-data", "vhat", "posterior-vhat-files", "bhat-table-name", "shat-table-name",
  "data-table-name", "exclude-condition", "exclude-rule", "missing", "effect-model", "per-chunk",
  "slice-method"
)

score_step <- function(method, summary, more = character(), required = character(), ...) {
  cli_step(
    summary, c(contrast_options, more, score_options), run_score(method), required,
    list(cwd = "./output"),
    paste0(
      "Reads what mash_posterior_contrast wrote, one file or several; a feature is called by its ",
      "file, or by --gene-ids. Writes <cwd>/<name>.<step>_2.feature_score_sum.csv, or, without ",
      "--name, <cwd>/<output-prefix>.", if (is.null(method)) "<method>" else method, ".csv."
    ),
    "Scores of features", idle = idle_in_posterior, ...
  )
}

preparing <- c(
  "n-random", "n-null", "exclude-condition", "sig-p-cutoff", "z-only", "independent-variant-list",
  "seed", "cwd", "name", "output-prefix", "output"
)

preparation_step <- function(summary, options, run, required, details) {
  cli_step(
    summary, c(options, preparing), run, required,
    list("n-random" = of("mash_input", "n_random"), "n-null" = of("mash_input", "n_null"),
         cwd = "./output"),
    paste(details, "Writes <cwd>/<name>.mash_input.rds, the --data of other steps."),
    "Input", idle = idle_in_preparation
  )
}

cli_steps <- c(list(
  mash_input = cli_step(
    "build the input: strong, random and null units from tables",
    c("tables", "table-list", "columns", "exclude-condition", "strong", "sig-p-cutoff", "n-random",
      "n-null", "null-z", "min-observed", "independent-variant-list", "mismatch", "z-only", "seed",
      "cwd", "output-prefix", "output"),
    run_mash_input, character(), list(
      "n-random" = of("mash_input", "n_random"), "n-null" = of("mash_input", "n_null"),
      "output-prefix" = "mash"
    ),
    paste(
      "Writes <cwd>/<output-prefix>.mash_input.rds, the --data of other steps. Units of a feature",
      "are called <feature>_<unit>. With thousands of genes, run it by region and put the parts",
      "together by bind_mash_input."
    ),
    "Input"
  ),
  bind_mash_input = cli_step(
    "put inputs of several regions together", c("inputs", "cwd", "output-prefix", "output"),
    run_bind_mash_input, "inputs", list("output-prefix" = "mash"),
    "Writes <cwd>/<output-prefix>.mash_input.rds; units are called <file>:<unit>.", "Input"
  ),
  susie_to_mash = preparation_step(
    "build the input from fine-mappings of many regions",
    c("fine-mapping-meta", "finemapping-column", "region-column", "coverage"), run_susie_to_mash,
    "fine-mapping-meta",
    "Strong units are the lead variants of credible sets; random and null ones are drawn by region."
  ),
  random_null_tensorqtl = preparation_step(
    "build the input from tables of tensorQTL", c("region-file", "sum-files", "traits"),
    run_random_null, c("region-file", "sum-files", "traits"),
    "Of each gene the variants that all conditions have, as z-scores; strong: the largest of each."
  ),
  mash_preprocessing = preparation_step(
    "build the input from files of regions", c("objects", "region-ids", "coverage"),
    run_preprocessing, "objects",
    "A file holds fine-mappings of a region, or effects or z-scores, units x conditions."
  ),
  mash_sumstats_construct = cli_step(
    "z-scores of one region from tables of tensorQTL",
    c("tensorqtl-paths", "conditions", "region", "study", "output"), run_sumstats_construct,
    c("tensorqtl-paths", "conditions", "output"), list(),
    "Writes --output, which is one of the --objects of mash_preprocessing.", "Input"
  ),
  simulate_mash_input = cli_step(
    "simulate an input, to try the other steps", c(
      "n-strong", "n-random", "n-null", "n-conditions", "missing-share", "active", "seed", "cwd",
      "output-prefix", "output"
    ), run_simulate_mash_input, character(),
    list(
      "n-random" = of("simulate_mash_input", "n_random"),
      "n-null" = of("simulate_mash_input", "n_null"), "output-prefix" = "toy"
    ),
    "Writes <cwd>/<output-prefix>.mash_input.rds.", "Input"
  ),
  vhat_identity = vhat_step("identity", "identity", "independent errors"),
  vhat_simple = vhat_step("simple", "simple", "residual correlation of null units"),
  vhat_mle = vhat_step(
    "mle", "mle", "residual correlation by maximum likelihood",
    c("prior-data", "n-subset", "max-iter")
  ),
  vhat_corshrink_xcondition = vhat_step(
    "corshrink", "vhat_corshrink_xcondition", "shrunken residual correlations",
    c("gene-list", "util-script"), character()
  ),
  vhat_simple_specific = vhat_step(
    "simple_specific", "vhat_simple_specific", "nearest residual correlation of null units",
    c("gene-list", "util-script"), character()
  ),
  mash_vhat = vhat_step(
    NULL, NULL, "residual correlation, by --method",
    c("vhat-method", "prior-data", "n-subset", "max-iter")
  ),
  flash = component_step("flash", "factors as starting matrices", "remove-singleton"),
  flash_nonneg = component_step(
    "flash_nonneg", "factors with positive weights of conditions", "remove-singleton"
  ),
  pca = component_step(
    "pca", "principal components as starting matrices", "npc", upstream = list(npc = 2)
  ),
  canonical = component_step("canonical", "simple patterns as starting matrices"),
  mash_covariance = component_step(
    NULL, "any of these, by --component", c("component", "npc", "remove-singleton")
  ),
  mixture_prior = prior_step(
    NULL, "learn a prior: residual correlation, components and engine", c("engine", ud_options),
    also = c("mash_prior", "prior")
  ),
  ed_bovy = prior_step("ed_bovy", "learn a prior by extreme deconvolution", also = "cov_ed"),
  ud = prior_step("ud", "learn a prior by ultimate deconvolution", ud_options),
  ud_unconstrained = prior_step(
    "ud_ted", "the same, by truncated eigenvalues", ud_options
  )
), list(
  mash = cli_step(
    "fit the random set, with posteriors of the strong set", c(
      common_options, "output", "prior-data", "vhat-data", "vhat", "compute-posterior",
      "output-level", "posterior-cov", "upstream"
    ), run_mash, required = c("data", "prior-data"),
    defaults = list(
      "effect-model" = "that of the prior", "vhat" = "that of the prior", "posterior-cov" = TRUE
    ),
    details = paste(
      "Writes <cwd>/<output-prefix>.<effect-model>.mash_model.rds and .posterior.rds. Residual",
      "correlation and effect model are those of the prior unless given."
    ),
    group = "Fit and posteriors", idle = "output-suffix", also = "mash_fit",
    upstream = c(theirs_missing, list("output-level" = 4))
  ),
  posterior = cli_step(
    "posteriors of other units, of all conditions or some", c(posterior_options, "posterior-cov"),
    run_posteriors, character(), c(posterior_defaults, list("posterior-cov" = TRUE)),
    paste(
      "Of one file (--data): writes <cwd>/<output-prefix>.posterior.rds. Of many",
      "(--analysis-units): <cwd>/cache/<name>.<unit>.posterior.rds for each, and their list,",
      "<cwd>/<name>.<output-suffix>.posterior_list; those that are up to date are not computed",
      "again. Without --mash-model the fit is <cwd>/<output-prefix>.<effect-model>.mash_model.rds."
    ),
    "Fit and posteriors", also = c("mash_posterior", "posterior_1"), idle = idle_in_posterior
  ),
  mnm = cli_step(
    "whole genome: the prior from all regions, then effects and credible sets of each",
    c("regions", "rounds", "max-effects", "covariates", "cwd", "output-prefix"), run_mnm,
    "regions", details = paste(
      "Writes <cwd>/<output-prefix>.mnm.rds, and tables of sets, calls, variants, regions, effects",
      "and failures as <cwd>/<output-prefix>.mnm.<table>.tsv.gz. The same call goes on after an",
      "interruption. Regions that fail are in the table of failures, and the exit status is not 0."
    ),
    group = "Whole genome"
  ),
  mash_posterior_contrast = cli_step(
    "differences between conditions, with their lfsr", c(
      posterior_options, "posterior", "posterior-file", "sum-file", "cells", "group1", "group2",
      "group3", "grouping-recipe", "lfsr-cut", "p-cut"
    ), run_contrast, character(), posterior_defaults,
    paste(
      "Of one file (--data): writes <cwd>/<output-prefix>.posterior_contrast.rds. Of many",
      "(--analysis-units): <cwd>/contrast/<name>.<unit>.posterior_contrast.rds for each, and",
      "counts of all, <cwd>/<name>.posterior_sum.csv and .png. Exact, from the fit (--mash-model);",
      "or approximate, from posterior means and covariances: --posterior with --orig-data, or",
      "--posterior-file with --sum-file, or those that the step posterior has left."
    ),
    "Contrasts of conditions", also = "posterior_contrast"
  ),
  contrast_summary = cli_step(
    "how many units and features differ between conditions",
    c(contrast_options, "lfsr-cut", "p-cut", "cells"), run_contrast_summary, character(),
    list(cwd = "./output"), "Writes <cwd>/<name>.posterior_sum.csv, with a column for each pair.",
    "Contrasts of conditions", also = "mash_posterior_contrast_summary", idle = idle_in_posterior
  ),
  contrast_plot = cli_step(
    "the same as a picture",
    c(contrast_options, "lfsr-cut", "p-cut", "cells", "format"), run_contrast_plot,
    character(), list(cwd = "./output", format = "png"),
    paste(
      "Of a table of counts (--data <summary>.csv), or of contrasts. Writes",
      "<cwd>/<output-prefix>.png and, of contrasts, .summary.csv. Counts those with a local false",
      "sign rate below 0.05, or, with --p-cut, with smaller p-values."
    ),
    "Contrasts of conditions", idle = idle_in_posterior,
    also = c("posterior_contrast_plot", "posterior_cntrast_plot", "mash_posterior_contrast_plot")
  ),
  feature_score_meta = score_step(
    "meta", "scores of features: meta-analysis of deviations"
  ),
  feature_score_nsig = score_step(
    "nsig", "scores of features: share of significant units"
  ),
  feature_score_finemap = score_step(
    "finemap", "scores of features: lead variants of credible sets"
  ),
  feature_pval_pair = score_step(
    "pval_pair", "scores of features: p-value of each pair of conditions"
  ),
  mash_feature_score = score_step(
    NULL, "scores of features, by --method", "method", "method", also = "feature_score"
  ),
  feature_score_merge = cli_step(
    "put tables of scores together", c("scores", "cwd", "output-prefix", "output"),
    run_score_merge, "scores", list(), "Writes <cwd>/<output-prefix>.csv.", "Scores of features",
    also = "mash_feature_score_merge"
  ),
  plot_U = cli_step(
    "heat maps of the covariances of a prior",
    c("data", "cwd", "output", "output-prefix", "max-comp", "to-cor", "tol", "remove-label",
      "sub-name", "format"),
    run_plot_U, details = "Writes <cwd>/<data without its last extension>[_<name>].pdf.",
    group = "Pictures", also = "mash_plot_prior", idle = c(idle_in_prior, "effect-model")
  )
))

# Names of steps by all words for them.
step_words <- unlist(lapply(names(cli_steps), \(name) {
  words <- c(name, cli_steps[[name]]$also)
  stats::setNames(rep(name, length(words)), words)
}))

# All that a step takes, beside what only the scheduler is concerned with.
step_options <- function(step) c(step$options, cli_everywhere)
