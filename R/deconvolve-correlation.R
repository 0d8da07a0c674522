# The correlation of the errors of deconvolved effects among conditions.

# Correlations over the samples that each pair of conditions shares.
residual_correlations <- function(E) {
  E <- as.matrix(E)
  V <- stats::cor(E, use = if (anyNA(E)) "pairwise.complete.obs" else "everything")
  V[is.na(V)] <- 0 # conditions without common samples
  diag(V) <- 1
  smallest <- min(eigen(V, symmetric = TRUE, only.values = TRUE)$values)
  if (smallest > 1e-6) V else nearest_correlation(V, 1e-6)
}
