# Posteriors of units under priors that others taught: see the argument `folds` of learn_prior().

# `result` with posteriors of each part of the units under its own prior. `held_out` is list(fold,
# priors); `want` is list(pi_thresh, covariance, n, seed, A), as mash() has them.
held_out_posteriors <- function(data, result, held_out, want, n_threads) {
  fold <- align_vector(
    held_out$fold, rownames(data$Bhat), nrow(data$Bhat), "g$held_out$fold", "unit", more = "refuse"
  )
  for (f in seq_along(held_out$priors)) {
    rows <- which(fold == f)
    found <- mash_compute_posterior_matrices(
      held_out$priors[[f]], data_rows(data, rows), want$pi_thresh, A = want$A,
      output_posterior_cov = isTRUE(want$covariance), posterior_samples = want$n %||% 0,
      seed = (want$seed %||% 0) + f, n_threads = n_threads
    )
    # Of parts whose lfsr are not raised they are what they were.
    raised <- !is.null(found$lfsr_unmapped)
    if (raised && is.null(result$lfsr_unmapped)) result$lfsr_unmapped <- result$lfsr
    if (!raised && !is.null(result$lfsr_unmapped)) found$lfsr_unmapped <- found$lfsr
    for (what in intersect(names(found), names(result))) {
      if (what == "PosteriorCov") {
        result[[what]][, , rows] <- found[[what]]
      } else if (what == "PosteriorSamples") {
        result[[what]][rows, , ] <- found[[what]]
      } else {
        result[[what]][rows, ] <- found[[what]]
      }
    }
  }
  result
}

# The parts of a prior that was learnt with `folds`, checked.
check_held_out <- function(held_out) {
  ours <- is.list(held_out) && is.numeric(held_out$fold) && is.list(held_out$priors) &&
    all(held_out$fold %in% seq_along(held_out$priors)) &&
    all(vapply(held_out$priors, inherits, NA, "mnmash_prior"))
  if (!ours) {
    stop_mnmash(
      "type", "`g$held_out` must be a list of `fold`, the part of each unit, and `priors`, one of ",
      "each part, as learn_prior() makes it"
    )
  }
  held_out
}
