# Steps of the command line about contrasts between conditions, and scores of features.

# "--group1 Exc Inh", and files with lines "neurons: Exc Inh".
contrast_groups <- function(o) {
  given <- o[c("group1", "group2", "group3")]
  groups <- lapply(given[!vapply(given, is.null, NA)], condition_words)
  recipe <- o[["grouping-recipe"]]
  if (!is.null(recipe)) {
    if (!file.exists(recipe)) {
      stop_mnmash("file", "`grouping-recipe`: there is no file '", recipe, "'")
    }
    lines <- trimws(readLines(recipe, warn = FALSE))
    lines <- lines[nzchar(lines) & !startsWith(lines, "#")]
    bad <- which(!grepl("^[^:]+:.*[^[:space:]]", lines))
    if (length(bad)) {
      stop_mnmash("value", "`grouping-recipe`: line '", lines[bad[1L]],
                  "' must be a name, a colon, and conditions")
    }
    members <- strsplit(trimws(sub("^[^:]+:", "", lines)), "[[:space:],]+")
    groups <- c(groups, stats::setNames(members, sub(":.*$", "", lines)))
  }
  if (length(groups)) unname_default(groups)
}

# Groups by option have no names of their own: they are called by their members.
unname_default <- function(groups) {
  names(groups)[names(groups) %in% c("group1", "group2", "group3")] <- ""
  groups
}

run_contrast <- function(o) {
  groups <- contrast_groups(o)
  cells <- condition_words(o$cells)
  apply_fit(o, "posterior_contrast", \(...) {
    posterior_contrast(..., conditions = cells, groups = groups)
  })
}

# Contrasts from one file, or from several, one for each feature. A list of features by unit.
read_contrasts <- function(o) {
  if (is.null(o$data) == is.null(o[["analysis-units"]])) {
    usage_error("give --data, one file of contrasts, or --analysis-units, a list of files")
  }
  files <- if (is.null(o$data)) listed_files(o[["analysis-units"]]) else o$data
  found <- lapply(files, read_rds, name = "data")
  columns <- names(found[[1L]])
  for (i in seq_along(found)) {
    if (!is.data.frame(found[[i]]) || !any(startsWith(columns, "mean_contrast_"))) {
      stop_mnmash("type", "`data`: '", files[i], "' does not hold contrasts")
    }
    if (!identical(names(found[[i]]), columns)) {
      stop_mnmash("names", "`data`: '", files[i], "' has other contrasts than '", files[1L], "'")
    }
  }
  contrast <- do.call(rbind, found)
  class(contrast) <- c("posterior_contrast", "data.frame")
  feature <- rep(sub("[.].*$", "", basename(files)), vapply(found, nrow, 0L))
  list(contrast = contrast, feature = feature)
}

contrast_prefix <- function(o) {
  output_prefix(o[["output-prefix"]], if (is.null(o$data)) o[["analysis-units"]] else o$data)
}

write_table <- function(x, file, row_names = FALSE) {
  write_whole(file, \(part) {
    utils::write.csv(x, part, row.names = row_names, quote = TRUE)
  })
  message(" - Wrote ", file)
}

run_contrast_plot <- function(o) {
  read <- read_contrasts(o)
  prefix <- contrast_prefix(o)
  file <- if (is.null(o$output)) output_file(o$cwd, prefix, extension = o$format) else o$output
  usable_folder(dirname(file), "cwd")
  features <- if (length(unique(read$feature)) > 1L) read$feature
  counts <- summary(read$contrast, features, o[["p-cut"]], o$by)
  write_table(counts, output_file(dirname(file), prefix, "summary", extension = "csv"), TRUE)
  plot(read$contrast, features, o[["p-cut"]], o$by, file)
  message(" - Wrote ", file)
}

run_score <- function(method) {
  function(o) {
    read <- read_contrasts(o)
    file <- step_output(o, method, prefix = contrast_prefix(o))
    if (is.null(o$output)) file <- sub("[.]rds$", ".csv", file)
    usable_folder(dirname(file), "cwd")
    fine_mapping <- if (!is.null(o[["fine-mapping"]])) {
      read_rds(o[["fine-mapping"]], "fine-mapping")
    }
    arguments <- list(
      read$contrast, read$feature, method, meta_method = o[["meta-method"]],
      se_cutoff = o[["se-cutoff"]], p_cutoff = o[["p-cutoff"]], fine_mapping = fine_mapping
    )
    write_table(do.call(feature_score, arguments), file)
  }
}

contrast_options <- c(
  "data", "analysis-units", "cwd", "output-prefix", "output-suffix", "output"
)

score_step <- function(method, summary, more = character(), required = character()) {
  cli_step(
    summary, c(contrast_options, more), run_score(method), required,
    defaults = list("meta-method" = "REML", "se-cutoff" = 1e-3, "p-cutoff" = 1e-5),
    details = paste(
      "Reads what mash_posterior_contrast wrote, one file or several (--analysis-units); a feature",
      "is called by its file. Writes <cwd>/<output-prefix>.", method, ".csv."
    )
  )
}
