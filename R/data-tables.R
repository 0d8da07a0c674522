# Reading the tables of mash_input(), and matching their units.

# What a column may be called when the user does not say; first come, first served.
usual_columns <- list(
  unit = c(
    "unit", "variant_id", "variant", "variants", "snp", "snp_id", "rsid", "marker", "markerid",
    "rs", "id"
  ),
  feature = c(
    "feature", "gene_id", "gene", "phenotype_id", "molecular_trait_id",
    "molecular_trait_object_id"
  ),
  effect = c("effect", "beta", "bhat", "slope", "b", "logfc", "log2foldchange"),
  se = c("se", "slope_se", "sebeta", "beta_se", "standard_error", "shat", "sbhat", "lfcse"),
  p = c("p", "pval_nominal", "pvalue", "p_value", "pval", "p-value", "p_wald"),
  z = c("z", "zscore", "z_score"),
  t = c("t", "t-stat", "t_stat", "tstat"),
  effect_allele = c("effect_allele", "a1", "alt"),
  other_allele = c("other_allele", "a2", "ref")
)

# A list of data frames with the columns of usual_columns that they have.
read_tables <- function(tables, columns) {
  if (is.data.frame(tables) || !(is.list(tables) || is.character(tables)) || !length(tables)) {
    stop_mnmash(
      "type", "`tables` must be a list of data frames or a vector of files, one for each condition"
    )
  }
  conditions <- names(tables)
  if (is.null(conditions) || anyNA(conditions) || !all(nzchar(conditions))) {
    stop_mnmash("names", "`tables` must have the conditions as names")
  }
  twice <- anyDuplicated(conditions)
  if (twice) stop_mnmash("names", "`tables` has two conditions named \"", conditions[twice], "\"")
  columns <- check_columns(columns)
  lapply(stats::setNames(nm = conditions), \(condition) {
    where <- paste0("table `", condition, "`")
    table <- tables[[condition]]
    if (is.character(table)) table <- read_table(table, where)
    if (!is.data.frame(table)) {
      stop_mnmash("type", where, " must be a data frame or a file, not ", class(table)[1L])
    }
    one_table(table, columns, where)
  })
}

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

# Packages that read faster, or other formats, are used where they are installed.
reader_of <- function(package, name) {
  if (requireNamespace(package, quietly = TRUE)) getExportedValue(package, name)
}

# Text by R or data.table, parquet files by either package that reads them. `separator` is by
# default that of the file's ending; "" stands for any blanks.
read_table <- function(file, where, separator = NULL) {
  if (length(file) != 1L || is.na(file) || !file.exists(file)) {
    stop_mnmash("file", where, ": there is no file '", file[1L], "'")
  }
  complain <- \(e) stop_mnmash("file", where, ": cannot read '", file, "': ", conditionMessage(e))
  name <- ascii_lower(file)
  if (endsWith(name, ".parquet")) {
    read_parquet <- parquet_reader(file, where)
    return(as.data.frame(tryCatch(read_parquet(file), error = complain)))
  }
  plain <- sub("[.](gz|bz2|xz)$", "", name)
  if (is.null(separator)) separator <- if (endsWith(plain, ".csv")) "," else "\t"
  fread <- if (plain == name && nzchar(separator)) reader_of("data.table", "fread")
  missing <- c("NA", "", "NaN", ".")
  said <- character()
  # A warning must not stop a reader half-way: fread() would then fail on the next file.
  found <- withCallingHandlers(
    tryCatch(
      if (is.null(fread)) {
        utils::read.table(
          file,
          header = TRUE, sep = separator, quote = if (separator == ",") "\"" else "",
          comment.char = "", check.names = FALSE, na.strings = missing
        )
      } else {
        fread(file, sep = separator, na.strings = missing, data.table = FALSE, showProgress = FALSE)
      },
      error = complain
    ),
    warning = \(w) {
      said <<- c(said, conditionMessage(w))
      invokeRestart("muffleWarning")
    }
  )
  lost <- grep("stopped early|embedded nul|number of items read", said, ignore.case = TRUE)
  if (length(lost)) complain(simpleCondition(said[lost[1L]]))
  for (text in said) message(where, ", '", file, "': ", text)
  found
}

parquet_reader <- function(file, where) {
  read <- reader_of("nanoparquet", "read_parquet")
  if (is.null(read)) read <- reader_of("arrow", "read_parquet")
  if (is.null(read)) {
    stop_mnmash(
      "package", where, ": to read '", file, "' one of the packages nanoparquet and arrow must be ",
      "installed; or write the table as text (.tsv.gz)"
    )
  }
  read
}

one_table <- function(table, columns, where) {
  found <- lapply(stats::setNames(nm = names(usual_columns)), \(role) {
    pick_column(table, role, columns[[role]], where)
  })
  found <- found[!vapply(found, is.null, NA)]
  if (is.null(found$unit)) lacks(where, "unit", table)
  if (is.null(found$effect) && is.null(found$z)) lacks(where, "effect", table)
  if (!any(c("z", "se", "p", "t") %in% names(found))) lacks(where, "se", table)
  for (role in intersect(c("effect", "se", "p", "z", "t"), names(found))) {
    found[[role]] <- numbers_of(found[[role]], where, role)
  }
  for (role in intersect(c("unit", "feature", "effect_allele", "other_allele"), names(found))) {
    found[[role]] <- name_text(found[[role]])
    bad <- which(is.na(found[[role]]) | !nzchar(found[[role]]))
    if (length(bad)) {
      stop_mnmash("missing", where, " has no ", role, " in row ", bad[1L], and_more(length(bad)))
    }
  }
  if (is.null(found$effect_allele) != is.null(found$other_allele)) {
    lacks(where, if (is.null(found$effect_allele)) "effect_allele" else "other_allele", table)
  }
  key <- if (is.null(found$feature)) found$unit else paste(found$feature, found$unit, sep = "_")
  twice <- which(duplicated(key))
  if (length(twice)) {
    stop_mnmash(
      "names", where, " has \"", key[twice[1L]], "\" twice, in rows ", match(key[twice[1L]], key),
      " and ", twice[1L], and_more(length(twice), " repeated rows")
    )
  }
  found <- usable_p(found, where)
  c(found[c("feature", "effect_allele", "other_allele")], list(key = key), effect_and_error(found))
}

lacks <- function(where, role, table) {
  stop_mnmash(
    "argument", where, " has no column for `", role, "`: say which in `columns`; it has ",
    paste(utils::head(names(table), 12L), collapse = ", ")
  )
}

pick_column <- function(table, role, given, where) {
  if (is.null(given)) {
    at <- match(usual_columns[[role]], ascii_lower(names(table)))
    at <- at[!is.na(at)]
    return(if (length(at)) table[[at[1L]]])
  }
  at <- if (is.numeric(given)) match(given, seq_along(table)) else match(given, names(table))
  if (length(given) != 1L || is.na(at)) {
    stop_mnmash(
      "argument", "`columns$", role, "`: ", where, " has no column ", paste(given, collapse = " ")
    )
  }
  table[[at]]
}

numbers_of <- function(x, where, role) {
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

# P-values that a standard error is computed from, by the rule of mash_set_data(): one of 0 was
# rounded, and leaves the error of a strong effect unknown, which must not pass; one of 1 says
# nothing of the effect, which is then missing.
usable_p <- function(found, where) {
  other <- !is.null(found$se) || !is.null(found$z) || !is.null(found$t)
  if (is.null(found$p) || other) return(found)
  bad <- which(found$p <= 0 | found$p > 1)
  if (length(bad)) {
    stop_mnmash(
      "value", where, ": the p-value in row ", bad[1L], " is ", found$p[bad[1L]],
      and_more(length(bad)), "; it must be greater than 0 and not above 1, to compute a standard ",
      "error from: give `se` (or `z`), or NA where nothing is known"
    )
  }
  one <- sum(found$p == 1, na.rm = TRUE)
  if (one) message(where, ": ", one, " p-values are 1; these cells count as missing")
  found
}

# Effects and standard errors; both NA where either is not usable.
effect_and_error <- function(found) {
  if (is.null(found$effect)) {
    found$effect <- found$z
    found$se <- rep(1, length(found$z))
  }
  # Both are the effect over its standard error.
  ratio <- if (is.null(found$z)) found$t else found$z
  if (is.null(found$se) && !is.null(ratio)) found$se <- abs(found$effect / ratio)
  if (is.null(found$se)) {
    found$se <- abs(found$effect) / stats::qnorm(found$p / 2, lower.tail = FALSE)
  }
  usable <- is.finite(found$effect) & is.finite(found$se) & found$se > 0
  list(
    b = ifelse(usable, found$effect, NA), s = ifelse(usable, found$se, NA),
    unusable = sum(!usable)
  )
}

# Units x conditions, after alleles are the same in all tables.
join_tables <- function(tables, mismatch) {
  with_feature <- vapply(tables, \(x) !is.null(x$feature), NA)
  if (length(unique(with_feature)) > 1L) {
    stop_mnmash(
      "argument", "table `", names(tables)[which(!with_feature)[1L]], "` has no feature, but `",
      names(tables)[which(with_feature)[1L]], "` has: units cannot be matched"
    )
  }
  units <- unique(unlist(lapply(tables, `[[`, "key"), use.names = FALSE))
  b <- matrix(NA_real_, length(units), length(tables), dimnames = list(units, names(tables)))
  s <- b
  feature <- if (with_feature[1L]) character(length(units))
  alleles <- matrix(NA_character_, length(units), 2L)
  counts <- c(unusable_cells = 0, flipped_cells = 0, mismatched_cells = 0)
  for (condition in names(tables)) {
    table <- tables[[condition]]
    rows <- match(table$key, units)
    if (!is.null(feature)) feature[rows] <- table$feature
    if (!is.null(table$effect_allele)) {
      fit <- compare_alleles(alleles[rows, , drop = FALSE], table, condition, mismatch)
      alleles[rows, ] <- fit$alleles
      table$b <- table$b * fit$sign
      table$s[is.na(fit$sign)] <- NA
      counts[2:3] <- counts[2:3] + c(sum(fit$sign == -1, na.rm = TRUE), sum(is.na(fit$sign)))
    }
    b[rows, condition] <- table$b
    s[rows, condition] <- table$s
    counts[1L] <- counts[1L] + table$unusable
  }
  list(b = b, s = s, feature = feature, counts = counts)
}

# 1 where alleles agree with those seen first, -1 where they are exchanged, NA where others.
compare_alleles <- function(seen, table, condition, mismatch) {
  own <- toupper(cbind(table$effect_allele, table$other_allele))
  new <- is.na(seen[, 1L])
  seen[new, ] <- own[new, ]
  same <- seen[, 1L] == own[, 1L] & seen[, 2L] == own[, 2L]
  exchanged <- seen[, 1L] == own[, 2L] & seen[, 2L] == own[, 1L]
  sign <- ifelse(same, 1, ifelse(exchanged, -1, NA))
  bad <- which(is.na(sign))
  if (length(bad) && mismatch == "error") {
    at <- bad[1L]
    stop_mnmash(
      "alleles", "table `", condition, "` has \"", table$key[at], "\" with alleles ", own[at, 1L],
      "/", own[at, 2L], ", an earlier one with ", seen[at, 1L], "/", seen[at, 2L],
      and_more(length(bad)), ": set `mismatch = \"missing\"` to leave such cells out"
    )
  }
  list(alleles = seen, sign = sign)
}
