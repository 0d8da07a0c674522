# The nearest correlation matrix (Higham 2002).
#
# Alternating projections between the symmetric matrices with eigenvalues of at least `smallest`
# and those with a unit diagonal, with Dykstra's correction for the first, converge to the matrix in
# both sets that is nearest in the Frobenius norm.

nearest_correlation <- function(A, smallest, tol = 1e-9, max_iter = 1000) {
  correction <- 0
  Y <- A
  for (i in seq_len(max_iter)) {
    before <- Y
    target <- Y - correction
    X <- raise_eigenvalues(target, smallest)
    correction <- X - target
    Y <- X
    diag(Y) <- 1
    if (max(abs(Y - before)) <= tol) break
  }
  # What is left of the eigenvalues' bound after the last projection, made good by mixing with the
  # identity, which keeps the diagonal.
  lowest <- min(eigen(Y, symmetric = TRUE, only.values = TRUE)$values)
  if (lowest < smallest) {
    share <- (smallest - lowest) / (1 - lowest)
    Y <- (1 - share) * Y + diag(share, nrow(Y))
  }
  Y
}

raise_eigenvalues <- function(A, smallest) {
  decomposition <- eigen((A + t(A)) / 2, symmetric = TRUE)
  values <- pmax(decomposition$values, smallest) - smallest
  X <- tcrossprod(scaled_columns(decomposition$vectors, sqrt(values)))
  diag(X) <- diag(X) + smallest
  X
}

# Correlations estimated one by one need not fit together: the nearest ones that do, at the same
# variances, with a message.
repair_correlation <- function(V, smallest = 1e-3) {
  if (nrow(V) < 2L) return(V)
  scale <- sqrt(diag(V))
  C <- V / tcrossprod(scale)
  lowest <- min(eigen(C, symmetric = TRUE, only.values = TRUE)$values)
  if (lowest >= smallest) return(V)
  message(
    "The pairwise correlations are not positive definite (smallest eigenvalue ",
    format(lowest, digits = 3), "): using the nearest matrix with eigenvalues of at least ",
    smallest
  )
  repaired <- nearest_correlation(C, smallest) * tcrossprod(scale)
  dimnames(repaired) <- dimnames(V)
  repaired
}
