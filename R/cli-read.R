# Steps of the command line that apply a fit: what they read.

# The residual correlation that the user names, or NULL.
read_correlations <- function(o) {
  several <- o[["posterior-vhat-files"]]
  if (length(several) > 1L) return(lapply(several, read_rds, name = "posterior-vhat-files"))
  file <- c(given_only(o, "vhat-data"), several)
  if (length(file)) return(read_rds(file[1L], "vhat-data"))
  method <- given_only(o, "vhat")
  if (is.null(method)) return(NULL)
  file <- paste0(step_stem(o), ".V_", method, ".rds")
  if (!file.exists(file)) {
    stop_mnmash("file", "`vhat`: there is no file '", file, "', which the step vhat_",
                sub("^vhat_", "", method), " writes; or give --vhat-data")
  }
  message("Note: the residual correlation is that of '", file, "'")
  read_rds(file, "vhat")
}

# How the names of what earlier steps wrote begin.
step_stem <- function(o) {
  prefix <- output_prefix(o[["output-prefix"]], o$data)
  file.path(o$cwd, paste0(prefix, ".", o[["effect-model"]]))
}

# The file of the fit: the one given, or the one that the step mash has left under these names.
find_mash_model <- function(o, needed = TRUE) {
  if (!is.null(o[["mash-model"]])) return(o[["mash-model"]])
  places <- paste0(step_stem(o), c(paste0(".V_", o$vhat), ""), ".mash_model.rds")
  there <- places[file.exists(places)]
  if (length(there)) {
    message("Note: the fit is that of '", there[1L], "'")
    return(there[1L])
  }
  if (needed) {
    usage_error(
      "--mash-model is required: ", cli_options[["mash-model"]]$help, " (there is no '",
      places[2L], "')"
    )
  }
}

# A fit, as mash_fit() writes it, or as the workflows did: an entry `mash_model` of a list.
read_mash_model <- function(file) {
  model <- read_rds(file, "mash-model")
  if (!inherits(model, "mash") && is.list(model) && !is.null(model[["mash_model"]])) {
    model <- model[["mash_model"]]
  }
  if (!is.list(model) || is.null(model[["fitted_g"]])) {
    stop_mnmash(
      "type", "`mash-model`: '", file, "' ", what_it_is(model), ", and does not hold a fit of ",
      "mash(): give the .mash_model.rds that the step mash writes"
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
    # A set of a mash input is a table too.
    if (!is.null(inside) && is.list(x) && is.null(x[[inside]])) {
      own <- paste0(inside, c(".b", ".s", ".z"))
      if (any(own[-2L] %in% names(x))) {
        x[[inside]] <- stats::setNames(x[own], c("bhat", "sbhat", "z"))
      }
    }
    if (!is.null(inside)) {
      if (!is.list(x) || is.null(x[[inside]])) {
        stop_mnmash(
          "missing_entry", "`data-table-name`: '", file, "' has no entry `", inside, "`: it has ",
          describe_entries(x)
        )
      }
      x <- x[[inside]]
    }
    scores <- if (is.list(x) && is.null(b)) scores_alone(x)
    if (is.null(scores)) {
      effects <- named_table(x, b, c("strong.b", effect_names), file)
      errors <- named_table(x, s, c("strong.s", error_names), file)
    } else {
      effects <- as_numeric_matrix(scores, name = "z")
      errors <- array(1, dim(effects), dimnames(effects))
    }
    region <- code_missing(list(b = effects, s = errors), missing)
    list(Bhat = region$b, Shat = region$s)
  }
}

# The z-scores of a file that has no effects: then they are that, with standard errors of 1.
scores_alone <- function(x) {
  if (any(c("strong.b", effect_names) %in% names(x))) return(NULL)
  table_entry(x, c("strong.z", "z", "Z"))
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
