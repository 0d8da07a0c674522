# The nearest correlation matrix with eigenvalues of at least `smallest` (Higham 2002).
nearest_correlation <- function(A, smallest) {
  nearest <- from_rust(rust_nearest_correlation(as_doubles(A), smallest))
  dimnames(nearest) <- dimnames(A)
  nearest
}

# Correlations estimated one by one need not fit together: the nearest ones that do, at the same
# variances, with a message.
repair_correlation <- function(V, smallest = 1e-3) {
  if (nrow(V) < 2L) return(V)
  found <- from_rust(rust_repair_correlation(as_doubles(V), smallest))
  if (found$lowest >= smallest) return(V)
  message(
    "The pairwise correlations are not positive definite (smallest eigenvalue ",
    format(found$lowest, digits = 3), "): using the nearest matrix with eigenvalues of at least ",
    smallest
  )
  dimnames(found$V) <- dimnames(V)
  found$V
}
