# Steps of the command line about contrasts between conditions.

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
  if (!is.null(o$posterior) || !is.null(o[["posterior-file"]])) {
    files <- contrast_posteriors(o, cells, groups)
  } else if (is.null(o[["analysis-units"]]) || !is.null(find_mash_model(o, needed = FALSE))) {
    files <- apply_fit(o, "posterior_contrast", \(...) {
      posterior_contrast(..., conditions = cells, groups = groups)
    })
  } else {
    files <- contrast_units(o, cells, groups)
  }
  # Of all units, as the workflows' further steps do.
  if (length(files) > 1L || (is.null(o$data) && is.null(o$output))) sum_up(o, files)
}

# Contrasts of posteriors that were computed before: --posterior and the effects (--data), or lists
# of both.
contrast_posteriors <- function(o, cells, groups) {
  if (!is.null(o$posterior)) {
    if (is.null(o$data)) usage_error("--posterior needs the effects too: --orig-data, or --data")
    file <- step_output(
      o, "posterior_contrast", prefix = output_prefix(o[["output-prefix"]], o$data)
    )
    claim(o, file)
    write_output(contrasts_of_files(o, o$posterior, o$data, cells, groups), file)
    return(invisible(file))
  }
  pairs <- paired_manifests(o)
  results <- if (is.null(o$output)) {
    unit_results(o, names(pairs$posterior), "contrast", "posterior_contrast")
  } else {
    file.path(o$output, paste0(names(pairs$posterior), ".rds"))
  }
  make_units(
    o, results,
    \(i) contrasts_of_files(o, pairs$posterior[[i]], pairs$effects[[i]], cells, groups),
    Map(c, pairs$posterior, pairs$effects)
  )
}

# The posteriors of --posterior-file and the effects of --sum-file, by their identifiers.
paired_manifests <- function(o) {
  if (is.null(o[["sum-file"]])) {
    usage_error("--posterior-file needs --sum-file: ", cli_options[["sum-file"]]$help)
  }
  posterior <- manifest_files(o[["posterior-file"]], "posterior-file")
  effects <- manifest_files(o[["sum-file"]], "sum-file")
  if (identical(names(posterior), "") && length(effects) == 1L) {
    names(posterior) <- names(effects) <- label_of_file(posterior)
  }
  absent <- setdiff(names(posterior), names(effects))
  if (length(absent)) {
    stop_mnmash(
      "names", "`sum-file` has no line for \"", absent[1L], "\", which --posterior-file names",
      and_more(length(absent)), ": lines of both must begin with the same identifiers"
    )
  }
  twice <- anyDuplicated(names(posterior))
  if (twice) {
    stop_mnmash("names", "`posterior-file` names \"", names(posterior)[twice], "\" twice")
  }
  list(posterior = posterior, effects = effects[names(posterior)])
}

# Contrasts of the posteriors that the step posterior has left for these units.
contrast_units <- function(o, cells, groups) {
  units <- named_units(o)
  posteriors <- unit_results(o, names(units), "cache", "posterior")
  absent <- which(!file.exists(posteriors))
  if (length(absent)) {
    usage_error(
      "give --mash-model; or run the step posterior first, or give --posterior-file: there is no '",
      posteriors[absent[1L]], "'", and_more(length(absent))
    )
  }
  make_units(
    o, unit_results(o, names(units), "contrast", "posterior_contrast"),
    \(i) contrasts_of_files(o, posteriors[i], units[[i]], cells, groups),
    Map(c, posteriors, units)
  )
}

contrasts_of_files <- function(o, posterior, effects, cells, groups) {
  found <- read_rds(posterior, "posterior")
  tell_once("Contrasts are made of posterior means and covariances, as if posteriors were normal: ",
            "approximate; those of --mash-model are exact")
  from_file("posterior", posterior, contrasts_of_moments(
    found, measured_effects(o, effects), cells, groups
  ))
}

# The table of counts of all units, and its picture.
sum_up <- function(o, files) {
  prefix <- list_prefix(o, c(o[["analysis-units"]], o[["posterior-file"]], o$posterior)[1L])
  table <- file.path(o$cwd, paste0(prefix, ".posterior_sum.csv"))
  picture <- file.path(o$cwd, paste0(prefix, ".posterior_sum.png"))
  drawn <- requireNamespace("ggplot2", quietly = TRUE)
  claim(o, c(table, if (drawn) picture), files)
  read <- bound_contrasts(files, label_of_file(files))
  counts <- count_contrasts(o, read, NULL)
  write_table(counts, table, TRUE)
  if (!drawn) return(message("Note: there is no picture, as the package ggplot2 is not installed"))
  draw_counts(counts, picture, counted_by(o))
  message(" - Wrote ", picture)
}

# Pairs of conditions only, as in the workflows.
count_contrasts <- function(o, read, cells) {
  asked <- significance_options(o)
  shown <- among_cells(read$contrast, condition_names_of(cells, read$contrast))
  counts <- summary(shown, read$feature, asked$level, asked$by)
  pairs <- colnames(contrast_pairs(shown, names(counts)))
  message(" - Significant: ", counted_by(o), if (asked$by == "lfsr") {
    "; the workflows count p < 1e-05, as --p-cut 1e-5 does"
  })
  counts[pairs]
}

counted_by <- function(o) {
  asked <- significance_options(o)
  paste(asked$by, "<", significance(asked$level, asked$by, "threshold"))
}

# Conditions by number are those of the contrasts.
condition_names_of <- function(cells, contrast) {
  cells <- condition_words(cells)
  if (!is.numeric(cells)) return(cells)
  known <- scored_conditions(NULL, colnames(contrast_values(contrast, "mean")), contrast_pairs(
    contrast, colnames(contrast_values(contrast, "mean"))
  ))
  known[condition_numbers(cells, known, length(known), "cells")]
}

run_contrast_summary <- function(o) {
  files <- contrast_files(o)
  prefix <- contrast_prefix(o)
  file <- o$output %||% output_file(o$cwd, prefix, "posterior_sum", extension = "csv")
  claim(o, file, files)
  read <- bound_contrasts(files, feature_labels(o, files))
  write_table(count_contrasts(o, read, o$cells), file, TRUE)
}

run_contrast_plot <- function(o) {
  need_ggplot2()
  if (!is.null(o$data) && grepl("[.]csv$", o$data, ignore.case = TRUE)) return(draw_summary(o))
  files <- contrast_files(o)
  prefix <- contrast_prefix(o)
  file <- o$output %||% output_file(o$cwd, prefix, extension = o$format)
  table <- output_file(dirname(file), prefix, "summary", extension = "csv")
  claim(o, c(file, table), files)
  read <- bound_contrasts(files, feature_labels(o, files))
  asked <- significance_options(o)
  shown <- among_cells(read$contrast, condition_names_of(o$cells, read$contrast))
  write_table(summary(shown, read$feature, asked$level, asked$by), table, TRUE)
  plot(shown, read$feature, asked$level, asked$by, file)
  message(" - Wrote ", file)
}

# A picture of a table that contrast_summary wrote, or the workflows.
draw_summary <- function(o) {
  prefix <- output_prefix(o[["output-prefix"]], o$data)
  file <- o$output %||% output_file(o$cwd, prefix, extension = o$format)
  claim(o, file)
  counts <- utils::read.csv(o$data, row.names = 1L, check.names = FALSE)
  rows <- c("n_sig_snp", "n_snp", "n_sig_feature", "n_all_feature")
  if (!all(rows %in% rownames(counts)) || !any(grepl("_vs_", names(counts), fixed = TRUE))) {
    stop_mnmash("type", "`data`: '", o$data, "' is no table of counts of contrasts, with the rows ",
                paste(rows, collapse = ", "), " and columns such as A_vs_B")
  }
  draw_counts(counts, file, paste0("what '", basename(o$data), "' counts"))
  message(" - Wrote ", file)
}

draw_counts <- function(counts, file, level) {
  pairs <- contrast_pairs(counts, names(counts))
  draw_contrasts(as.matrix(counts[colnames(pairs)]), pairs, TRUE, level, file)
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
