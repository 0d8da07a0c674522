# Steps of the command line that make an input region by region, as the protocol's notebook does.

run_susie_to_mash <- function(o) {
  file <- step_output(o, "mash_input", prefix = list_prefix(o, "mash"))
  table <- read_table(o[["fine-mapping-meta"]], "`fine-mapping-meta`", "\t")
  paths <- meta_column(table, o[["finemapping-column"]], o[["fine-mapping-meta"]])
  labels <- meta_column(table, o[["region-column"]], o[["fine-mapping-meta"]])
  paths <- beside_list(paths, o[["fine-mapping-meta"]], "fine-mapping-meta")
  claim(o, file, c(paths, independent_list(o)))
  bind_regions(o, labels, \(i) region_of_object(paths[i], o$coverage), file)
}

run_preprocessing <- function(o) {
  file <- step_output(o, "mash_input", prefix = list_prefix(o, "mash"))
  labels <- o[["region-ids"]] %||% label_of_file(o$objects)
  if (length(labels) != length(o$objects)) {
    usage_error("--region-ids must be ", length(o$objects), " names, one for each of --objects, ",
                "not ", length(labels))
  }
  claim(o, file, independent_list(o))
  bind_regions(o, labels, \(i) region_of_object(o$objects[i], o$coverage), file)
}

run_random_null <- function(o) {
  file <- step_output(o, "mash_input", prefix = list_prefix(o, "mash"))
  regions <- read_table(o[["region-file"]], "`region-file`", "\t")
  if (ncol(regions) < 4L || !nrow(regions)) {
    stop_mnmash("value", "`region-file`: '", o[["region-file"]], "' must have columns of ",
                "chromosome, start, end and gene, tab-separated, under a header")
  }
  regions[[1L]] <- as.character(regions[[1L]])
  regions[[4L]] <- as.character(regions[[4L]])
  listed <- lapply(o[["sum-files"]], listed_files, name = "sum-files")
  of_chromosome <- lapply(stats::setNames(nm = unique(regions[[1L]])), tables_of, listed, o$traits)
  claim(o, file, c(unlist(of_chromosome), independent_list(o)))
  tables <- NULL
  at <- ""
  bind_regions(o, regions[[4L]], \(i) {
    # Tables of one chromosome are read once.
    if (regions[[1L]][i] != at) {
      at <<- regions[[1L]][i]
      tables <<- lapply(stats::setNames(of_chromosome[[at]], o$traits), z_table)
    }
    list(z = joined_z(lapply(tables, rows_of_gene, as.list(regions[i, 1:4])), regions[[4L]][i]))
  }, file)
}

# The listed tables of a chromosome, one for each condition: those with ".<number>." in their names.
tables_of <- function(chromosome, listed, traits) {
  mark <- paste0(".", sub("^chr", "", chromosome), ".")
  found <- unlist(lapply(listed, \(files) files[grepl(mark, basename(files), fixed = TRUE)]))
  if (length(found) != length(traits)) {
    stop_mnmash(
      "argument", "`sum-files` list ", length(found), " tables of ", chromosome, " (with \"", mark,
      "\" in their names), but there are ", length(traits), " --traits: they must be one for ",
      "each, in this order"
    )
  }
  found
}

run_sumstats_construct <- function(o) {
  if (is.null(o$conditions) || length(o$conditions) != length(o[["tensorqtl-paths"]])) {
    usage_error("--conditions must be ", length(o[["tensorqtl-paths"]]),
                " names, one for each of --tensorqtl-paths")
  }
  if (is.null(o$output)) usage_error("--output is required: ", cli_options$output$help)
  claim(o, o$output)
  tables <- lapply(stats::setNames(o[["tensorqtl-paths"]], o$conditions), z_table)
  where <- o$region %||% "of --tensorqtl-paths"
  write_output(list(z = joined_z(tables, where), region = o$region, study = o$study), o$output)
}

# Unit, z-score, and where there is one the gene, of a table of tensorQTL or the like.
z_table <- function(file) {
  where <- paste0("'", file, "'")
  table <- read_table(file, where, text = \(names) text_places(names, list(), where))
  pick <- \(role) pick_column(table, role, NULL, where)
  unit <- pick("unit")
  if (is.null(unit)) lacks(where, "unit", table)
  z <- pick("z") %||% pick("t")
  if (is.null(z)) {
    effect <- pick("effect")
    se <- pick("se")
    if (is.null(effect) || is.null(se)) lacks(where, "z", table)
    z <- numbers_of(effect, where, "effect") / numbers_of(se, where, "se")
  }
  list(unit = name_text(unit), z = numbers_of(z, where, "z"), gene = name_text(pick("feature")),
       file = file)
}

# Of a table of many genes the rows of one; of one without genes those in its region, as far as the
# names of the units tell.
rows_of_gene <- function(table, region) {
  if (!is.null(table$gene)) {
    keep <- table$gene == region[[4L]]
  } else {
    place <- variant_place(table$unit)
    known <- !is.na(place$position)
    keep <- !known | (place$chromosome == sub("^chr", "", region[[1L]]) &
      place$position >= as.numeric(region[[2L]]) & place$position <= as.numeric(region[[3L]]))
  }
  list(unit = table$unit[keep], z = table$z[keep], file = table$file)
}

variant_place <- function(names) {
  parts <- regmatches(names, regexec("^(chr)?([0-9A-Za-z]+)[:_]([0-9]+)([:_].*)?$", names))
  found <- lengths(parts) > 0L
  take <- \(k) replace(rep(NA_character_, length(names)), found, vapply(parts[found], `[`, "", k))
  list(chromosome = take(3L), position = as.numeric(take(4L)))
}

# Units that all conditions have, with z-scores in all.
joined_z <- function(tables, where) {
  for (table in tables) {
    twice <- anyDuplicated(table$unit)
    if (twice) {
      stop_mnmash("names", "'", table$file, "' has \"", table$unit[twice], "\" twice in region ",
                  where)
    }
  }
  units <- Reduce(intersect, lapply(tables, `[[`, "unit"))
  z <- vapply(tables, \(x) x$z[match(units, x$unit)], numeric(length(units)))
  z <- matrix(z, length(units), length(tables), dimnames = list(units, names(tables)))
  z[rowSums(is.finite(z)) == ncol(z), , drop = FALSE]
}

meta_column <- function(table, name, file) {
  if (!name %in% names(table)) {
    stop_mnmash("names", "`fine-mapping-meta`: '", file, "' has no column \"", name, "\": it has ",
                first_few(names(table), 8L))
  }
  as.character(table[[name]])
}

beside_list <- function(files, list, name) {
  beside <- file.path(dirname(list), files)
  files <- ifelse(!file.exists(files) & file.exists(beside), beside, files)
  absent <- which(!file.exists(files))
  if (length(absent)) {
    stop_mnmash("file", as_typed(name), ": there is no file '", files[absent[1L]], "'",
                and_more(length(absent)))
  }
  files
}

# A folder, such as ".", stands for none, as in the workflows.
independent_list <- function(o) {
  file <- o[["independent-variant-list"]]
  if (!is.null(file) && !dir.exists(file)) file
}

# The sets of all regions in one file. `region(i)`: `b` and `s`, or `z`, and perhaps `strong`.
bind_regions <- function(o, labels, region, file) {
  twice <- anyDuplicated(labels)
  if (twice) stop_mnmash("names", "two regions are called \"", labels[twice], "\"")
  independent <- independent_list(o)
  if (!is.null(independent)) independent <- independent_variants(independent)
  seeds <- piece_seeds(o$seed, length(labels))
  inputs <- lapply(seq_along(labels), \(i) {
    known_region(region(i), labels[i], o, independent, seeds[i])
  })
  names(inputs) <- labels
  skipped <- vapply(inputs, is.null, NA)
  if (all(skipped)) stop_mnmash("too_few", "no region has a unit")
  if (any(skipped)) {
    message(sum(skipped), " regions have no unit: ", first_few(labels[skipped], 3L))
  }
  input <- bind_mash_input(inputs[!skipped])
  if (isTRUE(o[["z-only"]])) input <- scores_only(input)
  for (set in c("strong", "random", "null")) {
    message(" - ", format(set, width = 7), nrow(input[[paste0(set, ".z")]]))
  }
  write_output(input, file)
}

scores_only <- function(input) {
  counts <- attr(input, "counts")
  structure(input[setdiff(names(input), paste0(
    rep(c("strong", "random", "null"), each = 2L), c(".b", ".s")
  ))], counts = counts)
}

# One region as an input of mash_input(), or NULL where nothing is observed.
known_region <- function(region, label, o, independent, seed) {
  b <- region$b %||% region$z
  s <- region$s %||% array(1, dim(b), dimnames(b))
  keep <- setdiff(colnames(b), o[["exclude-condition"]])
  b <- b[, keep, drop = FALSE]
  s <- s[, keep, drop = FALSE]
  z <- b / s
  seen <- rowSums(is.finite(z)) >= max(1, 0.2 * ncol(z))
  z <- z[seen, , drop = FALSE]
  if (!nrow(z) || !ncol(z)) return(NULL)
  size <- replace(abs(z), !is.finite(z), -Inf)
  strong <- if (is.null(region$strong)) {
    unique(rownames(z)[apply(size, 2L, which.max)])
  } else {
    intersect(region$strong, rownames(z))
  }
  cutoff <- stats::qnorm(o[["sig-p-cutoff"]] / 2, lower.tail = FALSE)
  strong <- strong[apply(size[strong, , drop = FALSE], 1L, max) >= cutoff]
  tables <- lapply(stats::setNames(nm = keep), \(condition) {
    there <- is.finite(b[, condition]) & is.finite(s[, condition])
    data.frame(
      unit = rownames(b)[there], effect = b[there, condition], se = s[there, condition]
    )
  })
  allowed <- if (!is.null(independent)) matching_variants(rownames(z), independent)
  if (!is.null(independent) && !length(allowed)) {
    message("region ", label, ": none of its units is among --independent-variant-list")
    o[["n-random"]] <- o[["n-null"]] <- 0
    allowed <- NULL
  }
  mash_input(
    tables, strong = strong, n_random = o[["n-random"]], n_null = o[["n-null"]],
    independent = allowed, seed = seed
  )
}

# Names of variants, from a table of them (a column of names, or of chromosome and position), or
# one a line.
independent_variants <- function(file) {
  first <- table_head(file)$line
  names <- ascii_lower(sub("^#", "", strsplit(first, "[\t ,]+")[[1L]]))
  ids <- names %in% usual_columns$unit
  place <- c(
    match(TRUE, names %in% c("chrom", "chr", "chromosome")),
    match(TRUE, names %in% c("pos", "position", "bp"))
  )
  if (!any(ids) && anyNA(place)) return(listed_words(file, "independent-variant-list"))
  table <- read_table(file, "`independent-variant-list`")
  if (any(ids)) return(as.character(table[[which(ids)[1L]]]))
  paste0(table[[place[1L]]], ":", name_text(table[[place[2L]]]))
}

# Those of the units that are in the list, whichever way round their alleles are written; a place
# alone stands for what is there.
matching_variants <- function(units, list) {
  key <- \(x) {
    parts <- strsplit(toupper(sub("^chr", "", x, ignore.case = TRUE)), "[:_]")
    vapply(parts, \(p) paste(c(p[1:2], sort(p[-(1:2)])), collapse = ":"), "")
  }
  place <- \(x) sub("^([^:]*:[^:]*):.*$", "\\1", x)
  own <- key(units)
  listed <- key(list)
  units[own %in% listed | place(own) %in% listed[listed == place(listed)]]
}
