# The lines of a text file that say something.
listed_words <- function(file, name) {
  if (!file.exists(file)) stop_mnmash("file", as_typed(name), ": there is no file '", file, "'")
  lines <- trimws(readLines(file, warn = FALSE))
  lines <- lines[nzchar(lines) & !startsWith(lines, "#")]
  if (!length(lines)) stop_mnmash("argument", as_typed(name), ": '", file, "' is empty")
  lines
}

# The files listed in a text file, one a line; relative to it if they are not where they say. The
# workflows' lists may have an identifier before the file.
listed_files <- function(file) {
  files <- gsub("\"", "", listed_words(file, "analysis-units"))
  words <- strsplit(files, "[[:space:]]+")
  identified <- lengths(words) == 2L & !file.exists(files)
  files <- ifelse(identified, vapply(words, utils::tail, "", 1L), files)
  beside <- file.path(dirname(file), files)
  files <- ifelse(!file.exists(files) & file.exists(beside), beside, files)
  absent <- which(!file.exists(files))
  if (length(absent)) {
    stop_mnmash("file", "`analysis-units`: there is no file '", files[absent[1L]], "'",
                and_more(length(absent)))
  }
  unname(files)
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
  asked <- given_only(o, "effect-model")
  if (!is.null(asked) && !is.null(model$alpha) && effect_alpha(asked) != model$alpha) {
    stop_mnmash(
      "argument", "`effect-model` is ", asked, ", but '", o[["mash-model"]], "' was fitted with ",
      "another one (alpha = ", model$alpha, ")"
    )
  }
  V <- read_correlations(o)
  if (is.null(V) && is.null(model[["V"]])) {
    message("Note: the fit does not say its residual correlation, and there is no --vhat-data: ",
            "errors are taken as independent")
  }
  read <- table_reader(
    o[["bhat-table-name"]], o[["shat-table-name"]], o$missing, o[["data-table-name"]]
  )
  files <- if (is.null(o$data)) listed_files(o[["analysis-units"]]) else o$data
  if (is.list(V) || length(dim(V)) == 3L) {
    read <- with_correlation(read, V, files)
    V <- NULL
  }
  common <- list(
    model, exclude = condition_words(o[["exclude-condition"]]), V = V,
    exclude_rule = o[["exclude-rule"]]
  )
  if (!is.null(o$data)) {
    file <- step_output(o, step)
    output_folder(o, file)
    return(write_output(do.call(apply, c(common, list(data = read(files)))), file))
  }
  prefix <- output_prefix(o[["output-prefix"]], o[["analysis-units"]])
  folder <- if (is.null(o$output)) file.path(o$cwd, paste0(prefix, ".", step)) else o$output
  usable_folder(folder, if (is.null(o$output)) "cwd" else "output")
  done <- do.call(apply, c(common, list(data = files, read = read, folder = folder)))
  message(" - ", nrow(done), " files in ", folder)
}

# The folder of a file to write, found out to be usable before work begins.
output_folder <- function(o, file) {
  usable_folder(dirname(file), if (is.null(o$output)) "cwd" else "output")
}

# Where a step writes: --output, or the name that the workflows give it.
step_output <- function(o, ..., prefix = output_prefix(o[["output-prefix"]], o$data)) {
  if (!is.null(o$output)) return(o$output)
  output_file(o$cwd, prefix, ...)
}

write_output <- function(x, file) {
  save_rds(x, file)
  message(" - Wrote ", file)
}

cli_step <- function(summary, options, run, required = "data", defaults = list(), details = NULL) {
  list(
    summary = summary, options = options, run = run, required = required, defaults = defaults,
    details = details
  )
}

# Options that take effect only if the user gave them.
given_only <- function(o, key) if (key %in% o$given) o[[key]]

read_correlations <- function(o) {
  several <- o[["posterior-vhat-files"]]
  if (length(several) > 1L) return(lapply(several, read_rds, name = "posterior-vhat-files"))
  file <- c(given_only(o, "vhat-data"), several)
  if (length(file)) read_rds(file[1L], "vhat-data")
}

# A fit, as mash_fit() writes it, or as the workflows did: an entry `mash_model` of a list.
read_mash_model <- function(file) {
  model <- read_rds(file, "mash-model")
  if (!inherits(model, "mash") && is.list(model) && !is.null(model[["mash_model"]])) {
    model <- model[["mash_model"]]
  }
  if (!is.list(model) || is.null(model[["fitted_g"]])) {
    stop_mnmash(
      "type", "`mash-model`: '", file, "' does not hold a fit of mash(): give the .mash_model.rds ",
      "that the step mash writes"
    )
  }
  model
}

# Reads effects and standard errors of a file by the names of its entries, with missing cells NA.
table_reader <- function(b, s, missing, inside = NULL) {
  force(b)
  force(s)
  force(missing)
  force(inside)
  function(file) {
    x <- read_rds(file, "data")
    if (inherits(x, "mash")) return(x)
    if (!is.null(inside)) {
      if (!is.list(x) || is.null(x[[inside]])) {
        stop_mnmash(
          "missing_entry", "`data-table-name`: '", file, "' has no entry `", inside, "`: it has ",
          describe_entries(x)
        )
      }
      x <- x[[inside]]
    }
    effects <- named_table(x, b, c("strong.b", effect_names), file)
    errors <- named_table(x, s, c("strong.s", error_names), file)
    region <- code_missing(list(b = effects, s = errors), missing)
    list(Bhat = region$b, Shat = region$s)
  }
}

# Tables of files with their residual correlation: that of each file, or of an array by feature that
# of the feature a file is called by.
with_correlation <- function(read, V, files) {
  force(read)
  if (is.list(V)) {
    if (length(V) != length(files)) {
      stop_mnmash(
        "argument", "`posterior-vhat-files`: ", length(V), " files, but ", length(files),
        " in --analysis-units: give one, or one for each"
      )
    }
    names(V) <- files
  }
  function(file) {
    x <- read(file)
    feature <- sub("[.][^.]*$", "", basename(file))
    if (!is.list(V) && !feature %in% dimnames(V)[[3L]]) {
      stop_mnmash(
        "names", "`vhat-data` has no matrix for '", feature, "', the name of '", file, "'"
      )
    }
    own <- if (is.list(V)) V[[file]] else V[, , feature]
    x$V <- align_square(own, colnames(x$Bhat), ncol(x$Bhat), "vhat-data", "condition")
    x
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
  as_numeric_matrix(x[[keys[1L]]], name = keys[1L])
}
