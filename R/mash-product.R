# Effects that are independent between conditions, as one more component of a learnt prior.
#
# A mixture of normals in R dimensions cannot have exact zeros in any combination of conditions; a
# product of spikes and slabs, b_r ~ sum_l pi_lr N(0, w_l^2) for each condition r, does nothing
# else. `g$product` is list(weight, grid, pi): the weight of the component, which with those of
# `g$pi` sums to 1, and for each condition the weights of the scales, 0 first, in a column of `pi`.
# Log-likelihoods under it are exact where errors are independent, and else a bound from below.

# The product that units are best described by, and the weights of all components beside it:
# list(g, convergence), or NULL if it is not needed. `fit` is that of `g` to `data`: vloglik (in
# scaled units) and convergence; `penalty` that of its weights.
#
# The weights of a mixture are at their best without a component if its likelihood relative to the
# mixture's has a mean of at most 1 over the units: that decides for most data. Else the weights are
# found anew with it, in turns with the product's own, in which a unit counts as much as it belongs
# to the product. Where the product alone does as well, by the Bayesian information criterion, as
# the mixture with it, and says more than that all effects are zero, it is the whole prior: the
# weights of other components are then noise. Otherwise it stays if it is better than the mixture
# without it, by the same criterion, where it counts as its weight and a share of effects for each
# condition: those of scales, as of the mixture's, are many and say little each.
learn_product <- function(data, g, fit, penalty, n_threads, turns = 3L) {
  if (ncol(data$Bhat) < 2L || !is.null(data$L)) return(NULL)
  J <- nrow(data$Bhat)
  whole <- fitted_product(data, rep(1, J), n_threads)
  alone <- sum(whole$loglik)
  plain <- sum(fit$vloglik)
  best <- list(loglik = plain, g = g, convergence = fit$convergence)
  problem <- c(
    list(penalty = c(penalty, 1), memory = memory_limit()), fit_control(list(), 1e-8, 1000)
  )
  ends <- list(fit$convergence)
  part <- whole
  worth <- mean(exp(pmin(whole$loglik - fit$vloglik, 600))) > 1
  for (turn in seq_len(if (worth) turns else 0L)) {
    found <- g
    found$product <- c(list(weight = 0.5), part$product)
    now <- mash_model(data, found, list(pi_thresh = 1), n_threads, problem)
    ends <- c(ends, list(part$convergence, now$convergence))
    found[c("pi", "product")] <- now[c("pi", "product")]
    if (found$product$weight < 1e-6) break
    loglik <- sum(now$vloglik)
    if (loglik <= best$loglik + 1e-6 * J) break
    best <- list(loglik = loglik, g = found, convergence = now$convergence)
    r <- pmin(exp(part$loglik + log(found$product$weight) - now$vloglik), 1)
    if (sum(r) < 1) break
    part <- fitted_product(data, r, n_threads)
  }
  nothing <- list(grid = 0, pi = matrix(1, 1L, ncol(data$Bhat)))
  some <- 2 * (alone - sum(product_loglik(data, nothing, n_threads))) > ncol(data$Bhat) * log(J)
  in_use <- sum(c(best$g$pi, best$g$product$weight) > 1e-6)
  if (some && 2 * (best$loglik - alone) < (in_use - 1) * log(J)) {
    best$g[c("pi", "product")] <- list(0 * g$pi, c(list(weight = 1), whole$product))
    ends <- c(ends, list(whole$convergence))
    return(list(g = best$g, convergence = all_endings(ends, whole$convergence)))
  }
  more <- ncol(data$Bhat) + 1
  if (is.null(best$g$product) || 2 * (best$loglik - plain) < more * log(J)) return(NULL)
  list(g = best$g, convergence = all_endings(ends, best$convergence))
}

# How many weights were free: components in use less one, and the same of each condition of a
# product.
n_free_weights <- function(g, least = 1e-6) {
  used <- sum(c(g$pi, g$product$weight) > least) - 1L
  if (!isTRUE(g$product$weight > least)) return(used)
  used + sum(g$product$pi > least) - ncol(g$product$pi)
}

# How a fit ended that took several, one of which has its weights: the iterations are those of all.
all_endings <- function(ends, chosen) {
  bad <- Find(\(end) !end$converged, ends)
  how <- c("converged", "stop", "message")
  chosen[how] <- (bad %||% chosen)[how]
  chosen$iterations <- sum(vapply(ends, `[[`, 0, "iterations"))
  chosen
}

# The product whose log-likelihood of the units is largest, each counting `counts` times, that
# log-likelihood of each, and how it was found.
fitted_product <- function(data, counts, n_threads) {
  grid <- c(0, autoselect_grid(data))
  found <- call_core(
    "product_weights",
    measurements = core_measurements(data),
    control = list(variances = grid^2, row_weights = counts, null_weight = 10),
    label = "Independent effects", total = nrow(data$Bhat), n_threads = n_threads
  )
  pi <- found$weights
  if (!is.null(colnames(data$Bhat))) colnames(pi) <- colnames(data$Bhat)
  used <- grid == 0 | rowSums(pi) > 0
  product <- list(grid = grid[used], pi = pi[used, , drop = FALSE])
  list(
    product = product, loglik = product_loglik(data, product, n_threads),
    convergence = c(
      ending(found, "kkt"), list(objective = found$ended$trace[length(found$ended$trace)])
    )
  )
}
