# An independent mash: dense, row by row, straight from the formulae, with the observed coordinates
# of each row only. Slow, and meant to be read.

reference_case <- function(name) readRDS(test_path("fixtures", paste0(name, ".rds")))

# The prior covariance of every component.
slow_components <- function(ulist, grid, pointmass = TRUE) {
  R <- nrow(ulist[[1]])
  components <- list()
  if (pointmass) components <- list(matrix(0, R, R))
  for (w in grid) {
    for (U in ulist) components <- c(components, list(w^2 * U))
  }
  components
}

slow_observed <- function(data, j) {
  if (is.null(data$missing)) seq_len(ncol(data$Bhat)) else which(!data$missing[j, ])
}

slow_noise <- function(data, j) {
  V <- if (data$commonV) data$V else matrix(data$V[, , j], nrow(data$V))
  S <- diag(data$Shat[j, ], ncol(data$Bhat))
  S %*% V %*% S
}

# log N(x; 0, C) through the Cholesky factor.
slow_log_density <- function(x, C) {
  root <- chol(C)
  z <- backsolve(root, x, transpose = TRUE)
  -sum(z^2) / 2 - sum(log(diag(root))) - length(x) * log(2 * pi) / 2
}

# J x P, in scaled units.
slow_loglik <- function(data, components) {
  loglik <- matrix(0, nrow(data$Bhat), length(components))
  for (j in seq_len(nrow(data$Bhat))) {
    o <- slow_observed(data, j)
    N <- slow_noise(data, j)
    for (p in seq_along(components)) {
      total <- N + components[[p]]
      loglik[j, p] <- slow_log_density(data$Bhat[j, o], total[o, o, drop = FALSE])
    }
  }
  loglik
}

slow_log_sum_exp <- function(x) {
  top <- max(x)
  top + log(sum(exp(x - top)))
}

# log-likelihoods of Bhat (not of scaled effects), by unit.
slow_vloglik <- function(data, components, weights) {
  scaled <- apply(slow_loglik(data, components), 1, \(l) slow_log_sum_exp(l + log(weights)))
  observed <- if (is.null(data$missing)) TRUE else !data$missing
  scaled - rowSums(log(data$Shat_alpha) * observed)
}

# Posterior of every effect, in the units of Bhat (scaled units where missing).
slow_posterior <- function(data, components, weights) {
  J <- nrow(data$Bhat)
  R <- ncol(data$Bhat)
  loglik <- slow_loglik(data, components)
  zero <- matrix(0, J, R)
  result <- list(mean = zero, sd = zero, lfdr = zero, negative = zero, positive = zero)
  result$covariance <- array(0, c(R, R, J))
  for (j in seq_len(J)) {
    o <- slow_observed(data, j)
    N <- slow_noise(data, j)
    w <- loglik[j, ] + log(weights)
    w <- exp(w - slow_log_sum_exp(w))
    s <- data$Shat_alpha[j, ]
    second <- matrix(0, R, R)
    for (p in which(w > 0)) {
      U <- components[[p]]
      gain <- U[, o, drop = FALSE] %*% solve((N + U)[o, o, drop = FALSE])
      mean <- s * drop(gain %*% data$Bhat[j, o])
      C <- s * t(s * (U - gain %*% U[o, , drop = FALSE]))
      none <- diag(U) == 0
      sd <- sqrt(pmax(diag(C), 0))
      result$mean[j, ] <- result$mean[j, ] + w[p] * mean
      second <- second + w[p] * (tcrossprod(mean) + C)
      result$lfdr[j, ] <- result$lfdr[j, ] + w[p] * none
      result$negative[j, ] <- result$negative[j, ] + w[p] * ifelse(none, 0, pnorm(-mean / sd))
      result$positive[j, ] <- result$positive[j, ] + w[p] * ifelse(none, 0, pnorm(mean / sd))
    }
    result$covariance[, , j] <- second - tcrossprod(result$mean[j, ])
    result$sd[j, ] <- sqrt(diag(matrix(result$covariance[, , j], R)))
  }
  result$lfsr <- result$lfdr + pmin(result$negative, result$positive)
  result
}

# The penalised log-likelihood that the weights maximise.
slow_objective <- function(loglik, weights, prior) {
  penalised <- prior > 1
  sum(apply(loglik, 1, \(l) slow_log_sum_exp(l + log(weights)))) +
    sum((prior - 1)[penalised] * log(weights[penalised]))
}

# mashr's rule for the units significant in either condition, pair by pair.
slow_sharing <- function(pm, lfsr, factor, thresh, FUN = identity) {
  R <- ncol(pm)
  S <- matrix(NA_real_, R, R)
  for (a in 1:R) {
    for (b in a:R) {
      rows <- union(which(lfsr[, a] < thresh), which(lfsr[, b] < thresh))
      ratio <- FUN(pm[rows, a]) / FUN(pm[rows, b])
      S[a, b] <- S[b, a] <- mean(ratio > factor & ratio < 1 / factor)
    }
  }
  S
}

small_prior <- function(R, seed = 1) {
  set.seed(seed)
  full <- crossprod(matrix(rnorm(R * R), R))
  list(
    identity = diag(R), equal = matrix(1, R, R), single = diag(c(1, rep(0, R - 1)), R),
    full = full / max(diag(full))
  )
}
