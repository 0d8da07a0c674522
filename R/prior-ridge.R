# Small multiples of the identity (in units of the noise) added to singular prior covariances.

#' Add a ridge to prior covariances
#'
#' Under a singular covariance the effects of a unit lie in a subspace: under one of rank one, `u
#' u'`, they are a multiple of `u`, so that evidence for an effect in one condition is evidence for
#' the sign in all others, however small their entries of `u`. Local false sign rates are then too
#' small where the direction is only nearly right (such covariances come from [cov_pca()], and from
#' [cov_ed()] started there: extreme deconvolution never changes the directions of a rank-one
#' matrix). A ridge lets every condition have a small effect of its own.
#'
#' With `ridge = "relative"` condition `r` gets `size` times the variance of its noise, the median
#' of the squared standard errors over the units; so the result does not depend on the units in
#' which the effects of a condition are measured. On z-scores this is what mashr adds, `I /
#' sqrt(n)`. `"mashr"` adds `size` times the identity whatever the units.
#'
#' @param Ulist list of R x R covariance matrices, or one.
#' @param data data from [mash_set_data()], whose noise is meant.
#' @param ridge `"relative"`, `"mashr"` or `"none"`.
#' @param size how much: default `1 / sqrt(n)`.
#' @inheritParams shared_arguments
#'
#' @return `Ulist` with the ridge added to each matrix.
#' @references Issue 91 of mashr (false positives under rank-one covariances).
#' @seealso [cov_ed()]
#' @export
#' @examples
#' sims <- simple_sims(nsamp = 25, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' round(add_ridge(cov_canonical(data)$equal_effects, data)[1:2, 1:2], 3)
add_ridge <- function(Ulist, data, subset = NULL, ridge = c("relative", "mashr", "none"),
                      size = NULL, ...) {
  take_dots(...)
  ridge <- match_choice(ridge, c("relative", "mashr", "none"))
  if (ridge == "none") return(Ulist)
  check_mash_data(data)
  rows <- check_subset(subset, data$Bhat)
  size <- if (is.null(size)) 1 / sqrt(length(rows)) else check_number(size, 0)
  R <- ncol(data$Bhat)
  added <- diag(size * if (ridge == "mashr") rep(1, R) else noise_variances(data, rows), R)
  single <- !is.list(Ulist)
  matrices <- if (single) list(U = Ulist) else name_matrices(Ulist, "Ulist")
  matrices <- align_matrices(matrices, colnames(data$Bhat), "Ulist")
  out <- lapply(seq_along(matrices), \(k) {
    where <- paste0("`Ulist`", if (!single) paste0(": matrix ", k))
    prior_matrix(matrices[[k]], R, FALSE, where) + added
  })
  if (single) return(out[[1L]])
  attributes(out) <- attributes(Ulist)
  out
}

# The median variance of the noise of each condition, over the units that have it.
noise_variances <- function(data, rows = seq_len(nrow(data$Bhat))) {
  S <- data$Shat[rows, , drop = FALSE]^2
  if (is.null(data$L)) {
    diagonal <- if (length(dim(data$V)) == 3L) {
      t(apply(data$V[, , rows, drop = FALSE], 3L, diag))
    } else {
      rep(diag(data$V), each = length(rows))
    }
    S <- S * as.vector(diagonal)
  }
  if (!is.null(data$missing)) S[data$missing[rows, , drop = FALSE]] <- NA
  found <- apply(S, 2L, stats::median, na.rm = TRUE)
  # A condition that none of these units has: the middle of the others.
  found[is.na(found)] <- stats::median(found, na.rm = TRUE)
  unname(found)
}

# Warns of matrices that tie the effects of several conditions together without leave.
warn_rank_one <- function(Ulist, name = "Ulist") {
  tied <- vapply(Ulist, \(U) sum(diag(U) > 0) > 1 && covariance_rank(U) == 1, NA)
  if (any(tied)) {
    names <- if (is.null(names(Ulist))) which(tied) else names(Ulist)[tied]
    shown <- utils::head(names, 5L)
    warn_mnmash(
      "rank_one", as_typed(name), " has ", length(names), if (length(names) > 1) " matrices" else
        " matrix", " of rank one (", paste(shown, collapse = ", "),
      if (length(names) > 5L) ", ...", "): under such a matrix the effect in one condition fixes ",
      "those in all others, and local false sign rates are too small where it is not exactly ",
      "right; see add_ridge()"
    )
  }
  invisible(Ulist)
}

# The rank of a covariance, whatever the units of the conditions.
covariance_rank <- function(U, tol = 1e-8) {
  keep <- diag(U) > 0
  if (!any(keep)) return(0L)
  sd <- sqrt(diag(U)[keep])
  values <- eigen(
    U[keep, keep, drop = FALSE] / tcrossprod(sd), symmetric = TRUE, only.values = TRUE
  )$values
  sum(values > tol * values[1L])
}
