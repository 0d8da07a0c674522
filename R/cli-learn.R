# Steps of the command line that learn: components, residual correlation, prior, fit; and the
# picture of a prior.

run_component <- function(kind) {
  function(o) {
    kinds <- check_components(kind %||% o$component, "component")
    file <- step_output(o, paste(kinds, collapse = "_"))
    claim(o, file)
    strong <- set_data(
      mash_input_of(o$data, o$missing, "strong"), "strong", effect_alpha(o[["effect-model"]])
    )
    check_npc(o$npc, ncol(strong$Bhat))
    found <- with_seed(o$seed, prior_components(
      strong, kinds, default_npc(o$npc, strong), isTRUE(o[["remove-singleton"]]), NULL
    ))
    write_output(do.call(c, unname(found[kinds])), file)
  }
}

# `label` is what the method is called in the name of the file.
run_vhat <- function(method, label = method) {
  function(o) {
    if (is.null(method)) {
      method <- o[["vhat-method"]]
      label <- method
    }
    if (is.null(o$data) && is.null(o[["gene-list"]])) {
      usage_error("--data is required: ", cli_options$data$help)
    }
    file <- step_output(o, o[["effect-model"]], paste0("V_", label))
    prior <- if (method == "mle") left_prior(o)
    claim(o, file, prior)
    if (!is.null(o[["gene-list"]])) return(write_output(gene_correlations(o, method), file))
    input <- mash_input_of(o$data, o$missing)
    Ulist <- if (!is.null(prior)) {
      normals_only(resolve_prior(prior, colnames(input[[1L]]), "prior-data"), "prior-data")$U
    }
    # What the user does not say is left to the function.
    asked <- list(n_subset = given_only(o, "n-subset"), max_iter = o[["max-iter"]])
    V <- do.call(estimate_vhat, c(
      list(input, method, effect_alpha(o[["effect-model"]]), Ulist, seed = o$seed),
      asked[!vapply(asked, is.null, NA)]
    ))
    write_output(V, file)
  }
}

# The prior whose matrices the method "mle" uses: the one given, or that which an earlier step has
# left, as in the workflows.
left_prior <- function(o) {
  if (!is.null(o[["prior-data"]])) return(o[["prior-data"]])
  file <- if (!is.null(o$data)) paste0(step_stem(o), ".prior.rds")
  if (is.null(file) || !file.exists(file)) return(NULL)
  message("Note: the prior is that of '", file, "'")
  file
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

run_prior <- function(engine) {
  function(o) {
    if (is.null(engine)) engine <- o$engine
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
    # The engine "learn" has none of the others' choices, and "ud" uses components that were asked
    # for only: of what was not, nothing is handed on.
    option <- sub("^components$", "mixture-components", gsub("_", "-", names(arguments)))
    if (engine == "learn") {
      arguments <- arguments[!names(arguments) %in% refining_arguments | option %in% o$given]
      if (!any(c("vhat", "vhat-data") %in% o$given)) arguments["V"] <- list(NULL)
    } else if (startsWith(engine, "ud") && !"mixture-components" %in% o$given) {
      arguments$components <- NULL
    }
    claim(o, prior_outputs(o, arguments))
    if (is.null(o$output)) {
      tell_left_components(o, arguments)
      do.call(mixture_prior, c(
        arguments, list(cwd = o$cwd, output_prefix = o[["output-prefix"]])
      ))
    } else {
      write_output(do.call(mixture_prior, arguments), o$output)
    }
  }
}

# The files that mixture_prior() will write.
prior_outputs <- function(o, arguments) {
  if (!is.null(o$output)) return(o$output)
  prefix <- output_prefix(o[["output-prefix"]], o$data)
  V <- arguments$V
  own <- \(...) output_file(o$cwd, prefix, ...)
  c(
    own(o[["effect-model"]], "prior"),
    if (is.null(V)) own(o[["effect-model"]], "V_corrected"),
    if (!is.null(V) && V %in% names(vhat_methods)) own(o[["effect-model"]], vhat_label(V)),
    if (isTRUE(arguments$save_components)) {
      kinds <- c(arguments$components %||% "canonical", if (isTRUE(arguments$add_xtx)) "xtx")
      kinds <- unique(kinds)
      vapply(kinds, own, "")
    }
  )
}

# Files of components are not taken up by themselves, as they may be of other data or options.
tell_left_components <- function(o, arguments) {
  if (!is.null(arguments$component_files) || is.null(arguments$components)) return(invisible())
  prefix <- output_prefix(o[["output-prefix"]], o$data)
  files <- file.path(o$cwd, paste0(prefix, ".", arguments$components, ".rds"))
  there <- files[file.exists(files)]
  if (length(there) && !isTRUE(arguments$save_components)) {
    message("Note: components are made anew; --component-files ", paste(there, collapse = ","),
            " uses those that are there")
  }
}

run_mash <- function(o) {
  arguments <- list(
    data = o$data, prior = o[["prior-data"]],
    V = if (is.null(o[["vhat-data"]])) given_only(o, "vhat") else o[["vhat-data"]],
    effect_model = given_only(o, "effect-model"), compute_posterior = o[["compute-posterior"]],
    output_level = o[["output-level"]], output_posterior_cov = o[["posterior-cov"]],
    missing = o$missing
  )
  model <- fit_effect_model_of_file(o)
  claim(o, if (is.null(o$output)) {
    prefix <- output_prefix(o[["output-prefix"]], o$data)
    kinds <- c("mash_model", if (isTRUE(o[["compute-posterior"]])) "posterior")
    vapply(kinds, \(kind) output_file(o$cwd, prefix, model, kind), "")
  } else {
    o$output
  })
  if (is.null(o$output)) {
    do.call(mash_fit, c(arguments, list(cwd = o$cwd, output_prefix = o[["output-prefix"]])))
  } else {
    fit <- do.call(mash_fit, arguments)
    write_output(c_mash(fit, mash_model = light_model(fit)), o$output)
  }
}

# The effect model, which is part of the file's name: the one asked for, or that of the prior.
fit_effect_model_of_file <- function(o) {
  asked <- given_only(o, "effect-model")
  if (!is.null(asked)) return(asked)
  prior <- read_rds(o[["prior-data"]], "prior-data")
  known <- if (is.list(prior)) prior$effect_model
  if (is_file_name(known)) known else "EE"
}

run_plot_U <- function(o) {
  need_ggplot2()
  name <- o[["sub-name"]] %||% ""
  if ("output-prefix" %in% o$given) {
    message("Note: the picture is called by --data, as in the workflows; or use --output")
  }
  file <- o$output
  if (is.null(file)) {
    label <- if (nzchar(name)) paste0("_", gsub("$", "_", name, fixed = TRUE))
    file <- output_file(o$cwd, paste0(output_prefix(NULL, o$data), label), extension = o$format)
  }
  claim(o, file)
  prior <- read_rds(o$data, "data")
  # "a$b" is the entry b of the entry a.
  inside <- prior
  for (part in strsplit(name, "$", fixed = TRUE)[[1L]]) {
    inside <- if (is.list(inside)) inside[[part]]
  }
  if (nzchar(name) && is.list(inside)) prior <- inside
  prior <- from_file("data", o$data, {
    refuse_input(prior, "data")
    prior_of(prior, name = "data")
  })
  plot_U(
    prior, file, max_comp = o[["max-comp"]], to_cor = o[["to-cor"]],
    threshold = o$tol, remove_label = o[["remove-label"]]
  )
  message(" - Wrote ", file)
}
