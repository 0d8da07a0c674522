# A residual correlation for each feature (gene).

#' Residual correlation by feature
#'
#' Estimates the correlation of the measurement errors among conditions for each feature (gene) from
#' its own units, those with all |z| below `z_thresh`: for studies whose conditions share other
#' samples for one feature than for another. With few units by feature such estimates are noisy; a
#' common [residual_correlation()] is better then.
#'
#' `"simple_specific"` and `"corshrink"` are the methods of [residual_correlation()]; a feature with
#' fewer than two null units gets the identity. Estimates that are not positive definite, as those
#' of fewer null units than conditions, are replaced by the nearest correlation matrix with
#' eigenvalues of at least 0.001, with a message.
#'
#' @param data data from [mash_set_data()] (its `V` is not used), or z-scores, units x conditions,
#'   `NA` where missing.
#' @param feature the feature of each unit. Default: units are called `<feature>_<unit>`, with
#'   `features`.
#' @param features the features to estimate, in this order. Default: all.
#' @param method see below.
#' @param z_thresh units count as null when all their z-scores are below this in absolute value.
#' @param rescale as in [residual_correlation()]; `FALSE` is what the mixture-prior workflows do.
#' @inheritParams shared_arguments
#'
#' @return An R x R x L array with the names of the conditions and of the L features: for `vhat` of
#'   [mixture_prior()] and [mash_fit()], which take for each unit, called `<feature>_<unit>`, the
#'   matrix of its feature. The attribute `"n"` has the number of null units of each.
#' @seealso [residual_correlation()]
#' @export
#' @examples
#' set.seed(1)
#' z <- matrix(rnorm(300), 100, dimnames = list(NULL, c("liver", "lung", "skin")))
#' gene <- rep(c("g1", "g2"), each = 50)
#' V <- feature_correlation(z, gene)
#' round(V[, , "g2"], 2)
feature_correlation <- function(data, feature = NULL, features = NULL,
                                method = c("simple_specific", "corshrink"), z_thresh = 2,
                                rescale = TRUE, ...) {
  take_dots(...)
  method <- match_choice(method, c("simple_specific", "corshrink"))
  check_flag(rescale)
  z_thresh <- check_number(z_thresh, 0)
  z <- observed_z(data)
  if (!is.null(features)) features <- check_labels(features)
  if (is.null(feature)) {
    if (is.null(features) || is.null(rownames(z))) {
      stop_mnmash(
        "argument", "give `feature`, the feature of each unit; or `features`, with units called ",
        "<feature>_<unit>"
      )
    }
    feature <- features[features_of_units(rownames(z), features)]
  } else if (!is.atomic(feature) || length(feature) != nrow(z)) {
    stop_mnmash(
      "dimension", "`feature` must name the feature of each of ", nrow(z), " units, not of ",
      length(feature)
    )
  }
  feature <- as.character(align_each(feature, rownames(z), nrow(z), "feature", "unit"))
  if (is.null(features)) features <- unique(feature[!is.na(feature)])
  if (!length(features)) stop_mnmash("missing", "`feature` is `NA` for all units")
  absent <- setdiff(features, feature)
  if (length(absent)) {
    stop_mnmash(
      "names", "`features`: no unit is of feature \"", absent[1L], "\"", and_more(length(absent))
    )
  }
  rows <- split(seq_along(feature), factor(feature, features))
  found <- lapply(rows, \(r) one_correlation(z[r, , drop = FALSE], method, z_thresh, rescale))
  repaired <- vapply(found, `[[`, NA, "repaired")
  if (any(repaired)) {
    message(
      "The correlations of ", sum(repaired), " of ", length(found), " features are not positive ",
      "definite: using the nearest matrices that are"
    )
  }
  R <- ncol(z)
  structure(
    array(
      unlist(lapply(found, `[[`, "V")), c(R, R, length(features)),
      list(colnames(z), colnames(z), features)
    ),
    n = vapply(found, `[[`, 0, "n")
  )
}

one_correlation <- function(z, method, z_thresh, rescale) {
  R <- ncol(z)
  inside <- !is.na(z)
  inside <- inside & !rowSums(inside & abs(z) >= z_thresh, na.rm = TRUE)
  moments <- pairwise_moments(z, inside)
  n <- max(moments$n)
  if (n < 2) return(list(V = diag(R), n = n, repaired = FALSE))
  V <- if (method == "corshrink") {
    shrunken_correlation(moments, 10)
  } else if (rescale) {
    by_pair_or_zero(moment_correlation(moments), moments$n)
  } else {
    with_unit_diagonal(by_pair_or_zero(moments$cov, moments$n))
  }
  fixed <- suppressMessages(repair_correlation(V))
  list(V = fixed, n = n, repaired = !identical(fixed, V))
}
