# Prior covariances from the principal components of the strongest effects.

#' Prior covariance matrices from principal components
#'
#' Takes the singular value decomposition `B = W diag(d) Y'` of the n chosen rows of the scaled
#' effects (not centred), and returns the rank-one matrices `y_k y_k'` of the first `npc` components
#' and their sum weighted by variance, `sum_k d_k^2 y_k y_k' / n`. Missing cells count as zero.
#'
#' @param data data from [mash_set_data()].
#' @param npc number of components, 1 to the number of conditions.
#' @param subset rows to use, usually the units with the strongest effects: numbers, names or a
#'   logical vector. Default: all. At least `npc` rows.
#'
#' @return A named list of `npc + 1` R x R matrices: `PCA_1`, ..., and `tPCA`.
#' @references Urbut, Wang, Carbonetto and Stephens (2019), Nature Genetics 51, 187-195.
#' @seealso [cov_canonical()], [mash()]
#' @export
#' @examples
#' sims <- simple_sims(nsamp = 20, err_sd = 0.2)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' names(cov_pca(data, npc = 2, subset = 21:80))
cov_pca <- function(data, npc, subset = NULL) {
  check_mash_data(data)
  R <- ncol(data$Bhat)
  rows <- check_subset(subset, data$Bhat)
  npc <- check_count(npc, "npc")
  if (npc > R) {
    stop_mnmash("argument", "`npc` must be at most the number of conditions, ", R, ", not ", npc)
  }
  if (length(rows) < npc) {
    stop_mnmash(
      "argument", "`subset` must pick at least `npc` = ", npc, " rows, not ", length(rows)
    )
  }
  B <- data$Bhat[rows, , drop = FALSE]
  decomposition <- svd(B, nu = 0L, nv = npc)
  Y <- decomposition$v
  rownames(Y) <- colnames(B)
  matrices <- lapply(seq_len(npc), \(k) tcrossprod(Y[, k, drop = FALSE]))
  names(matrices) <- paste0("PCA_", seq_len(npc))
  c(matrices, list(tPCA = tcrossprod(scaled_columns(Y, decomposition$d[seq_len(npc)])) / nrow(B)))
}

scaled_columns <- function(Y, d) Y * rep(d, each = nrow(Y))
