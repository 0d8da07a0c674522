# One number for each gene and contrast.

#' Sum up contrasts by feature
#'
#' Scores of how much the effects of a feature's (gene's) units differ between conditions, from the
#' contrasts of its units.
#'
#' - `"meta"`, by condition: mean over standard error of a random-effects meta-analysis (see
#'   [random_effects()]) of the absolute deviations of the condition.
#' - `"nsig"`, by contrast: the share of units with a significant one.
#' - `"pval_pair"`, by pair: the p-value of a random-effects meta-analysis of the absolute
#'   differences.
#' - `"finemap"`, by condition: the largest `|mean / se|` of a difference from that condition, among
#'   the lead variants of the feature's credible sets, that is of each set the variant with the
#'   highest inclusion probability.
#'
#' Absolute values, because the sign of a variant's effect depends on which allele was counted; they
#' are above zero also where there is no difference, so that these scores order features, but are no
#' calibrated test: for that use `lfsr`. `absolute = FALSE` keeps the signs.
#'
#' Variants in linkage disequilibrium are not independent, as the meta-analysis takes them to be.
#' With `genotype`, variants of a feature are kept of which no two have a correlation of
#' `cor_threshold` or more (0.45: r2 about 0.2), by [ld_prune()]; units without a genotype are left
#' out. A unit is found by its name, or by its name without the feature's in front
#' (`<feature>_<variant>`). Lead variants of credible sets stand for different signals: `"finemap"`
#' does not prune.
#'
#' @param contrast contrasts from [posterior_contrast()].
#' @param feature the feature of each unit; for `"finemap"` it may come from `fine_mapping`.
#' @param method which scores.
#' @param meta_method how the meta-analysis estimates the variance between units.
#' @param absolute use absolute values.
#' @param se_cutoff units whose contrast has a standard deviation up to this are left out of
#'   `"meta"` and `"pval_pair"`: it is known to be zero.
#' @param p_cutoff for `"nsig"`: a contrast is significant when `by` is below this. Default: 1e-5
#'   for `"p"`, 0.05 for `"lfsr"`.
#' @param by for `"nsig"`: `"p"` or `"lfsr"`.
#' @param fine_mapping for `"finemap"`, a data frame of `variants` (the units' names), `cs_order`
#'   (number of the credible set, 0 or `NA` outside) and `pip`; and `feature`, if there are several.
#' @param conditions names of the conditions (or groups) to score: their deviations, and differences
#'   in which one of them takes part. Default: all.
#' @param unit names of the units. Default: the row names of `contrast`.
#' @param genotype dosages, samples x variants: what [ld_prune()] takes.
#' @param region `"chromosome:from-to"`: only units there, by their names, or by the `.bim` file if
#'   `genotype` is PLINK's.
#' @param cor_threshold,prune `threshold` and `method` of [ld_prune()]; the workflows use
#'   `prune = "cluster"`.
#' @inheritParams shared_arguments
#'
#' @return A data frame with a row for each score: `gene`, `condition` (of a deviation; of a
#'   difference `A_vs_B`), `contrast` (`"deviation"` or `"pairwise"`), `score` and `scoreType`.
#'   Scores of several kinds are bound by [rbind()].
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 30, err_sd = 0.4)
#' colnames(sims$Bhat) <- c("Ast", "Exc", "Inh", "Mic", "Oli")
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), outputlevel = 1, verbose = FALSE)
#' found <- posterior_contrast(m, data)
#' gene <- rep(paste0("gene", 1:12), each = 10)
#' head(feature_score(found, gene, "meta"))
#' head(feature_score(found, gene, "nsig", by = "lfsr", conditions = "Ast"))
feature_score <- function(contrast, feature, method = c("meta", "nsig", "pval_pair", "finemap"),
                          meta_method = c("REML", "DL"), absolute = TRUE, se_cutoff = 1e-3,
                          p_cutoff = NULL, by = c("p", "lfsr"), fine_mapping = NULL,
                          conditions = NULL, unit = rownames(contrast), genotype = NULL,
                          region = NULL, cor_threshold = 0.45, prune = c("greedy", "cluster"),
                          ...) {
  take_dots(...)
  method <- match_choice(method, c("meta", "nsig", "pval_pair", "finemap"))
  meta_method <- match_choice(meta_method, c("REML", "DL"))
  by <- match_choice(by, c("p", "lfsr"))
  prune <- match_choice(prune, c("greedy", "cluster"))
  cor_threshold <- check_number(cor_threshold, 0, 1)
  check_flag(absolute)
  mean <- contrast_values(contrast, "mean", "contrast")
  se <- align_columns(
    contrast_values(contrast, "se", "contrast"), colnames(mean), ncol(mean), "contrast", "contrast",
    to = "the means"
  )
  pairs <- contrast_pairs(contrast, colnames(mean))
  conditions <- scored_conditions(conditions, colnames(mean), pairs)
  scored <- of_conditions(colnames(mean), pairs, conditions)
  if (!is.atomic(unit) || length(unit) != nrow(mean)) {
    stop_mnmash("dimension", "`unit` must name each of ", nrow(mean), " units")
  }
  unit <- as.character(unit)
  feature <- if (!missing(feature)) check_feature(feature, nrow(mean), as.character(unit))
  if (method == "finemap") {
    return(finemap_score(abs(mean), se, pairs, conditions, fine_mapping, unit, feature))
  }
  groups <- split(seq_along(feature), feature)
  if (!is.null(genotype) || !is.null(region)) {
    kept <- independent_rows(groups, unit, genotype, region, cor_threshold, prune)
    groups <- lapply(groups, intersect, kept)
  }
  deviation <- endsWith(colnames(mean), "_deviation")
  if (method == "nsig") {
    level <- significance(p_cutoff, by, "p_cutoff")
    significant <- align_columns(
      contrast_values(contrast, by, "contrast"), colnames(mean), ncol(mean), "contrast",
      "contrast", to = "the means"
    ) < level
    score <- \(rows, q) mean(significant[rows, q], na.rm = TRUE)
    return(score_table(groups, colnames(mean), score, "nsig", scored))
  }
  size <- if (absolute) abs(mean) else mean
  se[!is.na(se) & se <= check_number(se_cutoff, 0)] <- NA
  meta <- \(rows, q) random_effects(size[rows, q], se[rows, q], meta_method)
  if (method == "meta") {
    score_table(groups, colnames(mean), \(rows, q) meta(rows, q)$z, "meta", scored & deviation)
  } else {
    score_table(
      groups, colnames(mean), \(rows, q) meta(rows, q)$p, "pval_pair", scored & !deviation
    )
  }
}

# All conditions that contrasts are about, or those of them that were asked for.
scored_conditions <- function(conditions, names, pairs) {
  deviating <- sub("_deviation$", "", names[endsWith(names, "_deviation")])
  known <- unique(c(deviating, as.vector(pairs)))
  if (is.null(conditions)) return(known)
  conditions <- check_labels(conditions)
  bad <- setdiff(conditions, known)
  if (length(bad)) {
    stop_mnmash(
      "argument", as_typed("conditions"), " must be among those compared (", first_few(known),
      "): \"",
      bad[1L], "\" is none", and_more(length(bad))
    )
  }
  conditions
}

of_conditions <- function(names, pairs, conditions) {
  either <- pairs[1L, ] %in% conditions | pairs[2L, ] %in% conditions
  names %in% c(paste0(conditions, "_deviation"), colnames(pairs)[either])
}

# `score(rows, column)` for each feature and the chosen contrasts; NaN is for none.
score_table <- function(groups, names, score, type, chosen) {
  columns <- which(chosen)
  if (!length(columns)) {
    stop_mnmash(
      "argument", "`contrast` has no ",
      if (type == "meta") "deviations" else "differences of pairs", ", which \"", type,
      "\" is about"
    )
  }
  deviation <- endsWith(names[columns], "_deviation")
  score_frame(
    names(groups), sub("_deviation$", "", names[columns]),
    ifelse(deviation, "deviation", "pairwise"),
    \(g, k) score(groups[[g]], columns[k]), type
  )
}

# A row for each feature and condition: `score(feature, condition)` by number.
score_frame <- function(genes, conditions, contrast, score, type) {
  values <- vapply(
    seq_along(conditions), \(k) vapply(seq_along(genes), \(g) as.double(score(g, k)), 0),
    numeric(length(genes))
  )
  values[is.nan(values)] <- NA
  data.frame(
    gene = rep(genes, length(conditions)), condition = rep(conditions, each = length(genes)),
    contrast = rep(rep_len(contrast, length(conditions)), each = length(genes)),
    score = as.vector(values), scoreType = rep(type, length(genes) * length(conditions))
  )
}

finemap_score <- function(size, se, pairs, conditions, fine_mapping, unit, feature) {
  leads <- lead_rows(check_fine_mapping(fine_mapping), unit, feature)
  z <- size / se
  z[!is.na(se) & se == 0] <- 0
  z <- z[, colnames(pairs), drop = FALSE]
  conditions <- intersect(conditions, pairs)
  if (!length(conditions)) {
    stop_mnmash(
      "argument", "`contrast` has no differences of pairs, which \"finemap\" is about"
    )
  }
  largest <- function(g, k) {
    values <- z[leads[[g]], colSums(pairs == conditions[k]) > 0]
    if (all(is.na(values))) NA else max(values, na.rm = TRUE)
  }
  score_frame(names(leads), conditions, "pairwise", largest, "finemap")
}

check_fine_mapping <- function(fine_mapping) {
  needed <- c("variants", "cs_order", "pip")
  absent <- setdiff(needed, names(fine_mapping))
  if (!is.data.frame(fine_mapping) || length(absent)) {
    stop_mnmash(
      "argument", "`fine_mapping` must be a data frame of ",
      paste0("`", needed, "`", collapse = ", "),
      if (is.data.frame(fine_mapping)) paste0("; it has no `", absent[1L], "`")
    )
  }
  fine_mapping[!is.na(fine_mapping$cs_order) & fine_mapping$cs_order > 0, , drop = FALSE]
}

# The row of the lead variant of each credible set, by feature.
lead_rows <- function(sets, unit, feature) {
  if (is.null(feature)) {
    feature <- rep("feature", length(unit))
    own <- sets[["feature"]]
    if (!is.null(own)) feature <- own[match(unit, sets$variants)]
  }
  leads <- lapply(split(seq_along(unit), feature), \(rows) {
    gene <- feature[rows[1L]]
    mine <- if (is.null(sets[["feature"]])) sets else sets[sets$feature == gene, , drop = FALSE]
    at <- rows[match(mine$variants, unit[rows])]
    bare <- rows[match(mine$variants, bare_variants(unit[rows], gene))]
    at <- ifelse(is.na(at), bare, at)
    here <- which(!is.na(at))
    # The first of those with the highest probability.
    unique(at[vapply(split(here, mine$cs_order[here]), \(r) r[which.max(mine$pip[r])], 0L)])
  })
  leads <- leads[lengths(leads) > 0L]
  if (!length(leads)) {
    stop_mnmash(
      "argument", "`fine_mapping` has no variant of a credible set that is a unit of `contrast`"
    )
  }
  leads
}

# "gene1_chr1:5:A:G" is the variant "chr1:5:A:G" of gene1.
bare_variants <- function(unit, gene) {
  start <- paste0(gene, "_")
  ifelse(startsWith(unit, start), substring(unit, nchar(start) + 1L), unit)
}

# Units that are nearly independent of the others of their feature, as row numbers.
independent_rows <- function(groups, unit, genotype, region, threshold, method) {
  place <- if (!is.null(region)) parse_region(region)
  bare <- unit
  for (gene in names(groups)) {
    bare[groups[[gene]]] <- bare_variants(unit[groups[[gene]]], gene)
  }
  if (is.null(genotype)) return(which(in_region(unit, place)))
  wanted <- unique(c(unit, bare))
  if (is_file_name(genotype)) {
    genotype <- read_genotypes(genotype, wanted, region)
  } else if (!is.null(region)) {
    wanted <- wanted[in_region(wanted, place)]
  }
  X <- dosages(genotype, wanted, "genotype")
  column <- match(unit, colnames(X))
  column <- ifelse(is.na(column), match(bare, colnames(X)), column)
  found <- !is.na(column)
  if (!any(found)) {
    stop_mnmash(
      "names", "`genotype` has none of the variants", if (!is.null(region)) " in `region`",
      ", such as \"", bare[1L], "\": variants must have the names of the units, or units be ",
      "called <feature>_<variant>"
    )
  }
  if (!all(found)) {
    message(
      sum(!found), " of ", length(unit), " units are left out: no genotype",
      if (!is.null(region)) " in the region"
    )
  }
  unlist(lapply(groups, \(rows) {
    rows <- rows[found[rows]]
    if (length(rows) < 2L) return(rows)
    rows[prune_columns(X[, column[rows], drop = FALSE], threshold, method)]
  }), use.names = FALSE)
}
