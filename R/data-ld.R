# Correlations of predictors (linkage disequilibrium), from the same or from other samples.

# A correlation matrix as list(x) (dense) or list(starts, rows, x) (sparse), with p and names:
# square, p x p, symmetric, with ones on the diagonal. `shrink` in [0, 1] mixes in the identity.
as_ld <- function(R, p, shrink = 0, check = TRUE, name = "R") {
  shrink <- check_number(shrink, name = paste0(name, "_shrink"), 0, 1)
  sparse <- is_sparse(R)
  if (sparse) {
    R <- compressed(R)
    values <- R@x
  } else {
    R <- as_numeric_matrix(R, name = name)
    values <- R
  }
  if (!identical(dim(R), c(p, p) + 0L)) {
    stop_mnmash(
      "dimension", "`", name, "` must be ", p, " x ", p,
      ", one row and column for each predictor, not ", describe_dim(R)
    )
  }
  if (!all(is.finite(values))) stop_mnmash("not_finite", "`", name, "` must be finite")
  check_ld_values(R, sparse, name)
  if (check && shrink < 1) check_ld_psd(R, sparse, shrink, name)
  if (shrink > 0) {
    R <- (1 - shrink) * R
    if (sparse) R <- compressed(R + shrink * Matrix::Diagonal(p)) else diag(R) <- 1
  }
  form <- if (sparse) list(x = R@x, starts = R@p, rows = R@i) else list(x = R)
  c(form, list(p = p, names = colnames(R), matrix = R))
}

check_ld_values <- function(R, sparse, name) {
  diagonal <- if (sparse) Matrix::diag(R) else diag(R)
  bad <- which(abs(diagonal - 1) > 1e-6)
  if (length(bad)) {
    stop_mnmash(
      "value", "`", name, "` must have ones on its diagonal: it is ", format(diagonal[bad[1L]]),
      " at ", describe_index("row", bad[1L], rownames(R)), and_more(length(bad)), "; see cov2cor()"
    )
  }
  difference <- if (sparse) abs(R - Matrix::t(R)) else abs(R - t(R))
  if (max(difference) > 1e-8) {
    stop_mnmash(
      "asymmetric", "`", name, "` must be symmetric: R[i, j] and R[j, i] differ by up to ",
      format(max(difference), digits = 2)
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
      "not_psd", "`", name, "` is not positive semi-definite",
      if (shrink > 0) paste0(", even with `", name, "_shrink` = ", shrink),
      ": no samples have such correlations, and a fit would diverge. Use the samples of the ",
      "study, or `", name, "_shrink`"
    )
  }
}
