# What the core needs of the data and of the prior, in the form it expects.

# x, s, missing, v: v is NULL for independent errors, list(V), or for differences from a baseline
# list(s, V, baseline, keep) (see R/contrasts.R).
noise_arguments <- function(data) {
  list(
    x = as_doubles(data$Bhat), s = as_doubles(data$Shat), missing = data$missing,
    v = if (is.null(data$L)) {
      if (!is_identity(data$V)) list(as_doubles(data$V))
    } else {
      contrast_noise(data)
    }
  )
}

is_identity <- function(V) {
  length(dim(V)) == 2L && identical(unname(as_doubles(V)), diag(nrow(V)))
}

as_doubles <- function(x) {
  if (!is.double(x)) storage.mode(x) <- "double"
  x
}

# ulist, grid, pointmass
prior_arguments <- function(g) {
  list(ulist = g$Ulist, grid = g$grid, pointmass = g$usepointmass)
}

# Calls a function of the core with the data, the prior and more; `label` and `then` are for the
# progress line.
call_core <- function(f, data, g, ..., label, n_threads, then = NULL) {
  with_progress(label, nrow(data$Bhat), then = then, work = \(progress) {
    from_rust(do.call(f, c(
      noise_arguments(data), prior_arguments(g), list(...),
      list(n_threads = n_threads, progress = progress)
    ), quote = TRUE))
  })
}

# log N(x_j; 0, S_j V S_j + w_l^2 U_k) in scaled units, J x P.
loglik_matrix <- function(data, g, n_threads) {
  loglik <- call_core(rust_loglik, data, g, label = "Likelihoods", n_threads = n_threads)
  dimnames(loglik) <- list(
    rownames(data$Bhat), component_names(g$Ulist, g$grid, g$usepointmass)
  )
  loglik
}

# log of the Jacobian of the scaling, for each unit: log-likelihoods of Bhat are lower by this.
# Of observed cells only.
log_scale <- function(data) {
  if (data$alpha == 0) return(0)
  if (is.null(data$missing)) return(rowSums(log(data$Shat_alpha)))
  rowSums(log(data$Shat_alpha) * !data$missing)
}

# The posterior matrices, with mashr's names.
posterior_matrices <- function(data, g, active, weights, covariance, n_threads, A = NULL) {
  check_active(active, g)
  scale <- effect_scale(data)
  A <- output_map(data, A)
  noise <- noise_arguments(data)
  prior <- prior_arguments(g)
  found <- with_progress("Posteriors", nrow(data$Bhat), \(progress) {
    from_rust(rust_posterior(
      noise$x, noise$s, noise$missing, noise$v, scale, A, prior$ulist, prior$grid,
      prior$pointmass, active, weights, covariance, n_threads, progress
    ))
  })
  result <- found[c(
    "mean", "sd", "lfdr", "negative", "lfsr", "positive", if (covariance) "covariance"
  )]
  names(result) <- c(
    "PosteriorMean", "PosteriorSD", "lfdr", "NegativeProb", "lfsr", "PositiveProb",
    if (covariance) "PosteriorCov"
  )
  rm(found)
  units <- rownames(data$Bhat)
  conditions <- if (is.null(A)) colnames(data$Bhat) else rownames(A)
  if (is.null(units) && is.null(conditions)) return(result)
  # In place: these may be large.
  for (i in 1:6) dimnames(result[[i]]) <- list(units, conditions)
  if (covariance) dimnames(result$PosteriorCov) <- list(conditions, conditions, units)
  result
}

# What the model's effects are multiplied by to be reported: back to the units of Bhat, times a
# `weight` for each cell where contrasts give one (see R/posterior-contrast.R).
effect_scale <- function(data) {
  scale <- if (data$alpha != 0) as_doubles(data$Shat_alpha)
  if (is.null(data$weight)) return(scale)
  if (is.null(scale)) data$weight else scale * data$weight
}

check_active <- function(active, g) {
  if (!length(active)) {
    stop_mnmash(
      "argument", "`pi_thresh` leaves no component: the largest weight is ", format(max(g$pi))
    )
  }
}

# Some units of the data.
data_rows <- function(data, rows) {
  for (what in c("Bhat", "Shat", "Shat_alpha", "Shat_orig", "missing", "weight")) {
    if (!is.null(data[[what]])) data[[what]] <- data[[what]][rows, , drop = FALSE]
  }
  if (length(dim(data$V)) == 3L) data$V <- data$V[, , rows, drop = FALSE]
  data
}
