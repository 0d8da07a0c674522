#' Sharing of effects between pairs of conditions
#'
#' For each pair of conditions, over the units significant in at least one of them: the share whose
#' posterior means have the same sign and are within a factor of each other in size, that is
#' `factor < mean_a / mean_b < 1 / factor`.
#'
#' `get_pairwise_sharing_from_samples()` has the posterior samples of the effects in place of their
#' means, and averages over them: it counts what the data leave open. Ratios that are 0 / 0 count as
#' not shared there.
#'
#' @param m a fit from [mash()] with posteriors, or with `posterior_samples`.
#' @param factor how near the effects must be: 0.5 means within a factor of two, 0 the same sign.
#' @param lfsr_thresh a unit is significant in a condition when its lfsr is below this.
#' @param FUN function applied to the posterior means (or samples) of a condition, element by
#'   element; `abs` to ignore signs.
#' @inheritParams shared_arguments
#'
#' @return A symmetric R x R matrix of shares; `NaN` for a pair without significant units, `NA`
#'   where a ratio is 0 / 0.
#' @references Urbut, Wang, Carbonetto and Stephens (2019), Nature Genetics 51, 187-195.
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 20, err_sd = 0.3)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), verbose = FALSE)
#' round(get_pairwise_sharing(m), 2)
#' m <- mash(data, g = m$fitted_g, fixg = TRUE, posterior_samples = 200, verbose = FALSE)
#' round(get_pairwise_sharing_from_samples(m), 2)
get_pairwise_sharing <- function(m, factor = 0.5, lfsr_thresh = 0.05, FUN = identity, ...) {
  take_dots(...)
  pm <- get_pm(m)
  lfsr <- get_lfsr(m)
  factor <- check_number(factor, 0)
  lfsr_thresh <- check_number(lfsr_thresh)
  conditions <- colnames(pm)
  if (!identical(FUN, identity)) {
    check_function(FUN)
    for (r in seq_len(ncol(pm))) pm[, r] <- check_transformed(FUN(pm[, r]), nrow(pm))
  }
  sharing <- call_core(
    "pairwise_sharing",
    posterior = list(mean = pm, lfsr = lfsr),
    control = list(factor = factor, lfsr_thresh = lfsr_thresh), n_threads = resolve_threads()
  )
  dimnames(sharing) <- if (!is.null(conditions)) list(conditions, conditions)
  sharing
}

#' @rdname get_pairwise_sharing
#' @export
get_pairwise_sharing_from_samples <- function(m, factor = 0.5, lfsr_thresh = 0.05,
                                              FUN = identity, ...) {
  take_dots(...)
  samples <- get_samples(m)
  lfsr <- get_lfsr(m)
  factor <- check_number(factor, 0)
  lfsr_thresh <- check_number(lfsr_thresh)
  if (!identical(FUN, identity)) {
    check_function(FUN)
    size <- dim(samples)[1L] * dim(samples)[3L]
    for (r in seq_len(ncol(lfsr))) {
      samples[, r, ] <- check_transformed(FUN(samples[, r, ]), size)
    }
  }
  sharing <- call_core(
    "sampled_sharing",
    posterior = list(samples = samples, lfsr = lfsr),
    control = list(factor = factor, lfsr_thresh = lfsr_thresh),
    label = "Sharing", total = ncol(lfsr) * dim(samples)[3L], n_threads = resolve_threads()
  )
  conditions <- colnames(lfsr)
  dimnames(sharing) <- if (!is.null(conditions)) list(conditions, conditions)
  sharing
}

check_transformed <- function(x, n) {
  if (!(is.numeric(x) || is.logical(x)) || length(x) != n) {
    stop_mnmash("type", "`FUN` must return as many numbers as it is given, ", n, ", not ",
                length(x), " of class ", class(x)[1L])
  }
  as.double(x)
}
