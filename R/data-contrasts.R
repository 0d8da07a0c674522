# Contrasts: effects relative to a baseline (a condition or the mean), and linear maps of effects.

#' Matrix of contrasts with a baseline
#'
#' Rows are the differences of conditions from a reference condition, or from the mean of all.
#'
#' @param R number of conditions, at least 2.
#' @param ref the baseline: number or name of a condition, or `"mean"`.
#' @param name names of the conditions.
#' @inheritParams shared_arguments
#' @return An (R - 1) x R matrix with rows named `"<condition>-<reference>"`, and attribute
#'   `"reference"`: the number of the reference, or `"mean"`. With `"mean"` the last condition's
#'   difference is left out: it is minus the sum of the others.
#' @export
#' @examples
#' contrast_matrix(3, ref = 1)
#' contrast_matrix(3, ref = "mean", name = c("a", "b", "c"))
contrast_matrix <- function(R, ref, name = 1:R, ...) {
  take_dots(...)
  R <- check_count(R)
  if (R < 2 || R > 1e4) {
    stop_mnmash("argument", "`R` must be at least 2 conditions (and at most 10000), not ", R)
  }
  if (length(name) != R) {
    stop_mnmash("dimension", "`name` must have ", R, " names, not ", length(name))
  }
  name <- as.character(name)
  ref <- reference_number(ref, R, name)
  if (identical(ref, "mean")) {
    L <- (diag(R) - 1 / R)[-R, , drop = FALSE]
    rows <- paste0(name[-R], "-mean")
  } else {
    L <- diag(R)
    L[, ref] <- L[, ref] - 1
    L <- L[-ref, , drop = FALSE]
    rows <- paste0(name[-ref], "-", name[ref])
  }
  dimnames(L) <- list(rows, name)
  structure(L, reference = ref)
}

# "mean", or the number of the reference condition.
reference_number <- function(ref, R, name) {
  if (is.atomic(ref) && length(ref) == 1L && !is.na(ref)) {
    if (is.numeric(ref) && ref %in% seq_len(R)) return(as.integer(ref))
    if (is.character(ref) && ref == "mean" && !"mean" %in% name) return("mean")
    if (is.character(ref) && ref %in% name) return(match(ref, name))
    if (identical(ref, "mean")) return("mean")
  }
  stop_mnmash(
    "argument", "`ref` must be a condition's number (1 to ", R, ") or name, or \"mean\"",
    if (is.atomic(ref) && length(ref) == 1L) paste0(", not ", format(ref))
  )
}

# Data of the differences from a baseline. They are correlated, through the baseline's error: the
# covariance of those of unit j is L S_j V S_j L'. Always with exchangeable effects (alpha = 0); of
# EZ data the differences are of z-scores.
contrast_data <- function(data, ref) {
  if (!is.null(data$L)) {
    stop_mnmash("argument", "`mashdata` are contrasts already: a reference was set before")
  }
  R <- ncol(data$Bhat)
  names <- colnames(data$Bhat)
  L <- contrast_matrix(R, ref, if (is.null(names)) 1:R else names)
  Bhat <- data$Bhat %*% t(L)
  mask <- contrast_mask(data$missing, L, rownames(data$Bhat))
  new_contrast_data(Bhat, data$Shat, data$V, L, mask, data_units(data))
}

# A difference is missing where its condition or its baseline is.
contrast_mask <- function(missing, L, units) {
  if (is.null(missing)) return(NULL)
  mask <- missing %*% (t(L) != 0) > 0
  dimnames(mask) <- NULL
  empty <- which(rowSums(mask) == ncol(mask))
  if (length(empty)) {
    stop_mnmash(
      "missing", "no contrast is observed in ", describe_index("row", empty[1L], units),
      and_more(length(empty)), ", where the baseline is missing: leave ",
      if (length(empty) > 1) "them" else "it", " out, or choose another `ref`"
    )
  }
  mask
}

new_contrast_data <- function(Bhat, Shat_orig, V, L, mask, units) {
  Shat <- contrast_sd(Shat_orig, V, L)
  dimnames(Shat) <- dimnames(Bhat)
  if (!is.null(mask)) {
    Bhat[mask] <- 0
    Shat[mask] <- 1e6
  }
  common <- length(dim(V)) == 2L
  same <- common && all(Shat_orig == rep(Shat_orig[1L, ], each = nrow(Shat_orig)))
  structure(
    list(
      Bhat = Bhat, Shat = Shat, Shat_orig = Shat_orig,
      Shat_alpha = matrix(1, nrow(Bhat), ncol(Bhat)), V = V, commonV = common, alpha = 0, L = L,
      LSVSLt = if (same) stats::cov2cor(contrast_covariance(Shat_orig[1L, ], V, L)),
      missing = mask, units = units
    ),
    class = c("mash_data", "mash")
  )
}

contrast_covariance <- function(s, V, L) L %*% (V * tcrossprod(s)) %*% t(L)

# Standard errors of the differences, J x (R - 1): with g = SVS and baseline weights c,
# var(y_k - c'y) = g_kk - 2 (gc)_k + c'gc.
contrast_sd <- function(S, V, L) {
  baseline <- baseline_weights(L)
  SC <- S * rep(baseline$weights, each = nrow(S))
  diagonal <- times_correlation(NULL, V, nrow(S))
  gc <- S * times_correlation(SC, V, nrow(S))
  variance <- S^2 * diagonal - 2 * gc + rowSums(SC * times_correlation(SC, V, nrow(S)))
  sqrt(variance[, baseline$keep, drop = FALSE])
}

# x V for each unit (row of x), or the diagonal of V if x is NULL: J x R.
times_correlation <- function(x, V, J) {
  R <- dim(V)[1L]
  common <- length(dim(V)) == 2L
  if (is.null(x)) {
    if (common) return(matrix(diag(V), J, R, byrow = TRUE))
    return(matrix(vapply(seq_len(R), \(r) V[r, r, ], numeric(J)), J))
  }
  if (common) return(x %*% V)
  out <- matrix(0, J, R)
  for (r in seq_len(R)) for (q in seq_len(R)) out[, r] <- out[, r] + x[, q] * V[q, r, ]
  out
}
