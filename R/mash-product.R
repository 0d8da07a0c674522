# Effects that are independent between conditions, as one more component of a learnt prior.
#
# A mixture of normals in R dimensions cannot have exact zeros in any combination of conditions; a
# product of spikes and slabs, b_r ~ sum_l pi_lr N(0, w_l^2) for each condition r, does nothing
# else. `g$product` is list(weight, grid, pi): the weight of the component, which with those of
# `g$pi` sums to 1, and for each condition the weights of the scales, 0 first, in a column of `pi`.
# Log-likelihoods under it are exact where errors are independent, and else a bound from below.

# Whether a call knows what to do with it: posteriors of the effects themselves.
knows_product <- function(A, posterior_samples, covariance) {
  is.null(A) && !posterior_samples && !covariance
}

# The weights of the other components given that it is one of them.
without_product <- function(g) {
  total <- sum(g$pi)
  g$pi <- if (total > 0) g$pi / total else as.double(seq_along(g$pi) == 1L)
  g$product <- NULL
  g
}

# list(loglik, moments) of the units of `data` under a product; moments in the units of `Bhat`.
product_posterior <- function(data, product, n_threads, signs = TRUE) {
  call_core(
    "product",
    measurements = core_measurements(data),
    product = list(
      variances = product$grid^2, weights = unname(product$pi), scale = effect_scale(data),
      signs = signs
    ),
    label = "Independent effects", total = nrow(data$Bhat), n_threads = n_threads
  )
}

# As mash_model(), under all components; with `in_product`, the posterior weight of the product in
# each unit. Posterior weights of the others are given that it is not the product.
full_model <- function(data, g, want, n_threads) {
  if (is.null(g$product)) return(mash_model(data, g, want, n_threads))
  fit <- mash_model(data, without_product(g), want, n_threads)
  found <- product_posterior(data, g$product, n_threads, isTRUE(want$moments))
  weight <- g$product$weight
  mixed <- \(others, share) log_sum(others + log(share), found$loglik + log(weight))
  if (!is.null(fit$alt_loglik)) {
    share <- max(1 - weight - g$pi[[1L]], 0)
    fit$alt_loglik <- mixed(fit$alt_loglik, share) - log(share + weight)
  }
  fit$vloglik <- mixed(fit$vloglik, 1 - weight)
  fit$in_product <- pmin(exp(found$loglik + log(weight) - fit$vloglik), 1)
  if (!is.null(fit$result)) fit$result <- mixed_moments(fit$result, found$moments, fit$in_product)
  fit$pi <- as.double(g$pi)
  fit
}

log_sum <- function(a, b) {
  top <- pmax(a, b)
  top + log(exp(a - top) + exp(b - top))
}

# Posteriors of units that belong to the product with probability `r`, whose moments are `own`.
mixed_moments <- function(result, own, r) {
  mix <- \(a, b) a * (1 - r) + b * r
  # The variance within the two, and between them.
  apart <- result$PosteriorMean - own$mean
  result$PosteriorSD <- sqrt(mix(result$PosteriorSD^2, own$sd^2) + r * (1 - r) * apart^2)
  result$PosteriorMean <- mix(result$PosteriorMean, own$mean)
  result$lfdr <- mix(result$lfdr, own$lfdr)
  result$NegativeProb <- mix(result$NegativeProb, own$negative)
  result$PositiveProb <- mix(result$PositiveProb, own$positive)
  result$lfsr <- result$lfdr + pmin(result$NegativeProb, result$PositiveProb)
  result
}

# The product that units are best described by, and the weights of all components beside it:
# list(product, pi, convergence), or NULL if it is not needed. `vloglik` is the log-likelihood of
# each unit under `g`, in scaled units.
#
# The weights of a mixture are at their best without a component if its likelihood relative to the
# mixture's has a mean of at most 1 over the units: that decides for most data. Else the weights are
# found anew with it, in turns with the product's own, in which a unit counts as much as it belongs
# to the product. Where the product alone does as well, by the Bayesian information criterion, as
# the mixture with it, and says more than that all effects are zero, it is the whole prior: the
# weights of other components are then noise.
learn_product <- function(data, g, vloglik, n_threads, turns = 3L) {
  if (ncol(data$Bhat) < 2L || !is.null(data$L) || length(dim(data$V)) != 2L) return(NULL)
  J <- nrow(data$Bhat)
  whole <- fitted_product(data, rep(1, J), n_threads)
  alone <- sum(whole$loglik)
  nothing <- list(grid = 0, pi = matrix(1, 1L, ncol(data$Bhat)))
  some <- 2 * (alone - sum(product_posterior(data, nothing, n_threads, FALSE)$loglik)) >
    ncol(data$Bhat) * log(J)
  enough <- function(loglik, pi) {
    some && 2 * (loglik - alone) < (sum(pi > 1e-6) - 1) * log(J)
  }
  ratio <- mean(exp(pmin(whole$loglik - vloglik, 600)))
  best <- list(loglik = sum(vloglik), pi = g$pi, product = NULL)
  part <- whole
  for (turn in seq_len(if (ratio > 1) turns else 0L)) {
    fit <- weights_with(data, g, part$loglik, n_threads)
    P <- length(g$pi)
    found <- g
    found$pi <- fit$pi[seq_len(P)]
    found$product <- c(list(weight = fit$pi[P + 1L]), part$product)
    if (found$product$weight < 1e-6) break
    summary <- full_model(data, found, list(pi_thresh = 1), n_threads)
    if (sum(summary$vloglik) <= best$loglik + 1e-6 * J) break
    best <- list(
      loglik = sum(summary$vloglik), pi = found$pi, product = found$product,
      convergence = ending(fit, c("objective", "kkt"))
    )
    r <- summary$in_product
    if (sum(r) < 1) break
    part <- fitted_product(data, r, n_threads)
  }
  if (enough(best$loglik, c(best$pi, best$product$weight))) {
    product <- c(list(weight = 1), whole$product)
    return(list(product = product, pi = 0 * g$pi, convergence = best$convergence))
  }
  if (!is.null(best$product)) best[c("product", "pi", "convergence")]
}

# The product whose log-likelihood of the units is largest, each counting `counts` times, and that
# log-likelihood of each.
fitted_product <- function(data, counts, n_threads) {
  grid <- c(0, autoselect_grid(data))
  pi <- call_core(
    "product_weights",
    measurements = core_measurements(data),
    control = list(variances = grid^2, row_weights = counts, null_weight = 10),
    label = "Independent effects", total = nrow(data$Bhat), n_threads = n_threads
  )
  if (!is.null(colnames(data$Bhat))) colnames(pi) <- colnames(data$Bhat)
  product <- list(grid = grid, pi = pi)
  list(product = product, loglik = product_posterior(data, product, n_threads, FALSE)$loglik)
}

# Weights of the components of `g` and of one whose log-likelihoods are `extra`, the last.
weights_with <- function(data, g, extra, n_threads, nullweight = 10) {
  penalty <- c(dirichlet_parameters("nullbiased", n_components(g), nullweight), 1)
  core_mash(
    "weights_with", data, g,
    control = c(
      list(penalty = penalty, extra = as.double(extra), memory = memory_limit()),
      fit_control(list(), tol = 1e-8, max_iter = 1000)
    ),
    label = "Likelihoods", then = "solving for the weights", n_threads = n_threads
  )
}
