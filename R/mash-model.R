# What mash's model says of data: likelihoods, weights, posteriors, samples.

# All of it in one call of the core. With `fit` the weights of the prior are found, as it says (see
# R/mash-weights.R); otherwise they are those of `g`. A product in `g` is one of the components: of
# the units its posterior weight is `in_product`, and the `weights` of the others are for the rest.
# `want`: list(pi_thresh), and of effects, where
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
  again <- if (!is.null(g$product)) "Independent effects"
  found <- core_mash(
    "mash", data, g,
    weights = g$pi, fit = fit, task = list(
      threshold = want$pi_thresh, moments = moments, covariance = isTRUE(want$covariance),
      scale = if (effects) effect_scale(data), A = A
    ), draw = draw,
    label = c(
      again, "Likelihoods", "Posterior weights", if (moments) c("Posteriors", again),
      if (!is.null(draw)) c("Samples", again)
    ),
    then = if (!is.null(fit) && is.null(again)) "solving for the weights", n_threads = n_threads
  )
  if (!is.null(fit)) g <- with_weights(g, found$fit$pi)
  if (effects) check_active(found$likelihoods$active, g)
  c(
    list(
      pi = as.double(g$pi), product = g$product,
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

# Log-likelihoods of the units of `data` under a product, in scaled units.
product_loglik <- function(data, product, n_threads) {
  call_core(
    "product_loglik",
    measurements = core_measurements(data),
    product = list(variances = product$grid^2, weights = unname(product$pi)),
    label = "Independent effects", total = nrow(data$Bhat), n_threads = n_threads
  )
}

# log N(x_j; 0, S_j V S_j + w_l^2 U_k) in scaled units, J x P, and a column for the product.
component_loglik <- function(data, g, n_threads) {
  loglik <- loglik_matrix(data, g, n_threads)
  if (is.null(g$product)) return(loglik)
  cbind(loglik, product = product_loglik(data, g$product, n_threads))
}
