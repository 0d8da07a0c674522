# Checks of the residual correlation V: dimensions, symmetry, positive definiteness.

check_residual_correlation <- function(V, J, R) {
  if (is.data.frame(V)) V <- as.matrix(V)
  if (R == 1L && is.null(dim(V)) && length(V) == 1L) V <- matrix(V)
  if (!is.numeric(V)) stop_mnmash("type", "`V` must be numeric, not ", class(V)[1L])
  common <- length(dim(V)) == 2L
  expected <- if (common) c(R, R) else c(R, R, J)
  if (!identical(as.double(dim(V)), as.double(expected))) {
    stop_mnmash(
      "dimension", "`V` must be ", R, " x ", R, ", or ", R, " x ", R, " x ", J,
      " when it differs by unit, not ", describe_dim(V)
    )
  }
  if (!is.double(V)) storage.mode(V) <- "double"
  bad <- which(!is.finite(V))
  if (length(bad)) {
    where <- slice_of(bad[1L], R, common)
    stop_mnmash("not_finite", "`V` must be finite: it is ", V[bad[1L]], where)
  }
  check_symmetric(V, R, common)
  singular <- if (common) first_singular(array(V, c(R, R, 1L))) else first_singular(V)
  if (singular) {
    slice <- if (common) V else matrix(V[, , singular], R)
    smallest <- min(eigen(slice, symmetric = TRUE, only.values = TRUE)$values)
    stop_mnmash(
      "not_psd", "`V` must be positive definite: its smallest eigenvalue",
      if (!common) paste0(" in slice ", singular), " is ", format(smallest, digits = 4)
    )
  }
  V
}

# " in slice 4" for a position in an array, nothing for a common V.
slice_of <- function(position, R, common) {
  if (common) "" else paste0(" in slice ", (position - 1) %/% (R * R) + 1)
}

check_symmetric <- function(V, R, common) {
  transposed <- if (common) t(V) else aperm(V, c(2L, 1L, 3L))
  bad <- which(abs(V - transposed) > 1e-8 * max(abs(V)))
  if (length(bad)) {
    at <- (bad[1L] - 1) %% (R * R)
    stop_mnmash(
      "asymmetric", "`V` must be symmetric: its elements (", at %% R + 1, ", ", at %/% R + 1,
      ") and (", at %/% R + 1, ", ", at %% R + 1, ") differ", slice_of(bad[1L], R, common)
    )
  }
}

# The first slice that is not positive definite, or 0. Cholesky's recursion on whole vectors of
# slices: a million small matrices need no loop over them.
first_singular <- function(V, block = 4096L) {
  J <- dim(V)[3L]
  for (start in seq(1L, J, by = block)) {
    slices <- start:min(J, start + block - 1L)
    bad <- which(!positive_definite(V[, , slices, drop = FALSE]))
    if (length(bad)) return(slices[bad[1L]])
  }
  0L
}

positive_definite <- function(V) {
  R <- dim(V)[1L]
  good <- rep(TRUE, dim(V)[3L])
  L <- vector("list", R * R)
  for (c in seq_len(R)) {
    for (r in c:R) {
      entry <- V[r, c, ]
      for (m in seq_len(c - 1L)) {
        entry <- entry - L[[r + R * (m - 1L)]] * L[[c + R * (m - 1L)]]
      }
      if (r == c) {
        good <- good & entry > 1e-14 * V[r, r, ]
        pivot <- sqrt(pmax(entry, .Machine$double.xmin))
        L[[r + R * (c - 1L)]] <- pivot
      } else {
        L[[r + R * (c - 1L)]] <- entry / pivot
      }
    }
  }
  good
}
