# The prior of a regression: what users give, and the matrices times scales that the core wants.

# From `given`, a list of `prior` (a prior object, see regression_units(), or a plain list of
# matrices), `S0`, `w0` and `grid`: list(S0 = named list of covariances of the R conditions, in
# their order, w0 = their weights, named = whether the names of the components are the user's).
regression_prior <- function(given, conditions, R) {
  S0 <- given$S0
  w0 <- given$w0
  grid <- given$grid
  name <- if (is.null(S0)) "prior" else "S0"
  if (inherits(given$prior, "mnmash_prior")) {
    prior <- prior_for(given$prior, conditions, R)
    S0 <- prior$U
    weights <- prior$w
    if (prior$null_weight > 0 || !is.null(grid)) {
      S0 <- c(list(null = matrix(0, R, R)), S0)
      weights <- c(null = prior$null_weight, weights)
    }
    if (is.null(w0) && is.null(grid)) w0 <- weights
  } else if (is.null(S0)) {
    S0 <- given$prior
  }
  if (is.array(S0) && length(dim(S0)) == 3L) {
    if (dim(S0)[1L] == dim(S0)[2L]) S0 <- align_square(S0, conditions, R, name, "condition")
    S0 <- stats::setNames(
      lapply(seq_len(dim(S0)[3L]), \(k) as.matrix(S0[, , k])), dimnames(S0)[[3L]]
    )
  }
  named <- !is.null(names(S0))
  if (is.list(S0) && !is.data.frame(S0)) {
    S0 <- lapply(S0, \(U) {
      if (!is.matrix(U) || nrow(U) != ncol(U) || is.null(dimnames(U))) return(U)
      align_square(U, conditions, R, name, "condition")
    })
  }
  S0 <- prior_matrices(S0, R, normalize = FALSE, name = name)
  if (!is.null(grid)) S0 <- expand_grid_prior(S0, grid)
  list(S0 = S0, w0 = component_weights(w0, names(S0), named), named = named)
}

# Whether `prior` is covariances alone: they say which effects go together, not how large they are
# and how many there are.
lacks_scales <- function(given) {
  is.null(given$grid) && is.null(given$w0) && !is.null(given$prior) &&
    are_covariances(given$prior) && any(unlist(given$prior) != 0, na.rm = TRUE)
}

# `given` with a `grid` where it lacks scales. `marginal()` has the effects of single predictors, in
# the units of the coefficients, and their standard errors.
with_own_grid <- function(given, marginal) {
  if (lacks_scales(given)) given$grid <- autoselect_grid(marginal(), 2)
  given
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

component_weights <- function(w, names, named) {
  K <- length(names)
  if (is.null(w)) return(rep(1 / K, K))
  if (named && !is.null(base::names(w))) {
    w <- align_vector(w, names, K, "w0", "component", to = "the prior", more = "refuse")
  }
  w <- check_proportions(w, K, "w0", "component")
  unname(w / sum(w))
}

# One Dirichlet parameter for each component.
component_penalty <- function(w0_penalty, names, named) {
  K <- length(names)
  if (is.numeric(w0_penalty) && length(w0_penalty) == 1L) w0_penalty <- rep(unname(w0_penalty), K)
  if (named && !is.null(base::names(w0_penalty))) {
    w0_penalty <- align_vector(
      w0_penalty, names, K, "w0_penalty", "component", to = "the prior", more = "refuse"
    )
  }
  unname(dirichlet_parameters(w0_penalty, K, 1))
}

# The prior as the core takes it.
grouped_prior <- function(groups, w0) {
  core_prior(groups$matrices, scales = groups$scales, weights = w0[groups$index])
}

# Back to the order of the user's list.
from_core_order <- function(x, groups) {
  out <- x
  out[groups$index] <- x
  out
}
