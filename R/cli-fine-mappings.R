# Regions as other tools leave them: objects of their own classes, of which the parts are read, as
# the packages need not be here.

# Effects of a region in all its conditions, and the lead variants of its credible sets.
region_of_object <- function(file, coverage) {
  x <- read_rds(file, "objects")
  if (isS4(x)) return(region_of_s4(x, file, coverage))
  if (!is.list(x)) stop_no_region(x, file)
  if (!is.null(table_entry(x, c(effect_names, "z", "Z")))) {
    effects <- table_entry(x, effect_names)
    if (is.null(effects)) return(list(z = region_matrix(table_entry(x, c("z", "Z")), "z", file)))
    errors <- named_table(x, NULL, error_names, file)
    return(list(b = region_matrix(effects, "bhat", file), s = region_matrix(errors, "sbhat", file)))
  }
  fits <- susie_fits(x)
  if (!length(fits)) stop_no_region(x, file)
  parts <- lapply(fits, \(fit) table_of_susie(fit, coverage, file))
  region_of_tables(parts)
}

region_matrix <- function(x, name, file) {
  x <- as_numeric_matrix(x, name = name)
  if (is.null(rownames(x))) {
    stop_mnmash("names", "`objects`: the units of '", file, "' have no names")
  }
  x
}

stop_no_region <- function(x, file) {
  stop_mnmash(
    "type", "`objects`: '", file, "' ", what_it_is(x), ": it must hold fine-mappings of a region, ",
    "or effects (`bhat`, `sbhat`) or z-scores (`z`), units x conditions"
  )
}

# A table of class QtlFineMappingResult: an entry for each context, with a table of variants.
region_of_s4 <- function(x, file, coverage) {
  columns <- attr(x, "listData")
  entries <- if (is.list(columns)) columns$entry
  entries <- if (isS4(entries)) attr(entries, "listData") else entries
  contexts <- if (is.list(columns)) as.character(columns$context)
  if (!length(entries) || length(entries) != length(contexts)) stop_no_region(x, file)
  traits <- as.character(columns$trait)
  if (anyDuplicated(contexts)) contexts <- paste(contexts, traits, sep = "_")
  if (anyDuplicated(contexts)) {
    stop_mnmash("names", "`objects`: '", file, "' has two entries for ",
                contexts[anyDuplicated(contexts)])
  }
  names(entries) <- contexts
  region_of_tables(lapply(entries, \(entry) {
    table <- attr(entry, "topLoci")
    if (!is.data.frame(table)) stop_no_region(entry, file)
    table_of_loci(as.data.frame(table), length(attr(entry, "variantIds")), coverage, file)
  }))
}

table_of_loci <- function(table, n_variants, coverage, file) {
  set <- paste0("cs_", round(100 * coverage))
  needed <- c("variant_id", "pip", set)
  absent <- setdiff(needed, names(table))
  if (length(absent)) {
    stop_mnmash("names", "`objects`: the table of variants of '", file, "' has no column \"",
                absent[1L], "\": it has ", first_few(names(table), 20L))
  }
  if (nrow(table) < n_variants) {
    warn_mnmash(
      "few", "'", file, "' has statistics of ", nrow(table), " of its ", n_variants,
      " variants only: `random` and `null` units are drawn from these, which may be its top ones"
    )
  }
  none <- is.na(table[[set]]) | grepl("(^|_)0$", table[[set]])
  scores <- is.null(table$marginal_beta) || is.null(table$marginal_se)
  list(
    unit = as.character(table$variant_id),
    b = if (scores) table$marginal_z else table$marginal_beta,
    s = if (scores) rep(1, nrow(table)) else table$marginal_se,
    pip = table$pip, set = ifelse(none, NA, as.character(table[[set]]))
  )
}

# Fits inside lists of lists, as older versions have them, by the names of their places.
susie_fits <- function(x, name = NULL) {
  if (!is.list(x) || is.data.frame(x)) return(list())
  if (!is.null(x$variant_names) && !is.null(x$susie_result_trimmed)) {
    return(stats::setNames(list(x), name))
  }
  do.call(c, lapply(names(x), \(part) susie_fits(x[[part]], part)))
}

table_of_susie <- function(fit, coverage, file) {
  units <- as.character(fit$variant_names)
  sums <- fit$sumstats
  b <- sums$betahat %||% sums$z
  s <- if (is.null(sums$betahat)) rep(1, length(b)) else sums$sebetahat
  trimmed <- fit$susie_result_trimmed
  sizes <- c(length(b), length(s), length(trimmed$pip))
  if (any(sizes != length(units))) {
    stop_mnmash("dimension", "`objects`: a fit of '", file, "' has ", length(units),
                " variants, but effects, errors and pip of ", paste(sizes, collapse = ", "))
  }
  if (abs(coverage - 0.95) > 1e-8) {
    stop_mnmash("argument", "`coverage`: '", file, "' has credible sets of 95% only")
  }
  set <- rep(NA_character_, length(units))
  for (k in names(trimmed$sets$cs)) set[trimmed$sets$cs[[k]]] <- k
  list(unit = units, b = as.numeric(b), s = as.numeric(s), pip = trimmed$pip, set = set)
}

# Matrices of what the conditions have, and of each credible set the variant of largest pip.
region_of_tables <- function(parts) {
  units <- unique(unlist(lapply(parts, `[[`, "unit")))
  wide <- \(what) {
    x <- vapply(parts, \(p) as.numeric(p[[what]])[match(units, p$unit)], numeric(length(units)))
    matrix(x, length(units), length(parts), dimnames = list(units, names(parts)))
  }
  leads <- lapply(parts, \(p) {
    by_pip <- order(-p$pip)
    first <- by_pip[!is.na(p$set[by_pip])]
    p$unit[first[!duplicated(p$set[first])]]
  })
  list(b = wide("b"), s = wide("s"), strong = unique(unlist(leads)))
}
