# Steps of the command line that apply a fit.

run_posterior_step <- function(o) {
  apply_fit(o, "posterior", \(...) {
    mash_posterior(..., output_posterior_cov = o[["posterior-cov"]])
  })
}

# What the steps that apply a fit have in common: `apply(model, data, ...)` for one file or many.
# Returns the files that it wrote.
apply_fit <- function(o, step, apply) {
  if (is.null(o$data) && is.null(o[["analysis-units"]])) {
    usage_error("give --data, one file, or --analysis-units, a list of files")
  }
  model_file <- find_mash_model(o)
  model <- read_mash_model(model_file)
  same_effect_model(o, model, model_file)
  V <- read_correlations(o)
  if (is.null(V) && is.null(model[["V"]])) {
    message("Note: the fit does not say its residual correlation, and there is no --vhat-data: ",
            "errors are taken as independent")
  }
  read <- table_reader(
    o[["bhat-table-name"]], o[["shat-table-name"]], o$missing, o[["data-table-name"]]
  )
  # Where there is a list, --data only says how names begin, as in the workflows.
  units <- if (!is.null(o[["analysis-units"]])) named_units(o)
  files <- if (is.null(units)) o$data else unname(units)
  if (is.list(V) || length(dim(V)) == 3L) {
    read <- with_correlation(read, V, files)
    V <- NULL
  }
  common <- list(
    model, exclude = condition_words(o[["exclude-condition"]]), V = V,
    exclude_rule = o[["exclude-rule"]]
  )
  if (is.null(units)) {
    file <- step_output(o, step, prefix = output_prefix(o[["output-prefix"]], o$data))
    claim(o, file, model_file)
    return(write_output(do.call(apply, c(common, list(data = read(files)))), file))
  }
  results <- if (is.null(o$output)) {
    unit_results(o, names(units), if (step == "posterior") "cache" else "contrast", step)
  } else {
    file.path(o$output, paste0(names(units), ".rds"))
  }
  # The residual correlation that was found by its name counts as well.
  shared <- c(model_file, o[["posterior-vhat-files"]], o[["vhat-data"]],
              paste0(step_stem(o), ".V_", given_only(o, "vhat"), ".rds"))
  threads <- worker_threads(stream_workers())
  make_units(o, results, \(i) {
    before <- options(mnmash.progress = FALSE)
    on.exit(options(before))
    one <- stats::setNames(list(read(files[i])), names(units)[i])
    do.call(apply, c(common, list(data = one, n_threads = threads)))[[1L]]
  }, as.list(files), shared)
}

same_effect_model <- function(o, model, model_file) {
  asked <- given_only(o, "effect-model")
  if (!is.null(asked) && !is.null(model$alpha) && effect_alpha(asked) != model$alpha) {
    stop_mnmash(
      "argument", "`effect-model` is ", asked, ", but '", model_file, "' was fitted with ",
      "another one (alpha = ", model$alpha, ")"
    )
  }
}

# All posteriors of a list, and their list, a file a line.
run_posteriors <- function(o) {
  files <- run_posterior_step(o)
  if (is.null(o[["analysis-units"]]) || !is.null(o$output)) return(invisible())
  write_list(o, files)
}

write_list <- function(o, files) {
  begin <- list_prefix(o, o[["analysis-units"]])
  file <- file.path(o$cwd, paste0(begin, ".", o[["output-suffix"]], ".posterior_list"))
  before <- if (file.exists(file)) readLines(file, warn = FALSE)
  if (identical(before, files)) return(invisible())
  claim(o, file)
  write_bytes(files, file)
  message(" - Wrote ", file)
}
