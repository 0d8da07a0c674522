# Steps of the command line that score features by contrasts.

run_score <- function(method) {
  function(o) {
    if (is.null(method)) method <- o$method
    if (method == "finemap" && is.null(o[["fine-mapping"]])) {
      usage_error("--fine-mapping is required: ", cli_options[["fine-mapping"]]$help)
    }
    source <- score_source(o)
    file <- o$output %||% score_output(o, method)
    claim(o, file, source$files)
    read <- source$read()
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

# Files of contrasts; or, as older calls have it, posteriors and effects, of which contrasts are
# made.
score_source <- function(o) {
  both <- !is.null(o[["posterior-file"]])
  if (both && is.null(o$contrast) && is.null(o[["contrast-units"]]) && !contrasts_left(o)) {
    pairs <- paired_manifests(o)
    return(list(files = unlist(pairs, use.names = FALSE), read = \() {
      parts <- Map(
        \(posterior, effects) contrasts_of_files(o, posterior, effects, NULL, NULL),
        pairs$posterior, pairs$effects
      )
      list(
        contrast = bind_contrasts(unname(parts)), unit = unlist(lapply(unname(parts), rownames)),
        feature = rep(names(parts), vapply(parts, nrow, 0L))
      )
    }))
  }
  files <- contrast_files(o)
  labels <- feature_labels(o, files)
  list(files = files, read = \() bound_contrasts(files, labels))
}

# Whether mash_posterior_contrast has been here for the units of the list.
contrasts_left <- function(o) {
  if (is.null(o[["analysis-units"]])) return(FALSE)
  all(file.exists(
    unit_results(o, names(named_units(o)), "contrast", "posterior_contrast")
  ))
}

# "<cwd>/<name>.<step>_2.feature_score_sum.csv" where there is a name, as the workflows have it.
score_output <- function(o, method) {
  if (!nzchar(name_dot(o))) {
    return(output_file(o$cwd, contrast_prefix(o), method, extension = "csv"))
  }
  step <- if (method == "pval_pair") "feature_pval_pair" else paste0("feature_score_", method)
  file.path(o$cwd, paste0(name_dot(o), step, "_2.feature_score_sum.csv"))
}

write_scores <- function(scores, file) {
  if (grepl("[.]rds$", file, ignore.case = TRUE)) write_output(scores, file) else
    write_table(scores, file)
}

read_fine_mapping <- function(file, method) {
  if (method != "finemap") return(NULL)
  if (grepl("[.]rds$", file, ignore.case = TRUE)) return(read_rds(file, "fine-mapping"))
  read_table(file, "`fine-mapping`")
}

run_score_merge <- function(o) {
  file <- if (is.null(o$output)) {
    output_file(o$cwd, output_prefix(o[["output-prefix"]], "feature_scores.csv"), extension = "csv")
  } else {
    o$output
  }
  claim(o, file)
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
  "data", "analysis-units", "contrast", "contrast-units", "gene-ids", "cwd", "name",
  "output-prefix", "output"
)

score_options <- c(
  "posterior-file", "sum-file", "bhat-table-name", "shat-table-name", "data-table-name", "missing",
  "meta-method", "se-cutoff", "p-cut", "lfsr-cut", "fine-mapping", "conditions", "genotype",
  "region", "cor-threshold", "prune", "per-chunk"
)
