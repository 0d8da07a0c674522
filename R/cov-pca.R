# Prior covariances from the principal components of the strongest effects.

#' Prior covariance matrices from principal components
#'
#' Takes the singular value decomposition `B = W diag(d) Y'` of the n chosen rows of the scaled
#' effects (not centred), and returns the rank-one matrices `y_k y_k'` of the first `npc` components
#' and their sum weighted by variance, `sum_k d_k^2 y_k y_k' / n`. Missing cells count as zero.
#'
#' Effects have no preferred sign, which is why the decomposition is not centred. With
#' `center = TRUE` the mean of each condition over its observed units is taken out first (missing
#' cells count as the mean). With `scale = TRUE` each condition is divided by its root mean square
#' (after centring: its standard deviation), so that those with large effects or errors do not make
#' up the components alone; the matrices are brought back to the units of the effects, and `y_k` are
#' then no longer of unit length.
#'
#' @param npc number of components, 1 to the number of conditions. There must be as many rows, and
#'   at least 2 with `center`.
#' @param center,scale see above.
#' @inheritParams shared_arguments
#'
#' @return A named list of `npc + 1` R x R matrices: `PCA_1`, ..., and `tPCA`.
#' @references Urbut, Wang, Carbonetto and Stephens (2019), Nature Genetics 51, 187-195.
#' @seealso [cov_canonical()], [mash()]
#' @export
#' @examples
#' sims <- simple_sims(nsamp = 20, err_sd = 0.2)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' names(cov_pca(data, npc = 2, subset = 21:80))
cov_pca <- function(data, npc, subset = NULL, center = FALSE, scale = FALSE, ...) {
  take_dots(...)
  check_mash_data(data)
  R <- ncol(data$Bhat)
  rows <- check_subset(subset, data$Bhat)
  npc <- check_count(npc)
  check_flag(center)
  check_flag(scale)
  if (npc > R) {
    stop_mnmash("argument", "`npc` must be at most the number of conditions, ", R, ", not ", npc)
  }
  fewest <- max(npc, 1 + center)
  if (length(rows) < fewest) {
    stop_mnmash(
      "argument", "`subset` must pick at least ", if (fewest == npc) "`npc` = ", fewest,
      " rows, not ", length(rows), if (fewest > npc) ": one row cannot be centred"
    )
  }
  B <- data$Bhat[rows, , drop = FALSE]
  if (center) B <- centred(B, data$missing[rows, , drop = FALSE])
  size <- if (scale) sqrt(colMeans(B^2)) else rep(1, R)
  # A condition without effects stays without.
  size[size == 0] <- 1
  decomposition <- svd(B / rep(size, each = nrow(B)), nu = 0L, nv = npc)
  Y <- decomposition$v * size
  rownames(Y) <- colnames(B)
  matrices <- lapply(seq_len(npc), \(k) tcrossprod(Y[, k, drop = FALSE]))
  names(matrices) <- paste0("PCA_", seq_len(npc))
  c(matrices, list(tPCA = tcrossprod(scaled_columns(Y, decomposition$d[seq_len(npc)])) / nrow(B)))
}

# Each column less its mean over the cells that are observed, 0 in the others.
centred <- function(B, missing) {
  observed <- if (is.null(missing)) matrix(1, nrow(B), ncol(B)) else 1 - missing
  means <- colSums(B * observed) / pmax(colSums(observed), 1)
  (B - rep(means, each = nrow(B))) * observed
}
