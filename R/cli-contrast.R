# Steps of the command line about contrasts between conditions, and scores of features.

# "--group1 Exc Inh", and files with lines "neurons: Exc Inh" or "Exc,Inh".
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
    # "name: a,b", or "a,b" as in the workflows.
    named <- grepl("^[^:]+:", lines)
    members <- strsplit(trimws(sub("^[^:]+:", "", lines)), "[[:space:],]+")
    if (any(!lengths(members))) {
      stop_mnmash("value", "`grouping-recipe`: line '", lines[!lengths(members)][1L],
                  "' names no condition: a line must be \"name: condition,condition\"")
    }
    groups <- c(groups, stats::setNames(members, ifelse(named, sub(":.*$", "", lines), "")))
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

# Contrasts from one file, or from several, one for each feature: with the feature and the name of
# each unit.
read_contrasts <- function(o) {
  sources <- c("data", "analysis-units", "contrast")
  if (sum(!vapply(o[sources], is.null, NA)) != 1L) {
    usage_error(
      "give --data, one file of contrasts, or --contrast, several, or --analysis-units, a list ",
      "of them"
    )
  }
  files <- if (!is.null(o[["analysis-units"]])) listed_files(o[["analysis-units"]]) else
    c(o$data, o$contrast)
  found <- lapply(files, read_rds, name = "data")
  columns <- names(found[[1L]])
  for (i in seq_along(found)) {
    if (!is.data.frame(found[[i]]) || !any(startsWith(columns, "mean_contrast_"))) {
      stop_mnmash(
        "type", "`data`: '", files[i], "' does not hold contrasts, which mash_posterior_contrast ",
        "writes"
      )
    }
    if (!identical(names(found[[i]]), columns)) {
      stop_mnmash("names", "`data`: '", files[i], "' has other contrasts than '", files[1L], "'")
    }
  }
  sizes <- vapply(found, nrow, 0L)
  labels <- o[["gene-ids"]]
  if (is.null(labels)) labels <- label_of_file(files)
  twice <- anyDuplicated(labels)
  if (twice) {
    stop_mnmash(
      "names", "`data`: two files are about \"", labels[twice], "\" ('",
      paste(files[labels == labels[twice]], collapse = "', '"), "'): give distinct --gene-ids"
    )
  }
  if (length(labels) != length(files)) {
    usage_error("--gene-ids must be ", length(files), " names, one for each file, not ",
                length(labels))
  }
  contrast <- do.call(rbind, lapply(found, as.data.frame))
  attr(contrast, "pairs") <- attr(found[[1L]], "pairs")
  class(contrast) <- c("posterior_contrast", "data.frame")
  list(
    contrast = contrast, feature = rep(labels, sizes), unit = unlist(lapply(found, rownames))
  )
}

# What a file is about: its name without the endings that the steps give it. Dots within are part of
# the name, as in versions of Ensembl's identifiers.
label_of_file <- function(files) {
  sub("([.](posterior_contrast|posterior|mash_input))?[.]rds$", "", basename(files),
      ignore.case = TRUE)
}

contrast_prefix <- function(o) {
  source <- c(o$data, o[["analysis-units"]], o$contrast)[1L]
  output_prefix(o[["output-prefix"]], source)
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

run_contrast_plot <- function(o) {
  read <- read_contrasts(o)
  prefix <- contrast_prefix(o)
  file <- if (is.null(o$output)) output_file(o$cwd, prefix, extension = o$format) else o$output
  output_folder(o, file)
  features <- if (length(unique(read$feature)) > 1L) read$feature
  asked <- significance_options(o)
  shown <- among_cells(read$contrast, o$cells)
  counts <- summary(shown, features, asked$level, asked$by)
  write_table(counts, output_file(dirname(file), prefix, "summary", extension = "csv"), TRUE)
  plot(shown, features, asked$level, asked$by, file)
  message(" - Wrote ", file)
}

# The contrasts among some conditions.
among_cells <- function(contrast, cells) {
  if (is.null(cells)) return(contrast)
  names <- colnames(contrast_values(contrast, "mean"))
  pairs <- contrast_pairs(contrast, names)
  cells <- scored_conditions(cells, names, pairs)
  both <- pairs[1L, ] %in% cells & pairs[2L, ] %in% cells
  kept <- names %in% c(paste0(cells, "_deviation"), colnames(pairs)[both])
  columns <- sub("^(mean|se|p|lfsr)_contrast_", "", names(contrast)) %in% names[kept]
  structure(
    as.data.frame(contrast)[columns],
    class = class(contrast), pairs = unname(pairs[, both, drop = FALSE])
  )
}

run_score <- function(method) {
  function(o) {
    if (is.null(method)) method <- o$method
    read <- read_contrasts(o)
    file <- step_output(o, method, prefix = contrast_prefix(o))
    if (is.null(o$output)) file <- sub("[.]rds$", ".csv", file)
    output_folder(o, file)
    fine_mapping <- read_fine_mapping(o[["fine-mapping"]], method)
    if (method == "finemap" && !is.null(o$genotype)) {
      message("Note: --genotype is not used: lead variants of credible sets are not pruned")
    }
    asked <- significance_options(o, "p")
    write_scores(feature_score(
      read$contrast, read$feature, method, meta_method = o[["meta-method"]],
      se_cutoff = o[["se-cutoff"]], p_cutoff = asked$level, by = asked$by,
      fine_mapping = fine_mapping, conditions = o$conditions, unit = read$unit,
      genotype = o$genotype, region = o$region, cor_threshold = o[["cor-threshold"]],
      prune = o$prune
    ), file)
  }
}

write_scores <- function(scores, file) {
  if (grepl("[.]rds$", file, ignore.case = TRUE)) write_output(scores, file) else
    write_table(scores, file)
}

read_fine_mapping <- function(file, method) {
  if (method != "finemap") return(NULL)
  if (is.null(file)) usage_error("--fine-mapping is required: ", cli_options[["fine-mapping"]]$help)
  if (grepl("[.]rds$", file, ignore.case = TRUE)) return(read_rds(file, "fine-mapping"))
  read_table(file, "`fine-mapping`")
}

run_score_merge <- function(o) {
  file <- if (is.null(o$output)) {
    output_file(o$cwd, output_prefix(o[["output-prefix"]], "feature_scores.csv"), extension = "csv")
  } else {
    o$output
  }
  output_folder(o, file)
  columns <- c("gene", "condition", "contrast", "score", "scoreType")
  parts <- lapply(o$scores, \(part) {
    x <- if (grepl("[.]rds$", part, ignore.case = TRUE)) read_rds(part, "scores") else
      read_table(part, "`scores`")
    if (!is.data.frame(x) || !all(columns %in% names(x))) {
      stop_mnmash("type", "`scores`: '", part, "' is no table of scores, with the columns ",
                  paste(columns, collapse = ", "))
    }
    x[columns]
  })
  write_scores(do.call(rbind, parts), file)
}

contrast_options <- c(
  "data", "analysis-units", "contrast", "cwd", "output-prefix", "output-suffix", "output"
)

score_options <- c(
  "gene-ids", "meta-method", "se-cutoff", "p-cut", "lfsr-cut", "fine-mapping", "conditions",
  "genotype", "region", "cor-threshold", "prune", "per-chunk"
)

score_step <- function(method, summary, more = character(), required = character()) {
  cli_step(
    summary, c(contrast_options, more, score_options), run_score(method), required,
    details = paste0(
      "Reads what mash_posterior_contrast wrote, one file or several; a feature is called by its ",
      "file, or by --gene-ids. Writes <cwd>/<output-prefix>.",
      if (is.null(method)) "<method>" else method, ".csv."
    )
  )
}
