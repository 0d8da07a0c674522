# Copies of learnt covariances that leave conditions out.

#' Copies of covariances without the conditions they hardly touch
#'
#' A covariance learnt from noisy effects never has an exact zero: where a pattern has no effect in
#' a condition, the estimate has a small one, correlated with the others, and claims to know its
#' sign. Most wrong calls under learnt priors come from such cells. `cov_mask()` adds what the
#' estimate cannot say: copies of each matrix in which the rows and columns of conditions with
#' little variance are exactly zero. The weights of [mash()] then choose.
#'
#' Variances are compared in units of the noise of their condition (the median of the squared
#' standard errors of its observed cells, times its variance in `V`), so that the copies are the
#' same whatever the units of the effects, and of each condition.
#'
#' @param Ulist list of R x R covariance matrices, such as `ud_fit(data)$U`; their conditions are
#'   matched to those of `data` by name.
#' @param data data from [mash_set_data()].
#' @param thresholds numbers between 0 and 1: a copy for each, without the conditions whose variance
#'   is at most this share of the largest.
#' @inheritParams shared_arguments
#'
#' @return A named list of the copies, without the matrices themselves: `<name>_mask<percent>`, such
#'   as `ud_1_mask10`. A threshold that leaves out nothing, or the same as a smaller one, has none;
#'   the list may be empty.
#' @seealso [learn_prior()], which uses it; [cov_tree()]
#' @export
#' @examples
#' data <- mash_set_data(simple_sims(nsamp = 20)$Bhat)
#' U <- diag(c(1, 0.5, 0.08, 0.02, 0))
#' lapply(cov_mask(list(pattern = U), data), diag)
cov_mask <- function(Ulist, data, thresholds = c(0.05, 0.1, 0.25), ...) {
  take_dots(...)
  check_mash_data(data)
  Ulist <- prior_matrices(
    Ulist, ncol(data$Bhat), normalize = FALSE, conditions = colnames(data$Bhat)
  )
  thresholds <- check_shares(thresholds)
  noise <- noise_variances(data)
  masked <- lapply(names(Ulist), \(name) masked_copies(Ulist[[name]], name, noise, thresholds))
  do.call(c, c(list(list()), masked))
}

masked_copies <- function(U, name, noise, thresholds) {
  variance <- diag(U) / noise
  # What differs in its last digits only is the same: copies do not depend on the unit.
  share <- signif(variance / max(variance, .Machine$double.xmin), 10)
  copies <- list()
  before <- rep(TRUE, length(share))
  for (threshold in thresholds) {
    keep <- share > threshold
    if (!any(keep) || identical(keep, before)) next
    U[!keep, ] <- 0
    U[, !keep] <- 0
    copies[[paste0(name, "_mask", format(100 * threshold))]] <- U
    before <- keep
  }
  copies
}

check_shares <- function(x, name = arg_name(x)) {
  if (!is.numeric(x) || !length(x) || anyNA(x) || any(x <= 0 | x >= 1)) {
    stop_mnmash("argument", as_typed(name), " must be numbers between 0 and 1, both excluded")
  }
  sort(unique(as.double(x)))
}
