# Which column of a table is what, and the effects and standard errors that follow from them.

# What is used of a table: list(feature, effect_allele, other_allele, key, b, s, unusable).
one_table <- function(table, columns, where) {
  table <- vcf_columns(table, where)
  columns <- columns_of(columns, names(table))
  table <- with_row_names(table, columns, where)
  found <- found_columns(table, columns, where, names(usual_columns))
  if (is.null(found$unit)) lacks(where, "unit", table)
  key <- if (is.null(found$feature)) found$unit else paste(found$feature, found$unit, sep = "_")
  twice <- which(duplicated(key))
  if (length(twice)) {
    stop_mnmash(
      "names", where, " has \"", key[twice[1L]], "\" twice, in rows ", match(key[twice[1L]], key),
      " and ", twice[1L], and_more(length(twice), " repeated rows")
    )
  }
  c(found[c("feature", "effect_allele", "other_allele")], list(key = key), effect_and_error(found))
}

# The columns of a table that have one of the `roles`, by roles, with the logarithms of p-values
# that are needed. Names are whole, unless that is not asked (`named`).
found_columns <- function(table, columns, where, roles, named = TRUE) {
  table <- additive_rows(table, columns$test, where)
  found <- lapply(stats::setNames(nm = setdiff(roles, "test")), \(role) {
    pick_column(table, role, columns[[role]], where)
  })
  found <- found[!vapply(found, is.null, NA)]
  # Tables of many sources have both columns, of which a source fills one.
  if (!is.null(found$odds_ratio) && all(is.na(found$effect))) found$effect <- NULL
  if (!any(c("effect", "odds_ratio", "z") %in% names(found))) lacks(where, "effect", table)
  if (!any(c("z", "se", "p", "log10_p", "t") %in% names(found))) lacks(where, "se", table)
  numbers <- c(
    "effect", "odds_ratio", "se", "log10_p", "z", "t", "position", "frequency", "n"
  )
  for (role in intersect(numbers, names(found))) {
    found[[role]] <- numbers_of(found[[role]], where, role)
  }
  words <- c("unit", "feature", "effect_allele", "other_allele", "chromosome")
  for (role in intersect(words, names(found))) {
    # R's own reader takes a column of the allele T for TRUE.
    allele <- endsWith(role, "_allele")
    if (allele && is.logical(found[[role]])) found[[role]] <- substr(found[[role]], 1L, 1L)
    found[[role]] <- name_text(found[[role]])
    bad <- which(is.na(found[[role]]) | !nzchar(found[[role]]))
    if (length(bad) && named) {
      stop_mnmash("missing", where, " has no ", role, " in row ", bad[1L], and_more(length(bad)))
    }
  }
  found <- both_alleles(found, table, columns, where)
  with_log_p(found, !is.null(columns$p), where)
}

# GWAS-VCF: a study is a column of values, whose names stand in the column FORMAT; each becomes a
# column of its own.
vcf_columns <- function(table, where) {
  at <- match("FORMAT", names(table))
  if (is.na(at) || !all(c("#CHROM", "POS", "REF", "ALT") %in% names(table))) return(table)
  if (ncol(table) != at + 1L) {
    stop_mnmash(
      "argument", where, " has ", ncol(table) - at, " studies (",
      first_few(names(table)[-seq_len(at)], 4L), "): keep one of these columns"
    )
  }
  format <- as.character(table[[at]])
  values <- strsplit(as.character(table[[at + 1L]]), ":", fixed = TRUE)
  for (name in c("ES", "SE", "LP", "AF", "SS", "EZ")) {
    place <- match(format, unique(format))
    each <- vapply(strsplit(unique(format), ":", fixed = TRUE), \(keys) match(name, keys), 0L)
    text <- mapply(\(value, k) value[k], values, each[place], USE.NAMES = FALSE)
    text[text == "."] <- NA
    if (!all(is.na(each))) table[[name]] <- numbers_of(text, where, name)
  }
  table[-c(at, at + 1L)]
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
