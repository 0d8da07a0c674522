# The correlation of the errors of deconvolved effects among conditions.

# A correlation of errors among conditions that was given, in the order of the conditions.
error_correlation <- function(V, p, conditions, J) {
  if (is.data.frame(V)) V <- as.matrix(V)
  if (length(dim(V)) > 1L) V <- align_square(V, conditions, J, "V", "condition")
  check_residual_correlation(V, p, J)
}

# Correlations over the samples that each pair of conditions shares.
residual_correlations <- function(E) {
  E <- as.matrix(E)
  V <- stats::cor(E, use = if (anyNA(E)) "pairwise.complete.obs" else "everything")
  V[is.na(V)] <- 0 # conditions without common samples
  diag(V) <- 1
  smallest <- min(eigen(V, symmetric = TRUE, only.values = TRUE)$values)
  if (smallest > 1e-6) V else nearest_correlation(V, 1e-6)
}
