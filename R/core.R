# What the core needs of the data and of the prior, in the form it expects.

# x, s, missing, v: v is NULL for independent errors, list(V), or for differences from a baseline
# list(s, V, baseline, keep) (see R/data-contrasts.R).
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
# `weight` for each cell where contrasts give one (see R/mash-contrast.R).
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

# The noise of contrasts as the core takes it: list(V), if it is the same for all units, or what it
# follows from.
contrast_noise <- function(data) {
  if (!is.null(data$LSVSLt)) return(list(unname(data$LSVSLt)))
  baseline <- baseline_weights(data$L)
  list(
    as_doubles(data$Shat_orig), if (!is_identity(data$V)) as_doubles(data$V), baseline$weights,
    baseline$keep
  )
}

# The linear map from the effects of the model to what is reported: A, and for contrasts with the
# mean, whose last difference is minus the sum of the others, the map to all of them.
output_map <- function(data, A) {
  to_all <- if (!is.null(data$L) && identical(attr(data$L, "reference"), "mean")) {
    R <- ncol(data$L)
    rbind(diag(R - 1L), -1)
  }
  if (is.null(A)) {
    if (!is.null(to_all)) rownames(to_all) <- paste0(colnames(data$L), "-mean")
    return(to_all)
  }
  A <- check_map(
    A, if (is.null(to_all)) colnames(data$Bhat) else to_all_names(data),
    if (is.null(to_all)) ncol(data$Bhat) else nrow(to_all)
  )
  if (is.null(to_all)) A else A %*% to_all
}

to_all_names <- function(data) {
  if (!is.null(colnames(data$Bhat))) paste0(colnames(data$L), "-mean")
}

# Linear functions of R effects, a row each: columns in the order of the effects, by name. One of
# more effects is reduced to them where it does not need the others.
check_map <- function(A, conditions, R) {
  if (is.null(dim(A)) && is.numeric(A)) {
    A <- matrix(A, 1L, dimnames = if (!is.null(names(A))) list(NULL, names(A)))
  }
  A <- as_numeric_matrix(A)
  if (anyNA(A)) stop_mnmash("not_finite", "`A` must not have missing values")
  check_finite(A)
  if (is.null(colnames(A)) || is_invented(colnames(A)) || is.null(conditions)) {
    if (ncol(A) != R) {
      stop_mnmash("dimension", "`A` must have ", R, " columns, one per effect, not ", ncol(A))
    }
    return(A)
  }
  more <- setdiff(colnames(A), conditions)
  needed <- more[colSums(A[, more, drop = FALSE] != 0) > 0]
  if (length(needed)) stop_other_names("A", "condition", "the data", character(), needed, R)
  align_columns(A, conditions, R, "A", "condition")
}

# "<matrix>.<scale>", null first.
component_names <- function(ulist, grid, pointmass) {
  names <- outer(names(ulist), seq_along(grid), paste, sep = ".")
  c(if (pointmass) "null", names)
}

# The weights of the baseline, and the conditions it is subtracted from.
baseline_weights <- function(L) {
  ref <- attr(L, "reference")
  R <- ncol(L)
  if (identical(ref, "mean")) {
    list(weights = rep(1 / R, R), keep = seq_len(R - 1L))
  } else {
    list(weights = as.double(seq_len(R) == ref), keep = seq_len(R)[-ref])
  }
}
