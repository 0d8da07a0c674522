# The steps of the command line: their options, and the functions they call.

common_options <- c("data", "cwd", "output-prefix", "output-suffix", "effect-model", "missing")

run_component <- function(kind) {
  function(o) {
    if (is.null(kind)) kind <- o$component
    file <- step_output(o, kind)
    output_folder(o, file)
    strong <- set_data(
      mash_input_of(o$data, o$missing, "strong"), "strong", effect_alpha(o[["effect-model"]])
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
      method <- o[["vhat-method"]]
      label <- method
    }
    file <- step_output(o, o[["effect-model"]], paste0("V_", label))
    output_folder(o, file)
    if (!is.null(o[["gene-list"]])) return(write_output(gene_correlations(o, method), file))
    if (is.null(o$data)) usage_error("--data is required: ", cli_options$data$help)
    input <- mash_input_of(o$data, o$missing)
    Ulist <- if (!is.null(o[["prior-data"]])) {
      normals_only(resolve_prior(o[["prior-data"]], colnames(input[[1L]])), "prior-data")$U
    }
    # What the user does not say is left to the function.
    asked <- list(n_subset = given_only(o, "n-subset"), max_iter = given_only(o, "max-iter"))
    V <- do.call(estimate_vhat, c(
      list(input, method, effect_alpha(o[["effect-model"]]), Ulist, seed = o$seed),
      asked[!vapply(asked, is.null, NA)]
    ))
    write_output(V, file)
  }
}

# The residual correlation of each gene of a list, from its null units: those of --data that are
# called <gene>_<unit>, or those of its file.
gene_correlations <- function(o, method) {
  if (!method %in% c("simple_specific", "corshrink")) {
    usage_error("--gene-list is for the methods simple_specific and corshrink, not ", method)
  }
  genes <- unique(gsub("\"", "", listed_words(o[["gene-list"]], "gene-list")))
  files <- genes[file.exists(genes) & !dir.exists(genes)]
  if (length(files) && length(files) < length(genes)) {
    stop_mnmash("file", "`gene-list`: there is no file '", setdiff(genes, files)[1L],
                "': all lines must be files, or all be genes")
  }
  z <- if (length(files)) {
    tables <- lapply(files, table_reader(NULL, NULL, o$missing))
    gene <- rep(sub("[.][^.]*$", "", basename(files)), vapply(tables, \(x) nrow(x$Bhat), 0L))
    do.call(rbind, lapply(tables, \(x) x$Bhat / x$Shat))
  } else {
    if (is.null(o$data)) usage_error("--data is required: the file with the units of the genes")
    gene <- NULL
    null_and_random_z(mash_input_of(o$data, o$missing))
  }
  feature_correlation(
    z, gene, if (is.null(gene)) genes else unique(gene), method,
    rescale = FALSE
  )
}

# Units that are in both sets count once.
null_and_random_z <- function(input) {
  sets <- intersect(c("null", "random"), sub("[.]b$", "", names(input)))
  z <- do.call(rbind, lapply(sets, \(set) {
    input[[paste0(set, ".b")]] / input[[paste0(set, ".s")]]
  }))
  if (is.null(rownames(z))) {
    stop_mnmash("names", "`data`: the null and random units have no names, which tell the genes")
  }
  z[!duplicated(rownames(z)), , drop = FALSE]
}

vhat_step <- function(method, label, summary, more = character(), required = "data") {
  cli_step(
    summary, c(common_options, "output", "seed", more), run_vhat(method, label), required,
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
    # --engine ud is R's; the step ud of the workflows is truncated eigenvalue decomposition.
    if (engine %in% c("ud", "ud_ted") && !is.null(o[["unconstrained-prior"]])) {
      engine <- c(ted = "ud_ted", ed = "ud")[[o[["unconstrained-prior"]]]]
    }
    arguments <- list(
      data = o$data, engine = engine, components = o[["mixture-components"]],
      effect_model = o[["effect-model"]],
      V = if (is.null(o[["vhat-data"]])) o$vhat else o[["vhat-data"]],
      npc = o$npc, ed_tol = o[["ed-tol"]], seed = o$seed,
      canonical_in_ed = o[["canonical-in-ed"]], keep_raw = o[["keep-raw"]],
      add_xtx = o[["add-xtx"]], remove_singleton = o[["remove-singleton"]], ridge = o$ridge,
      w_source = o[["w-source"]], missing = o$missing, component_files = o[["component-files"]],
      n_subset = o[["n-subset"]], save_components = o[["save-components"]],
      ud_tol_lik = o[["ud-tol-lik"]]
    )
    # "none" of the components is only scaled: a choice too.
    if (!is.null(o[["scale-only"]])) {
      arguments$scale_only <- setdiff(o[["scale-only"]], "none")
    }
    if (!is.null(o[["max-iter"]])) arguments$max_iter <- o[["max-iter"]]
    if (!is.null(o[["n-unconstrained"]])) arguments$n_unconstrained <- o[["n-unconstrained"]]
    # The engine "learn" has none of the others' choices: only what was asked for is handed on.
    if (engine == "learn") {
      option <- sub("^components$", "mixture-components", gsub("_", "-", names(arguments)))
      arguments <- arguments[!names(arguments) %in% refining_arguments | option %in% o$given]
      if (!any(c("vhat", "vhat-data") %in% o$given)) arguments["V"] <- list(NULL)
    }
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

ud_options <- c("n-unconstrained", "unconstrained-prior", "scale-only", "ud-tol-lik")

prior_details <- paste(
  "Estimates the residual correlation (unless given), finds starting matrices, refines and weighs",
  "them. Writes <cwd>/<output-prefix>.<effect-model>.prior.rds and .V_<method>.rds."
)

run_mash <- function(o) {
  arguments <- list(
    data = o$data, prior = o[["prior-data"]],
    V = if (is.null(o[["vhat-data"]])) given_only(o, "vhat") else o[["vhat-data"]],
    effect_model = given_only(o, "effect-model"), compute_posterior = o[["compute-posterior"]],
    output_level = o[["output-level"]], output_posterior_cov = o[["posterior-cov"]],
    missing = o$missing
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
  if ("output-prefix" %in% o$given) {
    message("Note: the picture is called by --data, as in the workflows; or use --output")
  }
  if (is.null(file)) {
    prefix <- paste0(output_prefix(NULL, o$data), if (nzchar(o$name)) paste0("_", o$name))
    file <- output_file(o$cwd, prefix, extension = o$format)
  }
  output_folder(o, file)
  prior <- read_rds(o$data, "data")
  if (nzchar(o$name) && is.list(prior) && is.list(prior[[o$name]])) prior <- prior[[o$name]]
  prior <- from_file("data", o$data, prior_of(prior, name = "data"))
  plot_U(
    prior, file, max_comp = o[["max-comp"]], to_cor = o[["to-cor"]],
    threshold = o$tol, remove_label = o[["remove-label"]]
  )
  message(" - Wrote ", file)
}

cli_steps <- list(
  mixture_prior = cli_step(
    "learn a prior: residual correlation, components and engine", c(
      prior_options, "engine", ud_options
    ), run_prior(NULL), details = prior_details
  ),
  ed_bovy = cli_step(
    "learn a prior by extreme deconvolution", prior_options, run_prior("ed_bovy"),
    details = prior_details
  ),
  ud = cli_step(
    "learn a prior by ultimate deconvolution",
    c(prior_options, ud_options), run_prior("ud_ted"), details = prior_details
  ),
  mash = cli_step(
    "fit the random set, with posteriors of the strong set", c(
      common_options, "output", "prior-data", "vhat-data", "vhat", "compute-posterior",
      "output-level", "posterior-cov"
    ), run_mash, required = c("data", "prior-data"),
    defaults = list("effect-model" = "that of the prior", "vhat" = "that of the prior"),
    details = paste(
      "Writes <cwd>/<output-prefix>.<effect-model>.mash_model.rds and .posterior.rds. Residual",
      "correlation and effect model are those of the prior unless given."
    )
  ),
  posterior = cli_step(
    "posteriors of other units, of all conditions or some", c(posterior_options, "posterior-cov"),
    run_posterior_step, required = "mash-model", defaults = posterior_defaults,
    details = paste(
      "Of one file (--data): writes <cwd>/<output-prefix>.posterior.rds. Of many",
      "(--analysis-units): a file for each in the folder of that name without .rds; those that are",
      "there already are not computed again."
    )
  ),
  mash_posterior_contrast = cli_step(
    "differences between conditions, with their lfsr", c(
      posterior_options, "cells", "group1", "group2", "group3", "grouping-recipe"
    ), run_contrast, required = "mash-model", defaults = posterior_defaults,
    details = paste(
      "Of one file (--data): writes <cwd>/<output-prefix>.posterior_contrast.rds. Of many",
      "(--analysis-units): a file for each in the folder of that name without .rds."
    )
  ),
  posterior_contrast_plot = cli_step(
    "tiles of how many units and features differ between conditions",
    c(contrast_options, "lfsr-cut", "p-cut", "cells", "format"), run_contrast_plot,
    required = character(), defaults = list(format = "png"),
    details = paste(
      "Writes <cwd>/<output-prefix>.png and .summary.csv. Counts contrasts with a local false sign",
      "rate below 0.05, or, with --p-cut, those with smaller p-values."
    )
  ),
  feature_score_meta = score_step(
    "meta", "scores of features: meta-analysis of deviations"
  ),
  feature_score_nsig = score_step(
    "nsig", "scores of features: share of significant units"
  ),
  feature_score_finemap = score_step(
    "finemap", "scores of features: lead variants of credible sets", required = "fine-mapping"
  ),
  feature_pval_pair = score_step(
    "pval_pair", "scores of features: p-value of each pair of conditions"
  ),
  mash_feature_score = score_step(NULL, "scores of features, by --method", "method", "method"),
  feature_score_merge = cli_step(
    "put tables of scores together", c("scores", "cwd", "output-prefix", "output"), run_score_merge,
    required = "scores", details = "Writes <cwd>/<output-prefix>.csv."
  ),
  plot_U = cli_step(
    "heat maps of the covariances of a prior",
    c("data", "cwd", "output", "output-prefix", "max-comp", "to-cor", "tol", "remove-label", "name",
      "format"),
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
  mnm = cli_step(
    "whole genome: the prior from all regions, then effects and credible sets of each",
    c("regions", "rounds", "max-effects", "covariates", "cwd", "output-prefix"), run_mnm,
    "regions", details = paste(
      "Writes <cwd>/<output-prefix>.mnm.rds, and tables of sets, calls, variants, regions, effects",
      "and failures as <cwd>/<output-prefix>.mnm.<table>.tsv.gz. The same call goes on after an",
      "interruption. Regions that fail are in the table of failures, and the exit status is not 0."
    )
  ),
  mash_input = cli_step(
    "build the input: strong, random and null units from tables",
    c("tables", "table-list", "columns", "exclude-condition", "strong", "sig-p-cutoff", "n-random",
      "n-null", "null-z", "min-observed", "independent-variant-list", "mismatch", "seed", "cwd",
      "output-prefix", "output"),
    run_mash_input, character(), list(
      "n-random" = of("mash_input", "n_random"), "n-null" = of("mash_input", "n_null"),
      "output-prefix" = "mash"
    ),
    paste(
      "Writes <cwd>/<output-prefix>.mash_input.rds, the --data of other steps. Units of a feature",
      "are called <feature>_<unit>. With thousands of genes, run it by region and put the parts",
      "together by bind_mash_input."
    )
  ),
  bind_mash_input = cli_step(
    "put inputs of several regions together", c("inputs", "cwd", "output-prefix", "output"),
    run_bind_mash_input, "inputs", list("output-prefix" = "mash"),
    "Writes <cwd>/<output-prefix>.mash_input.rds; units are called <file>:<unit>."
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
    "Writes <cwd>/<output-prefix>.mash_input.rds."
  )
)

step_synonyms <- c(
  mash_prior = "mixture_prior", prior = "mixture_prior", cov_ed = "ed_bovy",
  ud_unconstrained = "ud", mash_fit = "mash", mash_plot_prior = "plot_U",
  mash_posterior = "posterior",
  posterior_1 = "posterior",
  posterior_contrast = "mash_posterior_contrast",
  posterior_cntrast_plot = "posterior_contrast_plot",
  mash_posterior_contrast_plot = "posterior_contrast_plot",
  mash_posterior_contrast_summary = "posterior_contrast_plot",
  feature_score = "mash_feature_score", mash_feature_score_merge = "feature_score_merge"
)
