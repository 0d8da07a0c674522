# Standard errors implied by p-values and by Student's t.

# Shat = |Bhat| / z, z the normal score of the two-sided p-value.
shat_from_pval <- function(Bhat, pval) {
  pval <- as_numeric_matrix(pval)
  if (!identical(dim(pval), dim(Bhat))) {
    stop_mnmash(
      "dimension", "`pval` must have the dimensions of `Bhat` (", describe_dim(Bhat), "), not ",
      describe_dim(pval)
    )
  }
  check_finite(pval)
  bad <- which(pval <= 0 | pval >= 1)
  if (length(bad)) {
    stop_mnmash(
      "value", "`pval` must be greater than 0 and less than 1: it is ", pval[bad[1L]], " at ",
      describe_cell(Bhat, bad[1L]), and_more(length(bad)), "; give `Shat` instead"
    )
  }
  Shat <- abs(Bhat) / abs(stats::qnorm(pval / 2))
  dimnames(Shat) <- dimnames(Bhat)
  Shat
}

# Shat = Bhat / z, z the normal score of the p-value of t = Bhat / Shat with df degrees of freedom.
# In logarithms, so that no p-value is too small; by its limit where t is so near 0 that p = 1.
shat_from_t <- function(Bhat, Shat, df) {
  if (length(df) == 1L && is.numeric(df)) {
    df <- array(df, dim(Bhat))
  } else {
    df <- as_numeric_matrix(df)
  }
  if (!identical(dim(df), dim(Bhat))) {
    stop_mnmash(
      "dimension", "`df` must be one number or have the dimensions of `Bhat` (",
      describe_dim(Bhat), "), not ", describe_dim(df)
    )
  }
  bad <- which(!is.na(Bhat) & (is.na(df) | df <= 0))
  if (length(bad)) {
    stop_mnmash(
      "value", "`df` must be positive: it is ", df[bad[1L]], " at ", describe_cell(Bhat, bad[1L]),
      and_more(length(bad))
    )
  }
  cells <- which(is.finite(df) & !is.na(Bhat))
  t <- abs(Bhat[cells] / Shat[cells])
  z <- normal_score(stats::pt(-t, df[cells], log.p = TRUE))
  ratio <- stats::dnorm(0) / stats::dt(0, df[cells])
  Shat[cells] <- Shat[cells] * ifelse(t < 1e-5, ratio, t / z)
  Shat
}

# z with log Phi(-z) = log_p, for log_p as low as any double. qnorm() loses digits far in the tail
# in older versions of R, hence Newton's method there.
normal_score <- function(log_p) {
  z <- -stats::qnorm(log_p, log.p = TRUE)
  far <- which(log_p < -300)
  for (step in seq_len(3L * (length(far) > 0L))) {
    log_tail <- stats::pnorm(-z[far], log.p = TRUE)
    slope <- exp(stats::dnorm(z[far], log = TRUE) - log_tail)
    z[far] <- z[far] + (log_tail - log_p[far]) / slope
  }
  z
}
