# Residual correlation V from units without strong effects.
#
# Plain estimate: correlation of the z-scores of the units whose largest |z| is below a threshold t.
# Corrected estimate: for each pair of conditions, the units with both z-scores observed and within
# (-t, t). Without effects these are draws of a bivariate normal truncated to a square, whose
# correlation r(rho, t) is smaller than rho; rho is found by solving r(rho, t) = observed r.
# With X ~ N(0, 1), Y | X ~ N(rho X, s^2), s^2 = 1 - rho^2, and the moments of Y within its limits
# in closed form, r needs one integral over X.

#' Residual correlation from units without strong effects
#'
#' Estimates `V`, the correlation of the measurement errors among conditions, from the z-scores of
#' units that look null.
#'
#' By default, as in mashr: the correlation of the z-scores of all units whose largest absolute
#' z-score is below `z_thresh`. Cutting off large z-scores makes correlations too small, and missing
#' values, which count as z-scores of zero, make them smaller still (a true 0.6 in 5 conditions
#' becomes 0.47, and 0.33 with 30% missing; the loss grows with the number of conditions: 0.28 of
#' 0.6 in 44 conditions).
#'
#' With `correct = TRUE` each pair of conditions is estimated from the units observed in both and
#' with both z-scores within `z_thresh`, and the effect of the cut is undone: the estimate is the
#' correlation of the normal distribution which, cut in the same way, has the observed correlation.
#' This is consistent for null units, any number of conditions and any pattern of missing values. As
#' with the plain estimate, units with moderate shared effects still raise it: use a random or null
#' set of units. A matrix that is not positive definite is moved to the nearest one (Higham 2002)
#' with eigenvalues of at least 0.001, with a message.
#'
#' @param z_thresh units count as null when their z-scores are below this in absolute value.
#' @param est_cor return a correlation matrix (`TRUE`) or a covariance matrix of the z-scores.
#' @param correct undo the bias of the cut, and handle missing values by pairs (`FALSE`: as mashr).
#' @inheritParams shared_arguments
#'
#' @return An R x R matrix, for the argument `V` of [mash_set_data()] or [mash_update_data()]. It is
#'   an error if too few units (fewer than R; with `correct`, fewer than 10 for a pair) look null.
#' @references Higham (2002), IMA Journal of Numerical Analysis 22, 329-343.
#' @seealso [residual_correlation()] for more methods, [mash_estimate_corr_em()]
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 100, err_sd = 1)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' estimate_null_correlation_simple(data)
#' estimate_null_correlation_simple(data, correct = TRUE)
estimate_null_correlation_simple <- function(data, z_thresh = 2, est_cor = TRUE, correct = FALSE,
                                             ...) {
  take_dots(...)
  check_mash_data(data)
  z_thresh <- check_number(z_thresh, 0, infinite = TRUE)
  check_flag(est_cor)
  check_flag(correct)
  z <- data$Bhat / data$Shat
  if (correct) {
    V <- corrected_covariance(z, data$missing, z_thresh, est_cor)
    return(repair_correlation(V))
  }
  V <- stats::cov(null_z(z, z_thresh))
  if (!est_cor) return(V)
  constant <- which(diag(V) <= 0)
  if (length(constant)) {
    stop_mnmash(
      "value", as_typed("data"), " has z-scores that are all the same in ",
      describe_index("condition", constant[1L], colnames(z)), and_more(length(constant)),
      ", in the rows with all |z| < ", z_thresh, ": it has no correlation; leave it out, or use ",
      "`est_cor = FALSE`"
    )
  }
  V <- stats::cov2cor(V)
  # mashr's estimate, unless no function would take it.
  if (first_singular(array(V, c(dim(V), 1L)))) repair_correlation(V) else V
}

# The rows whose largest |z| is below the threshold.
null_z <- function(z, z_thresh) {
  largest <- do.call(pmax.int, lapply(seq_len(ncol(z)), \(r) abs(z[, r])))
  rows <- which(largest < z_thresh)
  if (length(rows) < max(2L, ncol(z))) {
    stop_mnmash(
      "too_few", as_typed("data"), " has only ", length(rows), " rows with all |z| < ", z_thresh,
      ": at least ", max(2L, ncol(z)), " are needed to estimate the correlation; use more rows or ",
      "a larger `z_thresh`"
    )
  }
  z[rows, , drop = FALSE]
}

corrected_covariance <- function(z, missing, t, est_cor) {
  inside <- abs(z) < t
  if (!is.null(missing)) inside <- inside & !missing
  moments <- pairwise_moments(z, inside)
  check_enough_rows(moments$n, colnames(z))
  untruncated_covariance(moments, t, est_cor, colnames(z))
}

untruncated_covariance <- function(moments, t, est_cor, names) {
  V <- call_core(
    "untruncated",
    moments = moments, control = list(t = t, unit = est_cor), n_threads = resolve_threads(NULL)
  )
  if (!is.null(names)) dimnames(V) <- list(names, names)
  V
}

# For each pair (a, b), over the n[a, b] rows where both are inside: cov[a, b], and var[a, b] of a.
pairwise_moments <- function(z, inside) {
  found <- call_core(
    "pairwise_moments", cells = list(z = as_doubles(z), inside = as_doubles(inside))
  )
  lapply(found, `dimnames<-`, list(colnames(z), colnames(z)))
}

check_enough_rows <- function(n, names) {
  few <- which(n < 10)
  if (length(few)) {
    at <- arrayInd(few[1L], dim(n))
    stop_mnmash(
      "too_few", as_typed("data"), " has only ", n[few[1L]], " rows with |z| < `z_thresh` in both ",
      describe_index("column", at[2L], names), " and ",
      describe_index("column", at[1L], names), ": at least 10 are needed"
    )
  }
}
