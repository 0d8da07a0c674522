# Many small effects behind the sparse ones.

#' @section Background:
#' `background = "infinitesimal"` adds to the model many small effects of all variables, `X G`, with
#' rows of `G` that are `N(0, Omega / p)`: `Y = X (b_1 + ... + b_L) + X G + E`. Without it a
#' polygenic part becomes sparse effects, confidently and in wrong places. Omega (R x R) is
#' estimated together with V, or beside a known one, by the bound on the likelihood with G
#' integrated out: of one condition the two are profiled, of several they take steps of expectation
#' maximisation after every sweep. All is done in the eigenbasis of `X'X` or `LD`, where direction i
#' of the residuals has covariance `V + D_i Omega / p`. The fit starts once from the effects that
#' are found without a background, and once without effects, where the background comes first; what
#' has the higher ELBO is kept, and if neither is above that without a background, there is none.
#'
#' `background` of the fit is then a list of `Omega` (the covariance of a sample's `X G`, in the
#' units of the outcomes; of z-scores, of outcomes of variance one), `share` (R: that of the
#' variance which effects leave), `effects` (p x R posterior means of `G`, which are part of `coef`)
#' and `gain`: of the ELBO. What is gained in reliability is lost in power: next to strong LD, small
#' and sparse effects are hard to tell apart, most of all in one condition. Use it where `gain` is
#' beyond a few units, or a polygenic part is known. The decomposition costs O(p^3), and each visit
#' O(m p R) for m eigenvalues above zero (relatively to their mean above 1e-8 of samples, 1e-4 of
#' correlations, 1e-3 with `LD_samples`). It needs complete outcomes. The bound is that of Cui et
#' al. (2024), but for V and Omega, which are R x R here and not moments. A background of many
#' effects that are larger than infinitesimal (adaptive shrinkage) is not offered: in simulations
#' with 2 and 6% of the variance it gave no fewer false sets than no background.
#' @name finemap
#' @rdname finemap
NULL

# The eigenvalues of correlations that count as zero; NULL without a background.
background_least <- function(background, data, compat) {
  if (background == "none") return(NULL)
  if (!is.null(compat)) {
    stop_mnmash("argument", "`background` has no use with `compat`")
  }
  if (data$kind == "rows" && anyNA(data$Y)) {
    stop_mnmash("argument", "`background` needs outcomes without missing values in `Y`")
  }
  if (data$kind != "sumstats") 1e-8 else if (is.null(data$LD_samples)) 1e-4 else 1e-3
}

# What a fit has beside its effects. Omega of z-scores with differing n is of these: their
# expectations are sqrt(n_r - 1) times effects.
finemap_background <- function(found, data, V) {
  beside <- found$fit$background
  if (is.null(beside)) return(NULL)
  Omega <- beside$covariance
  if (data$kind == "sumstats" && length(data$n) != 1L) {
    unit <- if (is.null(data$n)) 1 else 1 / sqrt(rep_len(data$n, data$R) - 1)
    Omega <- Omega * tcrossprod(rep_len(unit, data$R))
  }
  known <- data$kind != "sumstats" || !is.null(data$n)
  list(
    Omega = `dimnames<-`(Omega, dimnames(V)),
    share = if (known) diag(Omega) / (diag(Omega) + diag(V)), effects = found$background,
    gain = beside$gain
  )
}
