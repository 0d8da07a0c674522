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
#' - `"finemap"`, by pair: the largest `|mean / se|` among the lead variants of the feature's
#'   credible sets, that is of each set the variant with the highest inclusion probability.
#'
#' Absolute values, because the sign of a variant's effect depends on which allele was counted; they
#' are above zero also where there is no difference, so that these scores order features, but are no
#' calibrated test: for that use `lfsr`. `absolute = FALSE` keeps the signs. Variants in linkage
#' disequilibrium are not independent, as the meta-analysis takes them to be: give it
#' independent ones.
#'
#' @param contrast contrasts from [posterior_contrast()].
#' @param feature the feature of each unit; for `"finemap"` it may come from `fine_mapping`.
#' @param method which scores.
#' @param meta_method how the meta-analysis estimates the variance between units.
#' @param absolute use absolute values.
#' @param se_cutoff units whose contrast has a standard deviation up to this are left out of
#'   `"meta"` and `"pval_pair"`: it is known to be zero.
#' @param p_cutoff for `"nsig"`: a contrast is significant when `by` is below this.
#' @param by for `"nsig"`: `"p"` or `"lfsr"`.
#' @param fine_mapping for `"finemap"`, a data frame of `variants` (the units' names), `cs_order`
#'   (number of the credible set, 0 or `NA` outside) and `pip`; and `feature`, if there are several.
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
#' head(feature_score(found, gene, "nsig", p_cutoff = 0.05, by = "lfsr"))
feature_score <- function(contrast, feature, method = c("meta", "nsig", "pval_pair", "finemap"),
                          meta_method = c("REML", "DL"), absolute = TRUE, se_cutoff = 1e-3,
                          p_cutoff = 1e-5, by = c("p", "lfsr"), fine_mapping = NULL) {
  method <- match_choice(method, c("meta", "nsig", "pval_pair", "finemap"), "method")
  meta_method <- match_choice(meta_method, c("REML", "DL"), "meta_method")
  by <- match_choice(by, c("p", "lfsr"), "by")
  check_flag(absolute, "absolute")
  mean <- contrast_values(contrast, "mean", "contrast")
  se <- contrast_values(contrast, "se", "contrast")
  deviation <- endsWith(colnames(mean), "_deviation")
  if (method == "finemap") {
    feature <- if (missing(feature)) NULL else check_feature(feature, nrow(mean))
    return(finemap_score(mean, se, !deviation, fine_mapping, rownames(contrast), feature))
  }
  groups <- split(seq_len(nrow(mean)), check_feature(feature, nrow(mean)))
  if (method == "nsig") {
    p_cutoff <- check_number(p_cutoff, "p_cutoff", 0, 1)
    significant <- contrast_values(contrast, by, "contrast") < p_cutoff
    score <- \(rows, q) mean(significant[rows, q], na.rm = TRUE)
    return(score_table(groups, colnames(mean), score, "nsig", rep(TRUE, ncol(mean))))
  }
  size <- if (absolute) abs(mean) else mean
  se[!is.na(se) & se <= check_number(se_cutoff, "se_cutoff", 0)] <- NA
  meta <- \(rows, q) random_effects(size[rows, q], se[rows, q], meta_method)
  if (method == "meta") {
    score_table(groups, colnames(mean), \(rows, q) meta(rows, q)$z, "meta", deviation)
  } else {
    score_table(groups, colnames(mean), \(rows, q) meta(rows, q)$p, "pval_pair", !deviation)
  }
}

# `score(rows, column)` for each feature and the chosen contrasts; NaN is for none.
score_table <- function(groups, names, score, type, chosen) {
  columns <- which(chosen)
  if (!length(columns)) {
    stop_mnmash(
      "argument", "`contrast` has no ",
      if (type == "meta") "deviations" else "differences of pairs", ", which \"", type, "\" is about"
    )
  }
  values <- vapply(
    columns, \(q) vapply(groups, \(rows) as.double(score(rows, q)), 0), numeric(length(groups))
  )
  values[is.nan(values)] <- NA
  deviation <- endsWith(names[columns], "_deviation")
  data.frame(
    gene = rep(names(groups), length(columns)),
    condition = rep(sub("_deviation$", "", names[columns]), each = length(groups)),
    contrast = rep(ifelse(deviation, "deviation", "pairwise"), each = length(groups)),
    score = as.vector(values), scoreType = type
  )
}

finemap_score <- function(mean, se, pairwise, fine_mapping, units, feature) {
  needed <- c("variants", "cs_order", "pip")
  absent <- setdiff(needed, names(fine_mapping))
  if (!is.data.frame(fine_mapping) || length(absent)) {
    stop_mnmash(
      "argument", "`fine_mapping` must be a data frame of ",
      paste0("`", needed, "`", collapse = ", "),
      if (is.data.frame(fine_mapping)) paste0("; it has no `", absent[1L], "`")
    )
  }
  gene <- fine_mapping[["feature"]]
  unit <- match(fine_mapping$variants, units)
  if (is.null(gene)) {
    gene <- if (is.null(feature)) rep("feature", nrow(fine_mapping)) else feature[unit]
  }
  inside <- !is.na(fine_mapping$cs_order) & fine_mapping$cs_order > 0 & !is.na(unit)
  if (!any(inside)) {
    stop_mnmash(
      "argument", "`fine_mapping` has no variant of a credible set that is a unit of `contrast`"
    )
  }
  rows <- which(inside)
  set <- paste(gene[rows], fine_mapping$cs_order[rows])
  # The first of those with the highest probability.
  lead <- vapply(split(rows, set), \(r) r[which.max(fine_mapping$pip[r])], 0L)
  z <- abs(mean / se)
  z[!is.na(se) & se == 0] <- 0
  largest <- function(r, q) {
    values <- z[unit[r], q]
    if (all(is.na(values))) NA else max(values, na.rm = TRUE)
  }
  score_table(split(unname(lead), gene[lead]), colnames(mean), largest, "finemap", pairwise)
}
