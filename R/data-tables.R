# Reading the tables of mash_input(), and matching their units.

# A list of data frames with the columns of usual_columns that they have.
read_tables <- function(tables, columns) {
  columns <- check_columns(columns, c(names(usual_columns), "condition"))
  tables <- split_long(split_matrices(tables), columns)
  if (!(is.list(tables) || is.character(tables)) || !length(tables)) {
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
  lapply(stats::setNames(nm = conditions), \(condition) {
    where <- paste0("table `", condition, "`")
    table <- tables[[condition]]
    if (is.character(table)) {
      table <- read_table(table, where, text = \(names) text_places(names, columns, where))
    }
    if (!is.data.frame(table)) {
      stop_mnmash("type", where, " must be a data frame or a file, not ", class(table)[1L])
    }
    one_table(table, columns, where)
  })
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

# 1 where alleles agree with those seen first, -1 where they are exchanged, NA where others. Of the
# second allele that is not known (NA) nothing is asked.
compare_alleles <- function(seen, table, condition, mismatch) {
  own <- toupper(cbind(table$effect_allele, table$other_allele))
  new <- is.na(seen[, 1L])
  seen[new, ] <- own[new, ]
  agree <- \(a, b) is.na(a) | is.na(b) | a == b
  same <- seen[, 1L] == own[, 1L] & agree(seen[, 2L], own[, 2L])
  exchanged <- agree(seen[, 1L], own[, 2L]) & agree(seen[, 2L], own[, 1L]) &
    !(is.na(seen[, 2L]) & is.na(own[, 2L]))
  sign <- ifelse(same, 1, ifelse(exchanged, -1, NA))
  bad <- which(is.na(sign))
  if (length(bad) && mismatch == "error") {
    at <- bad[1L]
    pair <- \(alleles) paste(alleles[!is.na(alleles)], collapse = "/")
    stop_mnmash(
      "alleles", "table `", condition, "` has \"", table$key[at], "\" with alleles ",
      pair(own[at, ]), ", an earlier one with ", pair(seen[at, ]), and_more(length(bad)),
      ": set `mismatch = \"missing\"` to leave such cells out"
    )
  }
  learnt <- which(is.na(seen[, 2L]) & !is.na(own[, 2L]) & !is.na(sign))
  seen[learnt, 2L] <- ifelse(sign[learnt] == 1, own[learnt, 2L], own[learnt, 1L])
  list(alleles = seen, sign = sign)
}
