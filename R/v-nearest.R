# The nearest correlation matrix with eigenvalues of at least `smallest` (Higham 2002).
nearest_correlation <- function(A, smallest) {
  nearest <- call_core(
    "nearest_correlation", v = as_doubles(A), control = list(smallest = smallest)
  )
  dimnames(nearest) <- dimnames(A)
  nearest
}

# Correlations estimated one by one need not fit together: the nearest ones that do, at the same
# variances, with a message.
repair_correlation <- function(V, smallest = 1e-3) {
  if (nrow(V) < 2L) return(V)
  found <- call_core(
    "repair_correlation", v = as_doubles(V), control = list(smallest = smallest)
  )
  if (found$lowest >= smallest) return(V)
  message(
    "The pairwise correlations are not positive definite (smallest eigenvalue ",
    format(found$lowest, digits = 3), singular_pair(V, "condition"), "): using the nearest matrix ",
    "with eigenvalues of at least ", smallest
  )
  dimnames(found$V) <- dimnames(V)
  found$V
}
