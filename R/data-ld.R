# Correlations of predictors (linkage disequilibrium), from the same or from other samples.

# A correlation matrix as list(x) (dense) or list(starts, rows, x) (sparse), with p and names:
# square, p x p, symmetric, with ones on the diagonal, for the `variants` of the statistics where
# both have names. `shrink` in [0, 1] mixes in the identity.
as_ld <- function(LD, p, variants = NULL, shrink = 0, check = TRUE, name = "LD") {
  shrink <- check_number(shrink, name = paste0(name, "_shrink"), 0, 1)
  sparse <- is_sparse(LD)
  LD <- if (sparse) compressed(LD) else as_numeric_matrix(LD, name = name)
  if (nrow(LD) != ncol(LD)) {
    stop_mnmash(
      "dimension", as_typed(name), " must have one row and one column for each predictor, not ",
      describe_dim(LD)
    )
  }
  LD <- align_square(LD, variants, p, name, "predictor")
  values <- if (sparse) LD@x else LD
  if (!all(is.finite(values))) stop_mnmash("not_finite", as_typed(name), " must be finite")
  check_ld_values(LD, sparse, name)
  if (check && shrink < 1) check_ld_psd(LD, sparse, shrink, name)
  if (shrink > 0) {
    LD <- (1 - shrink) * LD
    if (sparse) LD <- compressed(LD + shrink * Matrix::Diagonal(p)) else diag(LD) <- 1
  }
  form <- if (sparse) list(x = LD@x, starts = LD@p, rows = LD@i) else list(x = LD)
  c(form, list(p = p, names = colnames(LD), matrix = LD))
}

check_ld_values <- function(R, sparse, name) {
  diagonal <- if (sparse) Matrix::diag(R) else diag(R)
  bad <- which(abs(diagonal - 1) > 1e-6)
  if (length(bad)) {
    stop_mnmash(
      "value", as_typed(name), " must have ones on its diagonal: it is ", format(diagonal[bad[1L]]),
      " at ", describe_index("row", bad[1L], rownames(R)), and_more(length(bad)), "; see cov2cor()"
    )
  }
  difference <- if (sparse) abs(R - Matrix::t(R)) else abs(R - t(R))
  if (max(difference) > 1e-8) {
    stop_mnmash(
      "asymmetric", as_typed(name),
      " must be symmetric: its elements [i, j] and [j, i] differ by up ",
      "to ", format(max(difference), digits = 2)
    )
  }
}

# Positive semi-definite up to rounding, by a Cholesky factor of a little more.
check_ld_psd <- function(R, sparse, shrink, name, slack = 1e-6) {
  p <- nrow(R)
  factor <- try(if (sparse) {
    S <- getExportedValue("Matrix", "forceSymmetric")((1 - shrink) * R)
    Matrix::Cholesky(S, Imult = shrink + slack, LDL = FALSE, perm = TRUE)
  } else {
    chol((1 - shrink) * R + diag(shrink + slack, p))
  }, silent = TRUE)
  if (inherits(factor, "try-error")) {
    stop_mnmash(
      "not_psd", as_typed(name), " is not positive semi-definite",
      if (shrink > 0) paste0(", even with `", name, "_shrink` = ", shrink),
      ": no samples have such correlations, and a fit would diverge. Use the samples of the ",
      "study, or `", name, "_shrink`"
    )
  }
}
