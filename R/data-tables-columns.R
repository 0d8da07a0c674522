# Which column of a table is what, and the effects and standard errors that follow from them.

# What a column may be called when the user does not say; first come, first served.
usual_columns <- list(
  unit = c(
    "unit", "variant_id", "variant", "variants", "snp", "snp_id", "rsid", "marker", "markerid",
    "markername", "rs", "id"
  ),
  feature = c(
    "feature", "gene_id", "gene", "phenotype_id", "molecular_trait_id",
    "molecular_trait_object_id"
  ),
  effect = c("effect", "beta", "bhat", "slope", "b", "logfc", "log2foldchange"),
  odds_ratio = c("odds_ratio", "or"),
  se = c(
    "se", "slope_se", "sebeta", "beta_se", "se_beta", "standard_error", "stderr", "shat", "sbhat",
    "lfcse", "log(or)_se"
  ),
  log10_p = c(
    "log10_p", "log10p", "mlogp", "mlog10p", "mlog10_p", "nlog10p", "neglog10p", "neg_log10_p",
    "neg_log10_pval", "neg_log10_pvalue", "neg_log_10_p_value", "minus_log10_p", "-log10p",
    "-log10_p", "-log10(p)", "lp"
  ),
  p = c(
    "p", "pval_nominal", "pvalue", "p_value", "pval", "p-value", "p.value", "p_wald", "p_bolt_lmm"
  ),
  z = c("z", "zscore", "z_score", "z_stat"),
  t = c("t", "t-stat", "t_stat", "tstat", "stat"),
  test = "test",
  effect_allele = c("effect_allele", "a1", "alt", "allele1"),
  other_allele = c("other_allele", "a2", "omitted", "ref", "allele0", "allele2")
)

check_columns <- function(columns) {
  columns <- as.list(columns)
  unknown <- setdiff(names(columns), names(usual_columns))
  if (length(columns) && (is.null(names(columns)) || length(unknown))) {
    stop_mnmash(
      "argument", "`columns` must be named by ", paste(names(usual_columns), collapse = ", "),
      if (length(unknown)) paste0("; it has \"", unknown[1L], "\"")
    )
  }
  columns
}

# What is used of a table: list(feature, effect_allele, other_allele, key, b, s, unusable).
one_table <- function(table, columns, where) {
  table <- additive_rows(table, columns$test, where)
  found <- lapply(stats::setNames(nm = setdiff(names(usual_columns), "test")), \(role) {
    pick_column(table, role, columns[[role]], where)
  })
  found <- found[!vapply(found, is.null, NA)]
  if (is.null(found$unit)) lacks(where, "unit", table)
  if (!any(c("effect", "odds_ratio", "z") %in% names(found))) lacks(where, "effect", table)
  if (!any(c("z", "se", "p", "log10_p", "t") %in% names(found))) lacks(where, "se", table)
  for (role in intersect(c("effect", "odds_ratio", "se", "log10_p", "z", "t"), names(found))) {
    found[[role]] <- numbers_of(found[[role]], where, role)
  }
  for (role in intersect(c("unit", "feature", "effect_allele", "other_allele"), names(found))) {
    # R's own reader takes a column of the allele T for TRUE.
    allele <- endsWith(role, "_allele")
    if (allele && is.logical(found[[role]])) found[[role]] <- substr(found[[role]], 1L, 1L)
    found[[role]] <- name_text(found[[role]])
    bad <- which(is.na(found[[role]]) | !nzchar(found[[role]]))
    if (length(bad)) {
      stop_mnmash("missing", where, " has no ", role, " in row ", bad[1L], and_more(length(bad)))
    }
  }
  found <- both_alleles(found, table, columns, where)
  key <- if (is.null(found$feature)) found$unit else paste(found$feature, found$unit, sep = "_")
  twice <- which(duplicated(key))
  if (length(twice)) {
    stop_mnmash(
      "names", where, " has \"", key[twice[1L]], "\" twice, in rows ", match(key[twice[1L]], key),
      " and ", twice[1L], and_more(length(twice), " repeated rows")
    )
  }
  found <- with_log_p(found, !is.null(columns$p), where)
  c(found[c("feature", "effect_allele", "other_allele")], list(key = key), effect_and_error(found))
}

# PLINK writes a row for each term in the model of a variant: the variant's own is the test "ADD".
additive_rows <- function(table, given, where) {
  test <- pick_column(table, "test", given, where)
  rows <- which(as.character(test) == "ADD")
  if (!length(rows) || length(rows) == nrow(table)) return(table)
  message(
    where, ": the ", length(rows), " rows of the test ADD are used, of ", nrow(table),
    "; rows are counted among them"
  )
  table[rows, , drop = FALSE]
}

# The alleles, the second `NA` where only that of the effects is known (PLINK 1), none where only
# the other one is.
both_alleles <- function(found, table, columns, where) {
  alleles <- c("effect_allele", "other_allele")
  there <- alleles %in% names(found)
  given <- alleles %in% names(columns)
  if (any(given & !rev(there))) lacks(where, alleles[!there], table)
  if (!there[1L]) {
    found$other_allele <- NULL
    return(found)
  }
  if (!there[2L]) {
    found$other_allele <- rep(NA_character_, length(found$effect_allele))
    return(found)
  }
  if (any(given)) return(found)
  names <- ascii_lower(names(table))
  # SAIGE's effects are of its second allele.
  if ("af_allele2" %in% names && !any(c("effect_allele", "a1", "alt") %in% names)) {
    found[alleles] <- found[rev(alleles)]
  }
  # PLINK 2 has three: the effect's may be the reference, and then the other is the alternative.
  same <- which(toupper(found$effect_allele) == toupper(found$other_allele))
  if (length(same) && "alt" %in% names) {
    found$other_allele[same] <- as.character(table[[match("alt", names)]])[same]
  }
  found
}

lacks <- function(where, role, table) {
  stop_mnmash(
    "argument", where, " has no column for `", role, "`: say which in `columns`; it has ",
    paste(utils::head(names(table), 12L), collapse = ", ")
  )
}

pick_column <- function(table, role, given, where) {
  at <- column_place(names(table), role, given, where)
  if (length(at)) table[[at]]
}

# Which of the columns `names` has the role: the one that is given, or the first usual name.
column_place <- function(names, role, given, where) {
  if (is.null(given)) {
    at <- match(usual_columns[[role]], ascii_lower(names))
    return(utils::head(at[!is.na(at)], 1L))
  }
  at <- if (is.numeric(given)) match(given, seq_along(names)) else match(given, names)
  if (length(given) != 1L || is.na(at)) {
    stop_mnmash(
      "argument", "`columns$", role, "`: ", where, " has no column ", paste(given, collapse = " ")
    )
  }
  at
}

# Columns that are read as text: names, whatever digits they have; alleles, a T being no TRUE;
# p-values, which may be too small for a number.
text_places <- function(names, columns, where) {
  roles <- c("unit", "feature", "effect_allele", "other_allele", "p", "test")
  places <- lapply(roles, \(role) column_place(names, role, columns[[role]], where))
  unique(c(unlist(places), which(ascii_lower(names) == "alt")))
}

numbers_of <- function(x, where, role) {
  if (inherits(x, "integer64")) x <- name_text(x)
  if (is.numeric(x)) return(as.double(x))
  number <- suppressWarnings(as.double(as.character(x)))
  bad <- which(is.na(number) & !is.na(x) & !x %in% c("NA", "NaN", ""))
  if (length(bad)) {
    stop_mnmash(
      "type", where, ": the ", role, " in row ", bad[1L], " is no number: \"", x[bad[1L]], "\"",
      and_more(length(bad))
    )
  }
  number
}

# With the natural logarithms of the p-values, where a standard error is computed from them, by the
# rule of mash_set_data(): one of 0 was rounded, and leaves the error of a strong effect unknown,
# which must not pass; one of 1 says nothing of the effect, which is then missing.
with_log_p <- function(found, asked, where) {
  log_p <- if (!is.null(found$p)) log_of_p(found$p, where)
  if (!is.null(found$se) || !is.null(found$z) || !is.null(found$t)) return(found)
  exact <- !is.null(found$log10_p) && !asked
  if (exact) log_p <- log_of_log10(found$log10_p, where)
  bad <- which(is.nan(log_p) | log_p == -Inf | log_p > 0)
  if (length(bad)) {
    stop_mnmash(
      "value", where, ": the p-value in row ", bad[1L], " is ", if (exact) "10^-",
      if (exact) found$log10_p[bad[1L]] else as.character(found$p[bad[1L]]),
      and_more(length(bad)), "; it must be greater than 0 and not above 1, to compute a standard ",
      "error from: give `se`, `z`, or -log10(p) as `log10_p`, or NA where nothing is known"
    )
  }
  one <- sum(log_p == 0, na.rm = TRUE)
  if (one) message(where, ": ", one, " p-values are 1; these cells count as missing")
  found$log_p <- log_p
  found
}

# Of numbers, or of text, which may stand for less than the smallest number ("1e-400"). NaN where
# there is none.
log_of_p <- function(p, where) {
  number <- numbers_of(p, where, "p")
  log_p <- suppressWarnings(log(number))
  log_p[is.na(number)] <- NA
  if (is.numeric(p)) return(log_p)
  small <- which(number < 1e-300)
  parts <- regmatches(p <- trimws(as.character(p[small])), regexec("^(.*)[eE](-[0-9]+)$", p))
  split <- which(lengths(parts) == 3L)
  part <- \(k) as.double(vapply(parts[split], `[`, "", k))
  log_p[small[split]] <- suppressWarnings(log(part(2L))) + part(3L) * log(10)
  log_p
}

# Of -log10(p). A column without a positive number holds log10(p).
log_of_log10 <- function(x, where) {
  if (any(x < 0, na.rm = TRUE) && !any(x > 0, na.rm = TRUE)) {
    message(where, ": `log10_p` is negative, and taken for log10(p)")
    x <- -x
  }
  -x * log(10)
}

# Effects and standard errors; both NA where either is not usable. Names are whole here: `$` would
# take the allele of the effect for it.
effect_and_error <- function(found) {
  effect <- found[["effect"]]
  se <- found[["se"]]
  if (is.null(effect) && !is.null(found$odds_ratio)) {
    effect <- suppressWarnings(log(found$odds_ratio))
  }
  if (is.null(effect)) {
    effect <- found$z
    se <- rep(1, length(effect))
  }
  # Both are the effect over its standard error.
  ratio <- if (is.null(found$z)) found$t else found$z
  if (is.null(se) && !is.null(ratio)) se <- abs(effect / ratio)
  if (is.null(se)) se <- abs(effect) / normal_score(found$log_p - log(2))
  usable <- is.finite(effect) & is.finite(se) & se > 0
  list(b = ifelse(usable, effect, NA), s = ifelse(usable, se, NA), unusable = sum(!usable))
}
