# The prior of a regression: what users give, and the matrices times scales that the core wants.

# From `prior` (anything as_prior() takes) or `S0` and `w0`, perhaps times the squares of `grid`:
# list(S0 = named list of covariances, w0 = their weights).
regression_prior <- function(prior, S0, w0, grid, conditions) {
  R <- length(conditions)
  if (!is.null(prior) && !is.null(S0)) {
    stop_mnmash("argument", "give `prior`, or `S0` and `w0`, not both")
  }
  if (is.null(prior) && is.null(S0)) {
    stop_mnmash(
      "argument", "give `prior` (a list of covariance matrices, a fit of mash(), ...) or `S0`"
    )
  }
  if (is.null(S0)) {
    if (is.list(prior) && !is.object(prior) && all(vapply(prior, is.matrix, NA))) {
      S0 <- prior # plain matrices: no message about their weights
    } else {
      prior <- as_prior(prior, conditions = conditions)
      S0 <- prior$U
      weights <- prior$w
      if (prior$null_weight > 0 || !is.null(grid)) {
        S0 <- c(list(null = matrix(0, R, R)), S0)
        weights <- c(prior$null_weight, weights)
      }
      if (is.null(w0) && is.null(grid)) w0 <- weights
    }
  }
  if (is.array(S0) && length(dim(S0)) == 3L) {
    S0 <- stats::setNames(
      lapply(seq_len(dim(S0)[3L]), \(k) as.matrix(S0[, , k])), dimnames(S0)[[3L]]
    )
  }
  S0 <- prior_matrices(S0, R, normalize = FALSE, name = if (is.null(prior)) "S0" else "prior")
  if (!is.null(grid)) S0 <- expand_grid_prior(S0, grid)
  list(S0 = S0, w0 = component_weights(w0, names(S0), "w0"))
}

# The null, then each matrix (largest variance one) times the square of each scale.
expand_grid_prior <- function(S0, grid) {
  grid <- check_grid(grid)
  zero <- vapply(S0, \(U) all(U == 0), NA)
  null <- matrix(0, nrow(S0[[1L]]), ncol(S0[[1L]]))
  S0 <- S0[!zero]
  expanded <- unlist(
    lapply(S0, \(U) lapply(grid^2, \(scale) U / max(diag(U)) * scale)),
    recursive = FALSE
  )
  names(expanded) <- outer(seq_along(grid), names(S0), \(l, name) paste0(name, "_grid", l))
  c(list(null = null), expanded)
}

component_weights <- function(w, names, what) {
  if (is.null(w)) return(rep(1 / length(names), length(names)))
  w <- check_proportions(w, length(names), what, "component")
  w / sum(w)
}

# Matrices that are multiples of one another share one decomposition: list(matrices, scales, index),
# where component `index[t]` of the list is number t of the core: the first scale of all matrices, then
# the second of those that have one, and so on.
group_multiples <- function(S0) {
  size <- vapply(S0, \(U) max(diag(U)), 0)
  group <- integer(length(S0))
  heads <- list()
  for (k in seq_along(S0)) {
    shape <- if (size[k] > 0) S0[[k]] / size[k] else S0[[k]]
    same <- vapply(heads, \(head) max(abs(head - shape)) <= 4e-15, NA)
    if (any(same)) {
      group[k] <- which(same)[1L]
    } else {
      heads[[length(heads) + 1L]] <- shape
      group[k] <- length(heads)
      names(heads)[length(heads)] <- names(S0)[k]
    }
  }
  index <- order(stats::ave(group, group, FUN = seq_along), group)
  scales <- unname(split(ifelse(size[index] > 0, size[index], 1), group[index]))
  list(matrices = lapply(heads, as_doubles), scales = lapply(scales, as.double), index = index)
}

# The prior as rust_mr_mash() reads it.
core_prior <- function(groups, w0, penalty = rep(1, length(w0))) {
  list(
    groups$matrices, groups$scales, as.double(w0[groups$index]), as.double(penalty[groups$index])
  )
}

# Back to the order of the user's list.
from_core_order <- function(x, groups) {
  out <- x
  out[groups$index] <- x
  out
}
