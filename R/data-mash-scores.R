# Standard errors implied by p-values and by Student's t.

# Shat = |Bhat| / z, z the normal score of the two-sided p-value. A p-value of 1 is a standard error
# without limit, which is to say a cell of which nothing is known: list(Bhat, Shat) with these NA.
shat_from_pval <- function(Bhat, pval) {
  pval <- like_bhat(pval, Bhat, "pval")
  check_finite(pval)
  bad <- which(pval <= 0 | pval > 1)
  if (length(bad)) {
    stop_mnmash(
      "value", as_typed("pval"), " must be greater than 0 and not above 1: it is ", pval[bad[1L]],
      " at ",
      describe_cell(Bhat, bad[1L]), and_more(length(bad)), "; give ", as_typed("Shat"), " instead"
    )
  }
  one <- which(pval == 1)
  if (length(one)) {
    tell_once(
      length(one), " p-values are 1, which says nothing of the effect: these cells count as missing"
    )
    Bhat[one] <- pval[one] <- NA
  }
  Shat <- abs(Bhat) / abs(stats::qnorm(pval / 2))
  dimnames(Shat) <- dimnames(Bhat)
  list(Bhat = Bhat, Shat = Shat)
}

# Shat = Bhat / z, z the normal score of the p-value of t = Bhat / Shat with df degrees of freedom.
# In logarithms, so that no p-value is too small; by its limit where t is so near 0 that p = 1.
shat_from_t <- function(Bhat, Shat, df) {
  df <- like_bhat(df, Bhat, "df")
  bad <- which(!is.na(Bhat) & (is.na(df) | df < 0.01))
  if (length(bad)) {
    stop_mnmash(
      "value", as_typed("df"), " must be at least 0.01: it is ", df[bad[1L]], " at ",
      describe_cell(Bhat, bad[1L]),
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
