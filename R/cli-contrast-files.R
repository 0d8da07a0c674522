# Which files of contrasts a step is about, and what is in them.

# --contrast, several files, or --data, one, or a list of them; a list of units stands for what
# mash_posterior_contrast has left for these.
contrast_files <- function(o) {
  sources <- c("data", "analysis-units", "contrast", "contrast-units")
  given <- sources[!vapply(o[sources], is.null, NA)]
  if (length(given) > 1L) given <- setdiff(given, "data")
  if (length(given) > 1L) given <- setdiff(given, "analysis-units")
  if (length(given) != 1L) {
    usage_error(
      "give --contrast, files of contrasts, or --contrast-units, a list of them, or --data, one"
    )
  }
  if (given == "contrast-units") return(listed_files(o[[given]], given))
  if (given != "analysis-units") {
    absent <- o[[given]][!file.exists(o[[given]])]
    if (length(absent)) {
      stop_mnmash("file", as_typed(given), ": there is no file '", absent[1L], "'")
    }
    return(o[[given]])
  }
  units <- named_units(o)
  left <- unit_results(o, names(units), "contrast", "posterior_contrast")
  if (all(file.exists(left))) left else unname(units)
}

# Names of the features: those given, or those of the files.
feature_labels <- function(o, files) {
  labels <- o[["gene-ids"]]
  if (is.null(labels)) {
    labels <- label_of_file(files)
    own <- name_dot(o)
    begins <- nzchar(own) & startsWith(labels, own)
    if (all(begins)) labels <- substring(labels, nchar(own) + 1L)
  }
  if (length(labels) != length(files)) {
    usage_error("--gene-ids must be ", length(files), " names, one for each file, not ",
                length(labels))
  }
  labels
}

# The contrasts of several files as one table, with the feature and the name of each unit.
bound_contrasts <- function(files, labels) {
  twice <- anyDuplicated(labels)
  if (twice) {
    stop_mnmash(
      "names", "`contrast`: two files are about \"", labels[twice], "\" ('",
      paste(files[labels == labels[twice]], collapse = "', '"), "'): give distinct --gene-ids"
    )
  }
  found <- lapply(files, read_rds, name = "contrast")
  columns <- names(found[[1L]])
  for (i in seq_along(found)) {
    if (!is.data.frame(found[[i]]) || !any(startsWith(names(found[[i]]), "mean_contrast_"))) {
      stop_mnmash(
        "type", "`contrast`: '", files[i], "' ", what_it_is(found[[i]]), ", and does not hold ",
        "contrasts, which mash_posterior_contrast writes"
      )
    }
    if (!identical(names(found[[i]]), columns)) {
      stop_mnmash("names", "`contrast`: '", files[i], "' has other contrasts than '", files[1L],
                  "'")
    }
  }
  contrast <- do.call(rbind, lapply(found, as.data.frame))
  attr(contrast, "pairs") <- attr(found[[1L]], "pairs")
  class(contrast) <- c("posterior_contrast", "data.frame")
  list(
    contrast = contrast, feature = rep(labels, vapply(found, nrow, 0L)),
    unit = unlist(lapply(found, rownames))
  )
}

contrast_prefix <- function(o) {
  source <- c(o[["contrast-units"]], o[["analysis-units"]], o$contrast, o$data)[1L]
  list_prefix(o, source)
}

write_table <- function(x, file, row_names = FALSE) {
  connection <- rawConnection(raw(), "wb")
  on.exit(close(connection))
  utils::write.csv(x, connection, row.names = row_names, quote = TRUE)
  write_bytes(rawConnectionValue(connection), file)
  message(" - Wrote ", file)
}

# The measure of significance that was asked for, and its level (NULL: the default).
significance_options <- function(o, by = "lfsr") {
  if (!is.null(o[["lfsr-cut"]]) && !is.null(o[["p-cut"]])) {
    usage_error("give --lfsr-cut or --p-cut, not both")
  }
  if (!is.null(o[["lfsr-cut"]])) return(list(by = "lfsr", level = o[["lfsr-cut"]]))
  if (!is.null(o[["p-cut"]])) return(list(by = "p", level = o[["p-cut"]]))
  list(by = by, level = NULL)
}
