# Data of which some conditions were not measured at all: useless for a fit, which mash_set_data()
# therefore refuses, but good for posteriors under a prior that is given.

# As mash_set_data(); conditions without any value are missing in all units.
data_with_unobserved <- function(Bhat, Shat, V, alpha) {
  V <- data_correlation(V, Bhat)
  some <- colSums(!is.na(Bhat)) > 0
  if (all(some)) return(mash_set_data(Bhat, Shat, V = V, alpha = alpha))
  if (!any(some)) stop_mnmash("missing", as_typed("Bhat"), " has no observed value")
  part <- mash_set_data(
    Bhat[, some, drop = FALSE], if (is.matrix(Shat)) Shat[, some, drop = FALSE] else Shat,
    V = if (length(dim(V)) == 3L) V[some, some, , drop = FALSE] else V[some, some, drop = FALSE],
    alpha = alpha
  )
  wide <- function(x, fill) {
    out <- matrix(fill, nrow(Bhat), length(some), dimnames = list(rownames(x), colnames(Bhat)))
    out[, some] <- x
    out
  }
  missing <- if (is.null(part$missing)) matrix(FALSE, nrow(Bhat), sum(some)) else part$missing
  part$missing <- unname(wide(missing, TRUE))
  part$Bhat <- wide(part$Bhat, 0)
  part$Shat <- wide(part$Shat, 1e6)
  part$Shat_alpha <- wide(part$Shat_alpha, 1)
  part$V <- data_correlation(V, Bhat)
  part
}
