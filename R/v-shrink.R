# Correlations shrunk together: adaptive shrinkage with half-uniform components (Stephens 2017) on
# Fisher's scale.
#
# x ~ N(theta, s^2), theta ~ pi_0 at 0 + sum_k pi_k uniform on (0, a_k) or (-a_k, 0). With
# l and u the ends of an interval of length a, less x and over s, the density of x is
# (Phi(u) - Phi(l)) / a, and theta given x is normal cut to the interval. Logarithms throughout:
# tails can be hundreds of sd away.

shrunken_correlation <- function(moments, nullweight, n_threads = NULL) {
  nullweight <- check_number(nullweight, 1)
  pairs <- which(upper.tri(moments$n))
  r <- pmin(pmax(moment_correlation(moments)[pairs], -0.99), 0.99)
  n <- moments$n[pairs]
  known <- !rare_pairs(moments$n)[pairs]
  shrunk <- numeric(length(pairs))
  if (any(known)) {
    s <- sqrt(1 / (n - 1) + 2 / (n - 1)^2)
    prior <- half_uniform_prior(atanh(r[known]), s[known], nullweight, n_threads)
    shrunk[known] <- half_uniform_mean(atanh(r[known]), s[known], prior)
    shrunk[!known] <- sum(prior$pi * (prior$lower + prior$upper)) / 2
  }
  V <- diag(nrow(moments$n))
  V[pairs] <- tanh(shrunk)
  V + t(V) - diag(nrow(V))
}

half_uniform_prior <- function(x, s, nullweight, n_threads) {
  smallest <- min(s) / 10
  largest <- if (all(x^2 <= s^2)) 8 * smallest else 2 * sqrt(max(x^2 - s^2))
  steps <- ceiling(2 * log2(largest / smallest))
  a <- largest * sqrt(2)^(-(steps:0))
  zero <- numeric(length(a))
  prior <- list(lower = c(0, -a, zero), upper = c(0, zero, a))
  loglik <- vapply(
    seq_along(prior$lower), \(k) log_half_uniform(x, s, prior$lower[k], prior$upper[k]),
    numeric(length(x))
  )
  fit <- mixture_weights(
    matrix(loglik, length(x)), c(nullweight, rep(1, 2 * length(a))), n_threads = n_threads
  )
  c(prior, list(pi = fit$pi))
}

log_half_uniform <- function(x, s, lower, upper) {
  if (lower == upper) return(stats::dnorm(x, lower, s, log = TRUE))
  log_normal_between((lower - x) / s, (upper - x) / s) - log(upper - lower)
}

half_uniform_mean <- function(x, s, prior) {
  active <- which(prior$pi > 0)
  log_weight <- vapply(
    active, \(k) log(prior$pi[k]) + log_half_uniform(x, s, prior$lower[k], prior$upper[k]),
    numeric(length(x))
  )
  log_weight <- matrix(log_weight, length(x))
  weight <- exp(log_weight - apply(log_weight, 1L, max))
  means <- vapply(
    active, \(k) cut_normal_mean(x, s, prior$lower[k], prior$upper[k]), numeric(length(x))
  )
  rowSums(weight * matrix(means, length(x))) / rowSums(weight)
}

# log(Phi(upper) - Phi(lower)), lower < upper; on the side of zero where Phi is small.
log_normal_between <- function(lower, upper) {
  flip <- lower + upper > 0
  a <- ifelse(flip, -upper, lower)
  b <- ifelse(flip, -lower, upper)
  log_b <- stats::pnorm(b, log.p = TRUE)
  log_b + log1p(-exp(stats::pnorm(a, log.p = TRUE) - log_b))
}

# Mean of N(x, s^2) cut to (lower, upper); rounding far out in a tail cannot leave the interval.
cut_normal_mean <- function(x, s, lower, upper) {
  if (lower == upper) return(rep(lower, length(x)))
  l <- (lower - x) / s
  u <- (upper - x) / s
  log_mass <- log_normal_between(l, u)
  shift <- exp(stats::dnorm(l, log = TRUE) - log_mass) - exp(stats::dnorm(u, log = TRUE) - log_mass)
  pmin(pmax(x + s * shift, lower), upper)
}
