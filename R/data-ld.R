# Correlations of predictors (linkage disequilibrium), from the same or from other samples.

# How far correlations from files may be from a correlation matrix. Half precision rounds to 5e-4;
# `asymmetry` and `diagonal` are differences of elements, `rounding` is not worth a word, and
# `negative` is the eigenvalue that such rounding gives some thousands of predictors.
ld_tolerance <- list(asymmetry = 1e-3, diagonal = 1e-3, rounding = 1e-8, negative = 0.05)

# A correlation matrix as list(x) (dense) or list(starts, rows, x) (sparse), with p and names:
# square, p x p, symmetric, with ones on the diagonal, for the `variants` of the statistics where
# both have names. `shrink` in [0, 1] mixes in the identity.
as_ld <- function(LD, p, variants = NULL, shrink = 0, check = TRUE, name = "LD") {
  shrink <- check_number(shrink, name = paste0(name, "_shrink"), 0, 1)
  sparse <- is_sparse(LD)
  LD <- if (sparse) compressed(LD, name) else as_numeric_matrix(LD, name = name)
  if (nrow(LD) != ncol(LD)) {
    stop_mnmash(
      "dimension", as_typed(name), " must have one row and one column for each predictor, not ",
      describe_dim(LD)
    )
  }
  LD <- align_square(LD, variants, p, name, "predictor")
  values <- if (sparse) LD@x else LD
  if (!all(is.finite(values))) stop_mnmash("not_finite", as_typed(name), " must be finite")
  LD <- symmetric_ld(LD, name)
  remedy <- paste0(
    ": use the samples of the study, `", name, "_shrink`, or the repaired matrix of qc_sumstats()"
  )
  if (check && shrink < 1) {
    slack <- (1e-6 + shrink) / (1 - shrink)
    LD <- (if (sparse) check_sparse_ld else usable_ld)(LD, slack, name, remedy)
  }
  if (shrink > 0) {
    LD <- (1 - shrink) * LD
    if (sparse) LD <- compressed(LD + shrink * Matrix::Diagonal(p)) else diag(LD) <- 1
  }
  form <- if (sparse) list(x = LD@x, starts = LD@p, rows = LD@i) else list(x = LD)
  c(form, list(p = p, names = colnames(LD), matrix = LD))
}

# The mean of the matrix and its transpose, with ones on the diagonal, where what it takes is small
# enough to be the rounding of a file; that is said. As it is where there is nothing to do.
symmetric_ld <- function(LD, name = "LD", kind = "predictor") {
  sparse <- is_sparse(LD)
  diagonal <- if (sparse) Matrix::diag(LD) else diag(LD)
  off <- abs(diagonal - 1)
  bad <- which(off > ld_tolerance$diagonal)
  if (length(bad)) {
    stop_mnmash(
      "value", as_typed(name), " must have ones on its diagonal, as correlations have: it is ",
      format(diagonal[bad[1L]]), " at ", describe_index(kind, bad[1L], rownames(LD)),
      and_more(length(bad)), "; see cov2cor()"
    )
  }
  if (max(off) > 1e-6) {
    if (sparse) LD <- LD + Matrix::Diagonal(x = 1 - diagonal) else diag(LD) <- 1
  }
  at <- if (!sparse) call_core("asymmetry", x = LD)
  if (!sparse && is.null(at)) return(LD)
  difference <- if (sparse) max(abs(LD - Matrix::t(LD))) else max(abs(LD - t(LD)))
  if (difference <= ld_tolerance$rounding) return(LD)
  if (difference > ld_tolerance$asymmetry) {
    stop_mnmash(
      "asymmetric", as_typed(name), " must be symmetric: its elements [i, j] and [j, i] differ by ",
      "up to ", format(difference, digits = 2),
      if (!is.null(at)) paste0(", as at ", describe_cell(LD, at)),
      "; if both are right, give the mean of the matrix and its transpose"
    )
  }
  tell_once(
    as_typed(name), ": elements [i, j] and [j, i], which differ by up to ",
    format(difference, digits = 2), ", are replaced by their means"
  )
  if (sparse) compressed((LD + Matrix::t(LD)) / 2, name) else (LD + t(LD)) / 2
}

# Correlations without eigenvalues below `-slack`: as they are, or with negative ones set to zero
# where these are small enough to be rounding, which is said.
usable_ld <- function(LD, slack, name = "LD", remedy = "") {
  found <- call_core("repair_ld", x = LD, control = list(slack = slack))
  if (is.null(found)) return(LD)
  least <- format(found$least, digits = 2)
  if (found$least < -ld_tolerance$negative) stop_not_psd(name, least, remedy)
  tell_once(
    as_typed(name), ": its smallest eigenvalue is ", least, ", by rounding perhaps; negative ones ",
    "are set to zero, which moves elements by up to ", format(max(abs(found$LD - LD)), digits = 2)
  )
  dimnames(found$LD) <- dimnames(LD)
  found$LD
}

# The same of a sparse matrix, which cannot be repaired and stay sparse.
check_sparse_ld <- function(LD, slack, name, remedy) {
  S <- getExportedValue("Matrix", "forceSymmetric")(LD)
  factor <- try(Matrix::Cholesky(S, Imult = slack, LDL = FALSE, perm = TRUE), silent = TRUE)
  if (inherits(factor, "try-error")) stop_not_psd(name, NULL, remedy)
  LD
}

stop_not_psd <- function(name, least, remedy) {
  stop_mnmash(
    "not_psd", as_typed(name), " is not positive semi-definite",
    if (!is.null(least)) paste0(": its smallest eigenvalue is ", least),
    "; no samples have such correlations, and a fit would diverge", remedy
  )
}
