# Residual correlations that are known.

# A given V, for the conditions of the data.
usable_vhat <- function(V, conditions) {
  if (is.data.frame(V)) V <- as.matrix(V)
  if (!is.numeric(V) || !length(dim(V)) %in% 2:3) {
    stop_mnmash(
      "type", as_typed("V"), " must be a matrix, or an array with a matrix for each unit, not ",
      class(V)[1L]
    )
  }
  if (dim(V)[1L] != dim(V)[2L]) {
    stop_mnmash("dimension", as_typed("V"), " must be square, not ", describe_dim(V))
  }
  R <- length(conditions)
  V <- name_margins(align_square(V, conditions, R, "V", "condition"), conditions)
  check_residual_correlation(V, dim(V)[3L], R)
}

# The mean of several, of each pair of conditions over those that have both; zero if none has.
pooled_correlation <- function(correlations, conditions) {
  sum <- n <- matrix(
    0, length(conditions), length(conditions), dimnames = list(conditions, conditions)
  )
  for (V in correlations) {
    at <- colnames(V)
    sum[at, at] <- sum[at, at] + V
    n[at, at] <- n[at, at] + 1
  }
  V <- sum / pmax(n, 1)
  diag(V) <- 1
  if (all(n == n[1L])) V else repair_correlation(V)
}
