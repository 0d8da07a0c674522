# Variants of a panel: their names, places and alleles.

# A data frame of name, chromosome, position, effect_allele (the one that is counted), other_allele
# and frequency, `NA` where not known, from a table, or a file of PLINK or any table.
reference_variants <- function(reference, columns) {
  where <- "`reference`"
  if (is_file_name(reference)) {
    stem <- sub("[.](bed|bim|fam)$", "", reference)
    if (grepl("[.](bed|bim)$", reference) || file.exists(paste0(stem, ".bim"))) {
      return(bim_variants(paste0(stem, ".bim")))
    }
    columns <- check_columns(columns, reference_roles)
    reference <- read_table(reference, where, text = \(names) text_places(names, columns, where))
  }
  if (!is.data.frame(reference)) {
    stop_mnmash(
      "type", "`reference` must be a data frame of variants, or the name of a file such as ",
      "PLINK's .bim, not ", class(reference)[1L]
    )
  }
  columns <- columns_of(check_columns(columns, reference_roles), names(reference))
  found <- lapply(stats::setNames(nm = reference_roles), \(role) {
    pick_column(reference, role, columns[[role]], where)
  })
  if (is.null(found$unit) && is.character(attr(reference, "row.names"))) {
    found$unit <- rownames(reference)
  }
  for (role in c("effect_allele", "other_allele")) {
    if (is.null(found[[role]])) lacks(where, role, reference)
  }
  if (is.null(found$unit)) lacks(where, "unit", reference)
  checked_variants(found, nrow(reference), where)
}

reference_roles <- c(
  "unit", "chromosome", "position", "effect_allele", "other_allele", "frequency"
)

bim_variants <- function(file) {
  if (!file.exists(file)) stop_mnmash("file", "`reference`: there is no file '", file, "'")
  bim <- known_as(list(file = "reference"), plain_table(file, 6L, c(1L, 2L, 4L, 5L, 6L)))
  found <- list(
    chromosome = bim[[1L]], unit = bim[[2L]], position = bim[[3L]], effect_allele = bim[[4L]],
    other_allele = bim[[5L]]
  )
  checked_variants(found, nrow(bim), "`reference`")
}

checked_variants <- function(found, n, where) {
  text <- \(x) if (is.null(x)) rep(NA_character_, n) else name_text(x)
  # R's own reader takes a column of the allele T for TRUE.
  allele <- \(x) toupper(text(if (is.logical(x)) substr(x, 1L, 1L) else x))
  number <- \(x, role) if (is.null(x)) rep(NA_real_, n) else numbers_of(x, where, role)
  variants <- data.frame(
    name = text(found$unit), chromosome = chromosome_name(text(found$chromosome)),
    position = number(found$position, "position"), effect_allele = allele(found$effect_allele),
    other_allele = allele(found$other_allele), frequency = number(found$frequency, "frequency")
  )
  twice <- anyDuplicated(variants$name)
  if (!n || anyNA(variants$name) || twice) {
    stop_mnmash(
      "names", where, " must have distinct names of variants",
      if (twice) paste0(": \"", variants$name[twice], "\" is there twice")
    )
  }
  variants
}

# One name for a chromosome: without "chr", and letters for those that PLINK numbers.
chromosome_name <- function(x) {
  x <- sub("^CHR", "", toupper(x))
  x <- sub("^0+([1-9])", "\\1", x)
  letters <- c(`23` = "X", `24` = "Y", `25` = "X", `26` = "M", MT = "M", XY = "X")
  ifelse(x %in% names(letters), letters[x], x)
}
