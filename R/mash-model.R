# What mash's model says of data: likelihoods, weights, posteriors, samples.

# All of it in one call of the core. With `fit` the weights of the prior are found, as it says (see
# R/mash-weights.R); otherwise they are those of `g`. `want`: list(pi_thresh), and of effects, where
# `moments` of them or `n` samples are wanted, covariance, A, seed and `before`, the units that come
# before these. A list of pi, convergence, the likelihoods and posterior weights of the units, and
# `result` (the moments) and `samples`.
mash_model <- function(data, g, want, n_threads, fit = NULL) {
  moments <- isTRUE(want$moments)
  draw <- if (isTRUE(want$n > 0)) {
    list(n = want$n, seed = want$seed, first = 1 + (want$before %||% 0))
  }
  effects <- moments || !is.null(draw)
  A <- if (effects) output_map(data, want$A)
  found <- core_mash(
    "mash", data, g,
    weights = g$pi, fit = fit, task = list(
      threshold = want$pi_thresh, moments = moments, covariance = isTRUE(want$covariance),
      scale = if (effects) effect_scale(data), A = A
    ), draw = draw,
    label = c(
      "Likelihoods", "Posterior weights", if (moments) "Posteriors",
      if (!is.null(draw)) "Samples"
    ),
    then = if (!is.null(fit)) "solving for the weights", n_threads = n_threads
  )
  if (!is.null(fit)) g$pi <- found$fit$pi
  if (effects) check_active(found$likelihoods$active, g)
  c(
    list(
      pi = as.double(g$pi),
      convergence = if (!is.null(fit)) ending(found$fit, c("objective", "kkt"))
    ),
    found$likelihoods,
    list(
      result = if (moments) named_moments(found$moments, data, A),
      samples = if (!is.null(draw)) {
        `dimnames<-`(found$samples, sample_names(data, want$n, A))
      }
    )
  )
}

# The posterior matrices, with mashr's names.
named_moments <- function(found, data, A) {
  names <- c(
    mean = "PosteriorMean", sd = "PosteriorSD", lfdr = "lfdr", negative = "NegativeProb",
    lfsr = "lfsr", positive = "PositiveProb",
    covariance = if (!is.null(found$covariance)) "PosteriorCov"
  )
  result <- stats::setNames(found[names(names)], names)
  rm(found)
  units <- rownames(data$Bhat)
  conditions <- names_of_effects(data, A)
  if (is.null(units) && is.null(conditions)) return(result)
  # In place: these may be large.
  for (i in 1:6) dimnames(result[[i]]) <- list(units, conditions)
  if (!is.null(result$PosteriorCov)) {
    dimnames(result$PosteriorCov) <- list(conditions, conditions, units)
  }
  result
}

names_of_effects <- function(data, A) if (is.null(A)) colnames(data$Bhat) else rownames(A)

sample_names <- function(data, n_samples, A) {
  list(rownames(data$Bhat), names_of_effects(data, A), paste0("sample_", seq_len(n_samples)))
}

check_active <- function(active, g) {
  if (!length(active)) {
    stop_mnmash(
      "argument", "`pi_thresh` leaves no component: the largest weight is ", format(max(g$pi))
    )
  }
}
