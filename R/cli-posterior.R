# Steps of the command line that apply a fit.

# A fit, as mash_fit() writes it, or as the workflows did: an entry `mash_model` of a list.
read_mash_model <- function(file) {
  model <- read_rds(file, "mash-model")
  if (!inherits(model, "mash") && is.list(model) && !is.null(model[["mash_model"]])) {
    model <- model[["mash_model"]]
  }
  if (!is.list(model) || is.null(model[["fitted_g"]])) {
    stop_mnmash("type", "`mash-model`: '", file, "' does not hold a fit of mash()")
  }
  model
}

# Reads effects and standard errors of a file by the names of its entries, with missing cells NA.
table_reader <- function(b, s, missing) {
  force(b)
  force(s)
  force(missing)
  function(file) {
    x <- read_rds(file, "data")
    if (inherits(x, "mash")) return(x)
    effects <- named_table(x, b, c("strong.b", effect_names), file)
    errors <- named_table(x, s, c("strong.s", error_names), file)
    region <- code_missing(list(b = effects, s = errors), missing)
    list(Bhat = region$b, Shat = region$s)
  }
}

named_table <- function(x, key, others, file) {
  keys <- intersect(c(key, others), names(x))
  if (!is.list(x) || !length(keys) || (!is.null(key) && keys[1L] != key)) {
    stop_mnmash(
      "missing_entry", "`data`: '", file, "' has no entry `", c(key, others)[1L], "`: it has ",
      describe_entries(x)
    )
  }
  as_numeric_matrix(x[[keys[1L]]], keys[1L])
}

# The files listed in a text file, one a line; relative to it if they are not where they say.
listed_files <- function(file) {
  if (!file.exists(file)) {
    stop_mnmash("file", "`analysis-units`: there is no file '", file, "'")
  }
  files <- trimws(readLines(file, warn = FALSE))
  files <- files[nzchar(files) & !startsWith(files, "#")]
  beside <- file.path(dirname(file), files)
  files <- ifelse(!file.exists(files) & file.exists(beside), beside, files)
  absent <- which(!file.exists(files))
  if (length(absent)) {
    stop_mnmash("file", "`analysis-units`: there is no file '", files[absent[1L]], "'",
                and_more(length(absent)))
  }
  if (!length(files)) stop_mnmash("argument", "`analysis-units`: '", file, "' names no file")
  files
}

condition_words <- function(words) {
  if (length(words) && all(vapply(words, is_number, NA))) as.numeric(words) else words
}

# What the steps that apply a fit have in common: `apply(model, data, ...)` for one file or many.
apply_fit <- function(o, step, apply) {
  model <- read_mash_model(o[["mash-model"]])
  if (is.null(o$data) == is.null(o[["analysis-units"]])) {
    usage_error("give --data, one file, or --analysis-units, a list of files")
  }
  V <- if (!is.null(o[["vhat-data"]])) read_rds(o[["vhat-data"]], "vhat-data")
  read <- table_reader(o[["bhat-table-name"]], o[["shat-table-name"]], o$missing)
  exclude <- condition_words(o[["exclude-condition"]])
  if (!is.null(o$data)) {
    file <- step_output(o, step)
    usable_folder(dirname(file), "cwd")
    return(write_output(apply(model, read(o$data), exclude = exclude, V = V), file))
  }
  prefix <- output_prefix(o[["output-prefix"]], o[["analysis-units"]])
  folder <- if (is.null(o$output)) file.path(o$cwd, paste0(prefix, ".", step)) else o$output
  usable_folder(folder, "cwd")
  done <- apply(
    model, listed_files(o[["analysis-units"]]), exclude = exclude, V = V, read = read,
    folder = folder
  )
  message(" - ", nrow(done), " files in ", folder)
}

run_posterior_step <- function(o) {
  apply_fit(o, "posterior", \(...) {
    mash_posterior(..., output_posterior_cov = o[["posterior-cov"]])
  })
}

posterior_options <- c(
  "data", "analysis-units", "cwd", "output-prefix", "output-suffix", "output", "mash-model",
  "vhat-data", "bhat-table-name", "shat-table-name", "data-table-name", "exclude-condition",
  "missing", "effect-model", "per-chunk", "slice-method"
)
