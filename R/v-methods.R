# The residual correlation V by any of the methods that pipelines know, by one name.

#' Residual correlation, by one of several methods
#'
#' Estimates the correlation `V` of the measurement errors among conditions from z-scores.
#'
#' - `"corrected"`, the default: `"simple"` with `correct = TRUE`. Plain `"simple"` correlations are
#'   too small, and an lfsr that is computed under too small ones is too small itself.
#' - `"identity"`: independent errors.
#' - `"simple"`: the correlation among rows whose z-scores are all below `z_thresh` (2) in absolute
#'   value; as [estimate_null_correlation_simple()], but each pair of conditions by the rows that
#'   have both. With `correct = TRUE` the bias of the cut is undone, see there.
#' - `"simple_specific"`: the same for rows known to be null, without a cut. `rescale = FALSE` takes
#'   the covariances as they are for correlations, as the pipeline scripts with that name do: it
#'   agrees when the z-scores have variances of one, and exaggerates when they are larger.
#' - `"corshrink"`: the correlations of `"simple_specific"`, shrunk towards zero in the light of all
#'   of them and of the numbers of rows each has (Dey and Stephens 2018). On Fisher's scale,
#'   `atanh(r)` (with `r` cut to `+-0.99`) is normal around the true value with variance
#'   `1 / (n - 1) + 2 / (n - 1)^2`; the true values come from a mixture of a point at zero and
#'   uniform distributions from zero to `+-a`, `a` on a grid with ratio `sqrt(2)`, whose weights
#'   [mixture_weights()] estimates with Dirichlet parameter `nullweight` for the point. Every pair
#'   counts once; the package CorShrink counts each twice, which `nullweight = 5.5` imitates.
#' - `"mle"`: maximum likelihood together with the weights of a prior, by
#'   [mash_estimate_corr_em()] on at most `n_subset` rows (chosen by R's random numbers), starting
#'   from `init` or the simple estimate. Rows with effects can be used; many are needed.
#'
#' Fewer rows than conditions will do, if there are 10: `"corshrink"` is made for that; the others
#' warn (class `mnmash_warning_few`) below five rows for each condition. Two
#' conditions that fewer than 10 rows have both (one may have no value at all) have no estimate
#' of their own: their correlation is 0 by `"simple"` and `"simple_specific"`, the mean of the prior
#' by `"corshrink"`, and what starts the iteration by `"mle"`. A message says so. Correlations that
#' do not fit together, because they were estimated from different rows or one by one, are replaced
#' by the nearest correlation matrix with eigenvalues of at least 0.001 (Higham 2002), with a
#' message.
#'
#' @param data data from [mash_set_data()] (its `V` is not used), or J x R z-scores, `NA` where
#'   missing; these may have conditions without any value.
#' @param method see below.
#' @param z_thresh rows count as null when all their z-scores are below this in absolute value.
#'   Default: 2 for `"corrected"` and `"simple"`, `Inf` (no cut) for the others.
#' @param correct undo the bias of the cut (`"simple"`).
#' @param rescale scale covariances to correlations first (`"simple_specific"`).
#' @param nullweight Dirichlet parameter of zero (`"corshrink"`), at least 1.
#' @param Ulist prior covariance matrices (`"mle"`). Default: [cov_canonical()].
#' @param init where to start (`"mle"`): an R x R positive definite matrix. Default: the `"simple"`
#'   estimate.
#' @param n_subset,max_iter,tol most rows, most iterations, and the gain in log-likelihood at which
#'   to stop (`"mle"`). The defaults are the pipeline's; `tol = 0.01` and more iterations come
#'   closer to the maximum.
#' @inheritParams shared_arguments
#'
#' @return An R x R correlation matrix, positive definite, with the names of the conditions on both
#'   sides: for the argument `V` of [mash_set_data()] and [mash_update_data()].
#' @references
#' Dey and Stephens (2018), bioRxiv 368316 (shrunken correlations).
#'
#' Higham (2002), IMA Journal of Numerical Analysis 22, 329-343.
#' @seealso [estimate_null_correlation_simple()], [mash_estimate_corr_em()]
#' @export
#' @examples
#' set.seed(1)
#' z <- matrix(rnorm(2000), 500) %*% chol(0.4 + diag(0.6, 4))
#' z[sample(length(z), 300)] <- NA
#' colnames(z) <- paste0("tissue", 1:4)
#' round(residual_correlation(z, "simple", correct = TRUE), 2)
#' round(residual_correlation(z, "corshrink"), 2)
residual_correlation <- function(data, method = c(
                                   "corrected", "identity", "simple", "mle", "corshrink",
                                   "simple_specific"
                                 ), subset = NULL, z_thresh = NULL, correct = FALSE, rescale = TRUE,
                                 nullweight = 10, Ulist = NULL, init = NULL, n_subset = 6000,
                                 max_iter = 6, tol = 1, n_threads = NULL, ...) {
  take_dots(...)
  method <- match_choice(
    method, c("corrected", "identity", "simple", "mle", "corshrink", "simple_specific")
  )
  z <- observed_z(data)
  rows <- check_subset(subset, z)
  # Also where the method has no use for them.
  n_subset <- check_count(n_subset)
  max_iter <- check_count(max_iter, 0)
  n_threads <- resolve_threads(n_threads)
  check_flag(correct)
  check_flag(rescale)
  if (method == "corrected") {
    method <- "simple"
    correct <- TRUE
  }
  if (correct && method != "simple") {
    stop_mnmash("argument", "`correct` is for method \"simple\", not \"", method, "\"")
  }
  if (is.null(z_thresh)) z_thresh <- if (method == "simple") 2 else Inf
  z_thresh <- check_number(z_thresh, 0, infinite = TRUE)
  V <- if (method == "identity") {
    diag(ncol(z))
  } else if (method == "mle") {
    refuse_constant(z[rows, , drop = FALSE], "data")
    start <- em_start(z, rows, n_subset, init)
    chosen <- if (inherits(data, "mash")) data_rows(data, start$rows) else z_data(start$z)
    mash_estimate_corr_em(
      chosen, if (is.null(Ulist)) cov_canonical(chosen) else Ulist,
      init = start$V, max_iter = max_iter, tol = tol, details = FALSE, n_threads = n_threads
    )
  } else {
    moments <- null_moments(z[rows, , drop = FALSE], z_thresh, by_pairs = correct)
    if (method != "corshrink") warn_few_rows(moments$n, z_thresh)
    switch(method,
      simple = if (correct) {
        by_pair_or_zero(untruncated_covariance(moments, z_thresh, TRUE, NULL), moments$n)
      } else {
        by_pair_or_zero(moment_correlation(moments), moments$n)
      },
      simple_specific = if (rescale) {
        by_pair_or_zero(moment_correlation(moments), moments$n)
      } else {
        with_unit_diagonal(by_pair_or_zero(moments$cov, moments$n))
      },
      corshrink = shrunken_correlation(moments, nullweight, n_threads)
    )
  }
  dimnames(V) <- if (!is.null(colnames(z))) list(colnames(z), colnames(z))
  if (method %in% c("identity", "mle")) return(V)
  repair_correlation(without_constant(V, z[rows, , drop = FALSE]))
}

# Moments of each pair of conditions. A cut takes rows out whole, or by pairs if it is to be undone.
null_moments <- function(z, z_thresh, by_pairs) {
  inside <- !is.na(z) & abs(z) < z_thresh
  if (!by_pairs) inside <- inside & !rowSums(!is.na(z) & !inside)
  moments <- pairwise_moments(z, inside)
  # Fewer rows than conditions give a singular matrix, which is shrunken or repaired.
  needed <- max(2, min(ncol(z), fewest_rows))
  if (max(moments$n) < needed) {
    stop_mnmash(
      "too_few", as_typed("data"),
      " has too few rows", if (z_thresh < Inf) paste(" with all |z| <", z_thresh),
      ": two conditions share at most ", max(moments$n), ", and at least ", needed,
      " are needed", if (z_thresh < Inf) "; use more rows or a larger `z_thresh`"
    )
  }
  tell_rare_pairs(moments$n, colnames(z), nrow(z))
  moments
}

# Rows for each condition below which a correlation is mostly noise.
rows_wanted <- 5L

# `n` rows for each pair of conditions. A pair of rare conditions is told apart from this.
warn_few_rows <- function(n, z_thresh) {
  R <- ncol(n)
  if (R < 2L || stats::median(n[upper.tri(n)]) >= rows_wanted * R) return(invisible())
  warn_mnmash(
    "few", "the residual correlation of ", R, " conditions is estimated from only ", max(n),
    " rows", if (z_thresh < Inf) paste(" with |z| <", z_thresh), " (at least ", rows_wanted * R,
    " are wanted): it is mostly noise; give more rows, or use method \"corshrink\""
  )
}

tell_rare_pairs <- function(n, names, J) {
  rare <- rare_pairs(n)
  if (!any(rare)) return(invisible())
  empty <- which(diag(rare))
  pairs <- sum(rare[upper.tri(rare)])
  message(
    if (length(empty)) {
      paste0(
        "Too few usable z-scores in ", describe_index("condition", empty[1L], names),
        and_more(length(empty)), ". "
      )
    },
    pairs, " pair", if (pairs > 1) "s", " of conditions share fewer than ",
    min(fewest_rows, max(n)), " usable rows: no correlation of their own"
  )
}

by_pair_or_zero <- function(V, n) {
  rare <- rare_pairs(n)
  variances <- diag(V)
  variances[diag(rare)] <- 1
  V[rare] <- 0
  diag(V) <- variances
  V
}

# A covariance taken for a correlation matrix: its diagonal is replaced, not divided out.
with_unit_diagonal <- function(C) {
  diag(C) <- 1
  C
}

# The rows that the EM looks at, at most `n_subset`, their z-scores, and where it starts.
em_start <- function(z, rows, n_subset, init) {
  rows <- rows[rowSums(!is.na(z[rows, , drop = FALSE])) > 0]
  if (length(rows) > n_subset) rows <- rows[sort(sample.int(length(rows), n_subset))]
  z <- z[rows, , drop = FALSE]
  if (is.null(init)) {
    init <- tryCatch(
      # Where the iteration starts matters little.
      suppressWarnings(
        unname(residual_correlation(z, "simple")), classes = "mnmash_warning_few"
      ),
      mnmash_error_too_few = \(error) {
        warn_mnmash(
          "start", "starting from the identity matrix, as the simple estimate failed: ",
          conditionMessage(error)
        )
        diag(ncol(z))
      }
    )
  }
  list(rows = rows, z = z, V = init)
}

# z-scores as data; a condition without any value is let through.
z_data <- function(z) {
  mask <- if (anyNA(z)) unname(is.na(z))
  new_mash_data(z, matrix(1, nrow(z), ncol(z)), 0, diag(ncol(z)), mask, "exact")
}
