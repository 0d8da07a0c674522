# The steps of the command line: their options, and the functions they call.

cli_step <- function(summary, options, run, required = "data", defaults = list(), details = NULL) {
  list(
    summary = summary, options = options, run = run, required = required, defaults = defaults,
    details = details
  )
}

common_options <- c("data", "cwd", "output-prefix", "output-suffix", "effect-model", "missing")

# Where a step writes: --output, or the name that the workflows give it.
step_output <- function(o, ..., prefix = output_prefix(o[["output-prefix"]], o$data)) {
  if (!is.null(o$output)) return(o$output)
  output_file(o$cwd, prefix, ...)
}

write_output <- function(x, file) {
  save_rds(x, file)
  message(" - Wrote ", file)
}

# Options that take effect only if the user gave them.
given_only <- function(o, key) if (key %in% o$given) o[[key]]

run_component <- function(kind) {
  function(o) {
    if (is.null(kind)) kind <- o$component
    file <- step_output(o, kind)
    usable_folder(dirname(file), "cwd")
    strong <- set_data(
      read_mash_input(o$data, o$missing, "strong"), "strong", effect_alpha(o[["effect-model"]])
    )
    found <- with_seed(o$seed, prior_components(
      strong, kind, default_npc(o$npc, strong), isTRUE(o[["remove-singleton"]]), NULL
    ))
    write_output(found[[1L]], file)
  }
}

component_step <- function(kind, summary, more = character(), required = "data") {
  cli_step(
    summary, c(common_options, "output", "seed", more), run_component(kind), required,
    details = if (!is.null(kind)) paste0("Writes <cwd>/<output-prefix>.", kind, ".rds.")
  )
}

# `label` is what the method is called in the name of the file.
run_vhat <- function(method, label = method) {
  function(o) {
    if (is.null(method)) {
      method <- o$method
      label <- method
    }
    file <- step_output(o, o[["effect-model"]], paste0("V_", label))
    usable_folder(dirname(file), "cwd")
    input <- read_mash_input(o$data, o$missing)
    Ulist <- if (!is.null(o[["prior-data"]])) {
      resolve_prior(o[["prior-data"]], colnames(input[[1L]]))$U
    }
    V <- estimate_vhat(
      input, method, effect_alpha(o[["effect-model"]]), Ulist,
      n_subset = if (is.null(o[["n-subset"]])) 6000 else o[["n-subset"]],
      max_iter = if (is.null(o[["max-iter"]])) 6 else o[["max-iter"]], seed = o$seed
    )
    write_output(V, file)
  }
}

vhat_step <- function(method, label, summary, more = character()) {
  cli_step(
    summary, c(common_options, "output", "seed", more), run_vhat(method, label),
    details = if (!is.null(label)) {
      paste0("Writes <cwd>/<output-prefix>.<effect-model>.V_", label, ".rds.")
    }
  )
}

prior_options <- c(
  common_options, "output", "mixture-components", "component-files", "npc", "remove-singleton",
  "vhat", "vhat-data", "n-subset", "ed-tol", "max-iter", "seed", "canonical-in-ed", "keep-raw",
  "add-xtx", "ridge", "w-source", "save-components"
)

run_prior <- function(engine) {
  function(o) {
    if (is.null(engine)) engine <- o$engine
    if (engine == "ud" && identical(o[["unconstrained-prior"]], "ted")) engine <- "ud_ted"
    arguments <- list(
      data = o$data, engine = engine, components = o[["mixture-components"]],
      effect_model = o[["effect-model"]],
      vhat = if (is.null(o[["vhat-data"]])) o$vhat else o[["vhat-data"]],
      npc = o$npc, ed_tol = o[["ed-tol"]], seed = o$seed,
      canonical_in_ed = o[["canonical-in-ed"]], keep_raw = o[["keep-raw"]],
      add_xtx = o[["add-xtx"]], remove_singleton = o[["remove-singleton"]], ridge = o$ridge,
      w_source = o[["w-source"]], missing = o$missing, component_files = o[["component-files"]],
      n_subset = o[["n-subset"]], save_components = o[["save-components"]]
    )
    if (!is.null(o[["max-iter"]])) arguments$max_iter <- o[["max-iter"]]
    if (!is.null(o[["n-unconstrained"]])) arguments$n_unconstrained <- o[["n-unconstrained"]]
    if (is.null(o$output)) {
      do.call(mixture_prior, c(
        arguments, list(cwd = o$cwd, output_prefix = o[["output-prefix"]])
      ))
    } else {
      usable_folder(dirname(o$output), "output")
      write_output(do.call(mixture_prior, arguments), o$output)
    }
  }
}

prior_details <- paste(
  "Estimates the residual correlation (unless given), finds starting matrices, refines and weighs",
  "them. Writes <cwd>/<output-prefix>.<effect-model>.prior.rds and .V_<method>.rds."
)

run_mash <- function(o) {
  arguments <- list(
    data = o$data, prior = o[["prior-data"]],
    vhat = if (is.null(o[["vhat-data"]])) given_only(o, "vhat") else o[["vhat-data"]],
    effect_model = given_only(o, "effect-model"), compute_posterior = o[["compute-posterior"]],
    output_level = o[["output-level"]], posterior_cov = o[["posterior-cov"]], missing = o$missing
  )
  if (is.null(o$output)) {
    do.call(mash_fit, c(arguments, list(cwd = o$cwd, output_prefix = o[["output-prefix"]])))
  } else {
    usable_folder(dirname(o$output), "output")
    fit <- do.call(mash_fit, arguments)
    write_output(c_mash(fit, mash_model = light_model(fit)), o$output)
  }
}

run_plot_U <- function(o) {
  file <- o$output
  if (is.null(file)) {
    prefix <- paste0(output_prefix(NULL, o$data), if (nzchar(o$name)) paste0("_", o$name))
    file <- output_file(o$cwd, prefix, extension = o$format)
  }
  usable_folder(dirname(file), "cwd")
  plot_U(
    read_rds(o$data, "data"), file, max_comp = o[["max-comp"]], to_cor = o[["to-cor"]],
    tol = o$tol, remove_label = o[["remove-label"]]
  )
  message(" - Wrote ", file)
}

cli_steps <- list(
  mixture_prior = cli_step(
    "learn a prior: residual correlation, components and engine", c(
      prior_options, "engine", "n-unconstrained"
    ), run_prior(NULL), details = prior_details
  ),
  ed_bovy = cli_step(
    "learn a prior by extreme deconvolution", prior_options, run_prior("ed_bovy"),
    details = prior_details
  ),
  ud = cli_step(
    "learn a prior by ultimate deconvolution",
    c(prior_options, "n-unconstrained", "unconstrained-prior"), run_prior("ud"),
    details = prior_details
  ),
  mash = cli_step(
    "fit the random set, with posteriors of the strong set", c(
      common_options, "output", "prior-data", "vhat-data", "vhat", "compute-posterior",
      "output-level", "posterior-cov"
    ), run_mash, required = c("data", "prior-data"),
    details = paste(
      "Writes <cwd>/<output-prefix>.<effect-model>.mash_model.rds and .posterior.rds. Residual",
      "correlation and effect model are those of the prior unless given."
    )
  ),
  posterior = cli_step(
    "posteriors of other units, of all conditions or some", c(posterior_options, "posterior-cov"),
    run_posterior_step, required = "mash-model",
    details = paste(
      "Of one file (--data): writes <cwd>/<output-prefix>.posterior.rds. Of many",
      "(--analysis-units): a file for each in the folder of that name without .rds; those that are",
      "there already are not computed again."
    )
  ),
  mash_posterior_contrast = cli_step(
    "differences between conditions, with their lfsr", c(
      posterior_options, "cells", "group1", "group2", "group3", "grouping-recipe"
    ), run_contrast, required = "mash-model",
    details = paste(
      "Of one file (--data): writes <cwd>/<output-prefix>.posterior_contrast.rds. Of many",
      "(--analysis-units): a file for each in the folder of that name without .rds."
    )
  ),
  posterior_contrast_plot = cli_step(
    "tiles of how many units and features differ between conditions",
    c(contrast_options, "p-cut", "by", "format"), run_contrast_plot, required = character(),
    defaults = list(format = "png"),
    details = "Writes <cwd>/<output-prefix>.png and .summary.csv."
  ),
  feature_score_meta = score_step(
    "meta", "scores of features: meta-analysis of deviations", c("meta-method", "se-cutoff")
  ),
  feature_score_nsig = score_step(
    "nsig", "scores of features: share of significant units", "p-cutoff"
  ),
  feature_score_finemap = score_step(
    "finemap", "scores of features: lead variants of credible sets", "fine-mapping", "fine-mapping"
  ),
  feature_pval_pair = score_step(
    "pval_pair", "scores of features: p-value of each pair of conditions",
    c("meta-method", "se-cutoff")
  ),
  plot_U = cli_step(
    "heat maps of the covariances of a prior",
    c("data", "cwd", "output", "max-comp", "to-cor", "tol", "remove-label", "name", "format"),
    run_plot_U, details = "Writes <cwd>/<data without its last extension>[_<name>].pdf."
  ),
  flash = component_step("flash", "factors as starting matrices", "remove-singleton"),
  flash_nonneg = component_step(
    "flash_nonneg", "factors with positive weights of conditions", "remove-singleton"
  ),
  pca = component_step("pca", "principal components as starting matrices", "npc"),
  canonical = component_step("canonical", "simple patterns as starting matrices"),
  mash_covariance = component_step(
    NULL, "any component, by --component", c("component", "npc", "remove-singleton"),
    c("data", "component")
  ),
  vhat_identity = vhat_step("identity", "identity", "independent errors"),
  vhat_simple = vhat_step("simple", "simple", "residual correlation of null units"),
  vhat_mle = vhat_step(
    "mle", "mle", "residual correlation by maximum likelihood",
    c("prior-data", "n-subset", "max-iter")
  ),
  vhat_corshrink_xcondition = vhat_step(
    "corshrink", "vhat_corshrink_xcondition", "shrunken residual correlations"
  ),
  vhat_simple_specific = vhat_step(
    "simple_specific", "vhat_simple_specific", "nearest residual correlation of null units"
  ),
  mash_vhat = vhat_step(
    NULL, NULL, "residual correlation, by --method",
    c("method", "prior-data", "n-subset", "max-iter")
  )
)

step_synonyms <- c(
  mash_prior = "mixture_prior", prior = "mixture_prior", cov_ed = "ed_bovy",
  ud_unconstrained = "ud", mash_fit = "mash", mash_plot_prior = "plot_U",
  mash_posterior = "posterior",
  posterior_1 = "posterior",
  posterior_contrast = "mash_posterior_contrast",
  posterior_cntrast_plot = "posterior_contrast_plot"
)
