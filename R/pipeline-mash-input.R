# From tables of associations, one for each condition, to the sets of units that mash learns from.

#' Build the input of a mash analysis from tables of associations
#'
#' Takes one table for each condition (tissue, cell type), matches units by their names, and picks
#' three sets: `strong` units, from which prior covariances are learnt, `random` ones, which the
#' weights are fitted to, and `null` ones without visible effect, for the residual correlation.
#'
#' @section Tables:
#' A table is a data frame, or a file: text with commas (`.csv`) or with tabs, blanks or commas, as
#' its first line has them (lines before it that begin with `##` are passed over), also compressed
#' (`.gz`), read by the package data.table if it is installed and the file is not compressed; or
#' `.parquet`, read by the package nanoparquet or arrow. `columns` says which column (by name or
#' number) is what; a file whose first line has numbers has no names of columns, such as those of
#' FastQTL (`columns = list(feature = 1, unit = 2, p = 4, effect = 5)`):
#' - `unit`, the variant or other unit; and `feature`, the gene, if there are several: a unit is
#'   then known as `<feature>_<unit>`;
#' - `effect`, or `odds_ratio`, whose logarithm is the effect; with `se`, its standard error; or
#'   with `z` or `t`, the effect over its standard error; or with `log10_p`, -log10 of a two-sided
#'   p-value, or `p`, that p-value, from which the standard error is computed,
#'   `|effect| / qnorm(1 - p / 2)`, in logarithms: it may be as small as text can say, `1e-400`; or
#'   `z` alone, taken as an effect with standard error 1. A p-value of 0, which was rounded, leaves
#'   the standard error unknown and is an error; one of 1 says nothing of the effect, and the cell
#'   is missing. Where both are found by their usual names `log10_p` is taken;
#' - `effect_allele` and `other_allele`, if effects must be brought to the same allele. Tables of
#'   PLINK 1 have the first only: then effects of another allele are turned where a table with both
#'   says that they are exchanged, and are as those of other alleles where none does;
#' - `condition`, where one table has all conditions, with a row for each unit and condition;
#' - `test`, where a unit has a row for each term of its model: rows of the test `ADD` are used.
#'
#' Those that are not given are recognised by usual names, such as `variant_id`, `gene_id`, `beta`
#' or `slope`, `se` or `slope_se`, `p` or `pval_nominal`: those of tensorQTL, GTEx, the eQTL
#' Catalogue, the GWAS Catalog (also its harmonised files), MatrixEQTL, GEMMA, PLINK 1 and 2,
#' REGENIE, SAIGE, METAL and DESeq2 are; so is GWAS-VCF of one study, whose values become columns.
#' `columns` may be the name of a layout instead: `"GWAS-SSF"`, `"GWAS-VCF"`, or `"MungeSumstats"`,
#' which must be said: its effects are of `A2`, where `A1` is usually the allele of the effects.
#'
#' Tables may hold different units in any order. A unit that is twice in a table is an error that
#' names it. Where the alleles of a unit are the other way round than in the first table that has
#' it, the effect changes its sign; where they are others, `mismatch` decides. Strands are not
#' guessed. A cell is missing (`NA`) where a table lacks the unit, or has no finite effect or no
#' positive standard error for it.
#'
#' @section Selection:
#' Units observed in fewer than `min_observed` of the conditions are left out first. Then
#' - `strong`: for each feature the unit with the largest |z| in any condition, if that has a
#'   p-value of at most `strong_p`; without features all such units. Or the units named by `strong`,
#'   such as lead variants of credible sets.
#' - `random`: `n_random` units of each feature (in all, if there are no features) at random, strong
#'   ones among them: they must look like all units.
#' - `null`: up to `n_null` units of each feature (in all) at random whose largest |z| is below
#'   `null_z`.
#'
#' `independent` restricts `random` and `null` to units that are not in linkage disequilibrium.
#'
#' @param tables a list of data frames, or a character vector of files, with the conditions as
#'   names; or one data frame or file of all conditions, with a column of these; or a list of matrices
#'   (units x conditions, with names) such as `list(effect = , se = )`, or a SummarizedExperiment
#'   with such assays. Where there is no column of units, they are the names of the rows, as in
#'   results of limma or DESeq2.
#' @param columns a list or vector: which column is what, or the name of a layout; see below.
#' @param strong names of the strong units. Default: chosen by `strong_p`.
#' @param strong_p largest p-value of a strong unit.
#' @param n_random,n_null how many units for each feature, or in all.
#' @param null_z null units have |z| below this in all conditions.
#' @param min_observed smallest share of conditions in which a unit must be observed.
#' @param independent names of the units that `random` and `null` may come from. Default: all.
#' @param mismatch units with other alleles than in the first table: `"error"` or `"missing"`.
#' @inheritParams shared_arguments
#'
#' @return A list of matrices, units x conditions: `strong.b`, `strong.s`, `strong.z` (effects,
#'   standard errors, z-scores), the same for `random` and `null`, and `XtX`,
#'   `crossprod(strong.z) / n` over observed values. Its attribute `"counts"` says how many units
#'   there were, and what was changed. Sets without a unit have no rows.
#' @seealso [bind_mash_input()] for inputs made region by region, [simulate_mash_input()]
#' @export
#' @examples
#' table <- function(shift) {
#'   data.frame(
#'     gene_id = rep(c("g1", "g2"), each = 50), variant_id = rep(paste0("v", 1:50), 2),
#'     slope = sin(1:100) + shift * (1:100 %in% c(7, 60)), slope_se = 0.5
#'   )
#' }
#' input <- mash_input(list(liver = table(4), lung = table(3)[-7, ]))
#' input$strong.z
#' attr(input, "counts")
mash_input <- function(tables, columns = NULL, strong = NULL, strong_p = 1e-6, n_random = 10,
                       n_null = 10, null_z = 2, min_observed = 0.2, independent = NULL,
                       mismatch = c("error", "missing"), seed = 999, ...) {
  take_dots(...)
  mismatch <- match_choice(mismatch, c("error", "missing"))
  strong_p <- check_number(strong_p, 0, 1)
  n_random <- check_count(n_random, 0)
  n_null <- check_count(n_null, 0)
  null_z <- check_number(null_z, 0)
  min_observed <- check_number(min_observed, 0, 1)
  cells <- join_tables(read_tables(tables, columns), mismatch)
  keep <- rowSums(!is.na(cells$b)) >= max(1, min_observed * ncol(cells$b))
  if (!any(keep)) {
    stop_mnmash(
      "missing", "no unit is observed in ", format(100 * min_observed), "% of the ",
      ncol(cells$b), " conditions: set a lower `min_observed`, or compare how the tables name units"
    )
  }
  counts <- c(units = length(keep), too_few_conditions = sum(!keep), cells$counts)
  cells <- list(
    b = cells$b[keep, , drop = FALSE], s = cells$s[keep, , drop = FALSE],
    feature = cells$feature[keep]
  )
  z <- cells$b / cells$s
  largest <- largest_z(z)
  allowed <- independent_units(independent, rownames(z))
  rows <- list(
    strong = strong_units(strong, strong_p, largest, cells$feature, rownames(z)),
    random = NULL, null = NULL
  )
  with_seed(seed, {
    rows$random <- some_of_each(allowed, rownames(z), cells$feature, n_random)
    rows$null <- some_of_each(allowed & largest < null_z, rownames(z), cells$feature, n_null)
  })
  input_of_rows(cells, z, rows, c(counts, lengths(rows)))
}

strong_units <- function(strong, strong_p, largest, feature, names) {
  if (!is.null(strong)) {
    if (!is.character(strong)) {
      stop_mnmash("type", "`strong` must be names of units, not ", class(strong)[1L])
    }
    rows <- match(unique(strong), names)
    bad <- which(is.na(rows))
    if (length(bad)) {
      stop_mnmash(
        "names", "`strong` names a unit that the tables do not have, or in too few conditions: \"",
        unique(strong)[bad[1L]], "\"", and_more(length(bad))
      )
    }
    return(rows)
  }
  passed <- largest >= stats::qnorm(strong_p / 2, lower.tail = FALSE)
  if (is.null(feature)) return(which(passed))
  # The first of those with the largest.
  by_size <- order(-largest)
  top <- by_size[!duplicated(feature[by_size])]
  sort(top[passed[top]])
}

independent_units <- function(independent, names) {
  if (is.null(independent)) return(rep(TRUE, length(names)))
  if (!is.character(independent)) {
    stop_mnmash("type", "`independent` must be names of units, not ", class(independent)[1L])
  }
  allowed <- names %in% independent
  if (!any(allowed)) {
    stop_mnmash("names", "`independent` names none of the units, such as \"", names[1L], "\"")
  }
  allowed
}

# Up to n of the allowed units of each feature, at random, in their order.
some_of_each <- function(allowed, names, feature, n) {
  rows <- which(allowed)
  if (is.null(feature)) feature <- rep(1L, length(allowed))
  # One number for every unit, so that what is allowed does not change the others' luck; by name, so
  # that the order of the tables does not either.
  luck <- stats::runif(length(allowed))[order(order(names, method = "radix"))]
  shuffled <- rows[order(luck[rows])]
  group <- match(feature[shuffled], unique(feature))
  by_group <- order(group)
  position <- integer(length(rows))
  position[by_group] <- sequence(rle(group[by_group])$lengths)
  sort(shuffled[position <= n])
}

input_of_rows <- function(cells, z, rows, counts) {
  sets <- lapply(rows, \(i) {
    list(b = cells$b[i, , drop = FALSE], s = cells$s[i, , drop = FALSE], z = z[i, , drop = FALSE])
  })
  structure(with_products(do.call(c, sets)), counts = counts)
}

#' Put inputs of several regions together
#'
#' @param inputs a list of inputs from [mash_input()], with the regions as names, or without names.
#' @return One input with the rows of all, whose names start with that of their region and `":"`;
#'   conditions that a region lacks are missing there. Where inputs have a `V` ([signal_input()]),
#'   it becomes their mean.
#' @export
#' @examples
#' set.seed(1)
#' whole <- simulate_mash_input(20, 40, 30, conditions = 4)
#' both <- bind_mash_input(list(region1 = whole, region2 = whole))
#' dim(both$strong.b)
bind_mash_input <- function(inputs) {
  if (!is.list(inputs) || !length(inputs) || !is.null(inputs[["strong.b"]])) {
    stop_mnmash("type", "`inputs` must be a list of inputs from mash_input()")
  }
  tables <- paste0(rep(c("strong", "random", "null"), each = 3L), c(".b", ".s", ".z"))
  absent <- vapply(inputs, \(x) !is.list(x) || !all(tables %in% names(x)), NA)
  if (any(absent)) {
    stop_mnmash("type", "`inputs[[", which(absent)[1L], "]]` is no input from mash_input()")
  }
  inputs[] <- lapply(seq_along(inputs), \(i) {
    aligned_input(inputs[[i]], paste0("inputs[[", i, "]]$"))
  })
  conditions <- unique(unlist(lapply(inputs, \(x) colnames(x$random.b))))
  wide <- function(x, region) {
    out <- matrix(NA_real_, nrow(x), length(conditions), dimnames = list(rownames(x), conditions))
    out[, colnames(x)] <- x
    if (nrow(x) && !is.null(rownames(x)) && length(region) && nzchar(region)) {
      rownames(out) <- paste0(region, ":", rownames(x))
    }
    out
  }
  whole <- lapply(stats::setNames(nm = tables), \(what) {
    do.call(rbind, unname(lapply(seq_along(inputs), \(i) {
      wide(inputs[[i]][[what]], names(inputs)[i])
    })))
  })
  known <- lapply(inputs, \(x) if (is.matrix(x$V)) usable_vhat(x$V, colnames(x$random.b)))
  known <- Filter(Negate(is.null), known)
  if (length(known)) whole$V <- pooled_correlation(known, conditions)
  counts <- lapply(inputs, attr, "counts")
  same <- length(unique(lapply(counts, names))) == 1L
  structure(with_products(whole), counts = if (same) Reduce(`+`, counts))
}

# The tables of one input, with the same conditions, and in each set the same units.
aligned_input <- function(input, where) {
  conditions <- if (is.matrix(input$random.b)) colnames(input$random.b)
  for (set in c("random", "strong", "null")) {
    for (what in paste0(set, c(".b", ".s", ".z"))) {
      name <- paste0(where, what)
      x <- input[[what]]
      if (!is.matrix(x) || !(is.numeric(x) || all(is.na(x)))) {
        stop_mnmash("type", as_typed(name), " must be a numeric matrix, not ", class(x)[1L])
      }
      if (is.null(colnames(x))) {
        stop_mnmash("names", as_typed(name), " must have the conditions as column names")
      }
      x <- align_columns(
        x, conditions, length(conditions), name, "condition", to = paste0("`", where, "random.b`"),
        more = "refuse"
      )
      first <- input[[paste0(set, ".b")]]
      if (what != paste0(set, ".b")) {
        x <- align_rows(
          x, rownames(first), nrow(first), name, "unit", to = paste0("`", where, set, ".b`"),
          more = "refuse"
        )
      }
      if (nrow(x)) check_finite(x, name = name)
      input[[what]] <- x
    }
  }
  input
}
