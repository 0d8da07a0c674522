# Statistics brought to the variants and the alleles of genotypes or LD.

#' Bring statistics to the alleles of genotypes or LD
#'
#' Effects are of one of two alleles, and so are the signs of correlations between variants; where
#' the two sources count different ones, a fit finds effects that are not there. This matches the
#' variants of a table of associations to those of a panel, changes the signs of effects where the
#' alleles are exchanged, and says what it did.
#'
#' Variants are matched by name, or where more of them are the same so, by chromosome and position;
#' several variants at one position are told apart by their alleles. Then, for each,
#' - the alleles are the same, or exchanged (`swapped`): effects and z-scores change their signs,
#'   and frequencies `f` become `1 - f`;
#' - or they are so on the other strand (`A` for `T`, `C` for `G`; sequences are turned round):
#'   `strand` and `strand_swapped`;
#' - or they are others, and the variant is left out.
#'
#' Alleles that are each other's complement (`A` with `T`, `C` with `G`) do not say on which strand
#' they are. With `ambiguous = "infer"` they are taken as written where at least 99 % of the other
#' variants (ten or more) are on the strand that is written, and turned where 99 % are on the other
#' one; otherwise by the frequency of the effect allele, if both sources have it and both minor
#' alleles are rarer than `maf_limit`; otherwise they are left out. So are those whose frequencies
#' contradict the strand. `"frequency"` looks at frequencies alone, `"keep"` takes all as written,
#' `"drop"` leaves all out.
#'
#' Rows without a finite effect and a positive standard error (or a z-score) are left out, and all
#' but the first of several that are the same variant.
#'
#' @param statistics a data frame or the name of a file, with the allele of the effects, and more as
#'   [mash_input()] describes: effects with standard errors, or z-scores, or p-values; also
#'   chromosome and position, the frequency of the effect allele, and numbers of samples.
#' @param reference the variants of the genotypes or of the LD: the name of PLINK's `.bim` (or
#'   `.bed`) file, whose first allele is the one that is counted; or a data frame, or another file,
#'   with names, both alleles (`effect_allele` is the one that is counted), and if they are known
#'   chromosome, position and frequency.
#' @param columns,reference_columns which columns are what, by the names that [mash_input()] lists
#'   and `chromosome`, `position`, `frequency`, `n`; or for `columns` the name of a layout
#'   (`"GWAS-SSF"`, `"GWAS-VCF"`, `"MungeSumstats"`). Default: by their usual names.
#' @param by match by `"name"` or by `"position"`. Default: see above.
#' @param ambiguous what becomes of variants whose strand cannot be told: see above.
#' @param maf_limit minor allele frequency up to which frequencies tell the strand.
#' @inheritParams shared_arguments
#'
#' @return A data frame with a row for each variant that is left, in the order of the reference and
#'   with its names as row names: `variant`, `chromosome`, `position`, `effect_allele`,
#'   `other_allele` (of the reference), `beta` and `se` (not where there are z-scores only), `z`,
#'   and where the table has them `frequency` and `n`; `change`: `"same"`, `"swapped"`, `"strand"`
#'   or `"strand_swapped"`. Its attribute `"counts"` says how many variants there were, were
#'   matched, of each change, and were left out for each reason. A message says so too. Costs O(m
#'   log m).
#' @section Errors:
#' Tables without alleles, effects or names (and without positions); no variant in common.
#' @seealso [read_statistics()], [read_ld()], [finemap_sumstats()]; [qc_sumstats()] finds wrong
#'   signs that alleles do not tell
#' @export
#' @examples
#' panel <- data.frame(
#'   variant = paste0("rs", 1:4), effect_allele = c("A", "C", "G", "A"),
#'   other_allele = c("G", "T", "A", "T")
#' )
#' gwas <- data.frame(
#'   rsid = paste0("rs", c(4, 3, 2, 1, 9)), effect_allele = c("A", "C", "T", "A", "A"),
#'   other_allele = c("T", "T", "C", "G", "C"), beta = c(0.1, 0.2, 0.3, 0.4, 0.5), se = 0.05
#' )
#' found <- harmonise_alleles(gwas, panel)
#' found
#' attr(found, "counts")
#' # Then finemap_sumstats(Bhat = found$beta, Shat = found$se, LD = LD[found$variant,
#' found$variant])
harmonise_alleles <- function(statistics, reference, columns = NULL, reference_columns = NULL,
                              by = NULL, ambiguous = c("infer", "frequency", "keep", "drop"),
                              maf_limit = 0.4, ...) {
  take_dots(...)
  ambiguous <- match_choice(ambiguous, c("infer", "frequency", "keep", "drop"))
  maf_limit <- check_number(maf_limit, 0, 0.5)
  if (!is.null(by)) by <- match_choice(by, c("name", "position"))
  found <- statistics_rows(statistics, columns)
  panel <- reference_variants(reference, reference_columns)
  by <- matched_by(found, panel, by)
  pairs <- same_places(found, panel, by)
  signs <- allele_signs(
    list(found$effect_allele, found$other_allele) |> lapply(`[`, pairs$own),
    list(panel$effect_allele, panel$other_allele) |> lapply(`[`, pairs$panel)
  )
  frequencies <- list(own = found$frequency[pairs$own], panel = panel$frequency[pairs$panel])
  pairs <- cbind(pairs, decided_signs(signs, frequencies, ambiguous, maf_limit))
  kept <- one_to_one(pairs[!is.na(pairs$sign), ])
  counts <- harmonised_counts(found, panel, pairs, kept)
  if (!counts[["kept"]]) {
    stop_mnmash(
      "names", "`statistics` and `reference` have no variant in common, by ", by, ": ",
      describe_counts(counts)
    )
  }
  message("Alleles, matched by ", by, ": ", describe_counts(counts))
  structure(harmonised_table(found, panel, kept), counts = counts)
}

# The rows of a table that have an effect, as a list of columns, and how many there were (`rows`).
statistics_rows <- function(statistics, columns) {
  where <- "`statistics`"
  roles <- c(setdiff(names(usual_columns), "feature"), names(place_columns))
  columns <- check_columns(columns, roles)
  if (is_file_name(statistics)) {
    statistics <- read_table(
      statistics, where, text = \(names) text_places(names, columns, where)
    )
  }
  if (!is.data.frame(statistics)) {
    stop_mnmash(
      "type", where, " must be a data frame or the name of a file, not ", class(statistics)[1L]
    )
  }
  statistics <- vcf_columns(statistics, where)
  columns <- columns_of(columns, names(statistics))
  if (is.null(columns$effect_allele)) tell_first_allele(names(statistics))
  found <- found_columns(statistics, columns, where, roles, named = FALSE)
  if (is.null(found$effect_allele)) lacks(where, "effect_allele", statistics)
  values <- effect_and_error(found)
  rows <- length(values$b)
  only_z <- is.null(found[["effect"]]) && is.null(found$odds_ratio)
  usable <- which(!is.na(values$b))
  keep <- c(
    "unit", "chromosome", "position", "frequency", "n", "effect_allele", "other_allele"
  )
  found <- lapply(found[intersect(keep, names(found))], `[`, usable)
  if (!is.null(found$chromosome)) found$chromosome <- chromosome_name(found$chromosome)
  c(found, list(
    beta = if (!only_z) values$b[usable], se = if (!only_z) values$s[usable],
    z = (values$b / values$s)[usable], rows = rows
  ))
}

# Tables of MungeSumstats look like many others, but for what their alleles are.
tell_first_allele <- function(names) {
  if (!identical(utils::head(names, 5L), c("SNP", "CHR", "BP", "A1", "A2"))) return(invisible())
  tell_once(
    "`statistics`: effects are taken as those of A1; those of MungeSumstats are of A2: ",
    "`columns = \"MungeSumstats\"`"
  )
}

matched_by <- function(found, panel, by) {
  named <- !is.null(found$unit)
  placed <- !is.null(found$chromosome) && !is.null(found$position) && !all(is.na(panel$position)) &&
    !all(is.na(panel$chromosome))
  if (is.null(by)) {
    common <- \(by) {
      keys <- place_keys(found, found$unit, by)
      sum(!is.na(keys) & keys %in% place_keys(panel, panel$name, by))
    }
    by <- if (placed && (!named || common("position") > common("name"))) "position" else "name"
  }
  if (by == "name" && !named || by == "position" && !placed) {
    stop_mnmash(
      "argument", "variants cannot be matched by ", by, ": ",
      if (by == "name") {
        "`statistics` has no names (`columns$unit`), and one of the two no positions"
      } else {
        "`statistics` and `reference` need chromosomes and positions"
      }
    )
  }
  by
}

# What two sources have in common of the same place; `NA` in neither.
place_keys <- function(x, names, by) {
  if (by == "name") return(names)
  known <- !is.na(x$chromosome) & !is.na(x$position)
  paste(x$chromosome, x$position)[ifelse(known, seq_along(known), NA)]
}

# Pairs of rows that may be the same variant.
same_places <- function(found, panel, by) {
  own <- place_keys(found, found$unit, by)
  panel_key <- place_keys(panel, panel$name, by)
  at <- split(seq_along(panel_key), factor(panel_key, unique(panel_key)))
  candidates <- unname(at[match(own, names(at))])
  data.frame(
    own = rep(seq_along(own), lengths(candidates)),
    panel = as.integer(unlist(candidates, use.names = FALSE))
  )
}

# The sign of each pair, `NA` where it cannot be used, and what was done (`change`).
decided_signs <- function(signs, frequencies, ambiguous, limit) {
  unsure <- !is.na(signs$written) & !is.na(signs$turned)
  strand <- rep(1, length(unsure))
  strand[is.na(signs$written) & !is.na(signs$turned)] <- -1
  if (any(unsure)) {
    by_frequency <- if (is.null(frequencies$own)) {
      rep(NA_real_, length(unsure))
    } else {
      # As written, f is of the panel's allele, or of the other one where they are exchanged.
      own <- ifelse(signs$written == 1, frequencies$own, 1 - frequencies$own)
      sign_by_frequency(own, frequencies$panel, limit)
    }
    common <- if (ambiguous == "infer") common_strand(signs) else NA
    decided <- switch(
      ambiguous,
      keep = rep(1, length(unsure)), drop = rep(NA_real_, length(unsure)),
      frequency = by_frequency,
      infer = if (is.na(common)) by_frequency else
        ifelse(is.na(by_frequency) | by_frequency == common, common, NA)
    )
    strand[unsure] <- decided[unsure]
  }
  sign <- ifelse(strand == 1, signs$written, signs$turned)
  change <- ifelse(
    strand == 1, ifelse(sign == 1, "same", "swapped"), ifelse(sign == 1, "strand", "strand_swapped")
  )
  data.frame(sign = sign, ambiguous = unsure, change = as.character(change))
}

# Each row of the table and each variant of the panel at most once: alleles as written first.
one_to_one <- function(pairs) {
  pairs <- pairs[order(pairs$own, startsWith(pairs$change, "strand")), ]
  pairs <- pairs[!duplicated(pairs$own), ]
  pairs <- pairs[!duplicated(pairs$panel), ]
  pairs[order(pairs$panel), ]
}

# What became of the rows, each of which counts once.
harmonised_counts <- function(found, panel, pairs, kept) {
  rows <- length(found$effect_allele)
  matched <- unique(pairs$own)
  signed <- unique(pairs$own[!is.na(pairs$sign)])
  unsure <- setdiff(unique(pairs$own[pairs$ambiguous]), signed)
  counts <- c(
    statistics = found$rows, reference = nrow(panel), unusable = found$rows - rows,
    unmatched = rows - length(matched),
    other_alleles = length(matched) - length(signed) - length(unsure),
    ambiguous_dropped = length(unsure), repeated = length(signed) - nrow(kept), kept = nrow(kept),
    table(factor(kept$change, c("same", "swapped", "strand", "strand_swapped")))
  )
  storage.mode(counts) <- "double"
  counts
}

describe_counts <- function(counts) {
  said <- c(
    unusable = "without an effect", unmatched = "not in `reference`",
    other_alleles = "with other alleles", ambiguous_dropped = "on an unknown strand",
    repeated = "repeated", swapped = "kept with their signs changed",
    strand = "on the other strand", strand_swapped = "on the other strand with their signs changed"
  )
  n <- counts[names(said)]
  paste0(
    number(counts[["kept"]]), " of ", number(counts[["statistics"]]), " variants are kept",
    if (any(n > 0)) "; ",
    paste0(vapply(n[n > 0], number, ""), " ", said[n > 0], collapse = ", ")
  )
}

harmonised_table <- function(found, panel, kept) {
  at <- kept$own
  frequency <- found$frequency[at]
  columns <- list(
    variant = panel$name[kept$panel], chromosome = panel$chromosome[kept$panel],
    position = panel$position[kept$panel], effect_allele = panel$effect_allele[kept$panel],
    other_allele = panel$other_allele[kept$panel],
    beta = if (!is.null(found$beta)) kept$sign * found$beta[at],
    se = if (!is.null(found$se)) found$se[at], z = kept$sign * found$z[at],
    frequency = if (length(frequency)) ifelse(kept$sign == 1, frequency, 1 - frequency),
    n = if (!is.null(found$n)) found$n[at], change = kept$change
  )
  columns <- columns[!vapply(columns, is.null, NA)]
  if (all(is.na(columns$chromosome)) && !is.null(found$chromosome)) {
    columns$chromosome <- found$chromosome[at]
  }
  if (all(is.na(columns$position)) && !is.null(found$position)) {
    columns$position <- found$position[at]
  }
  data.frame(columns, row.names = columns$variant)
}
