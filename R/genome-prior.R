# The prior of a genome: matrices by scales, as a prior object, and as each region sees it.

# Matrices (largest variance one) by the squares of a grid of scales; weights by matrix and scale,
# or equal ones beside the null.
genome_prior <- function(U, grid, null_weight, weights = NULL, learnt = NULL) {
  U <- lapply(U[vapply(U, \(u) any(u != 0), NA)], \(u) u / max(diag(u)))
  K <- length(U)
  L <- length(grid)
  if (is.null(weights)) weights <- matrix((1 - null_weight) / (K * L), K, L)
  expanded <- unlist(lapply(grid^2, \(s) lapply(U, `*`, s)), recursive = FALSE)
  names(expanded) <- paste0(rep(names(U), L), ".", rep(seq_len(L), each = K))
  prior <- new_prior(
    expanded, as.double(weights), null_weight, units = "effect", learnt = learnt
  )
  prior$standardized <- "X"
  prior
}

# Scales in steps of two: the largest effect, and down to where effects are lost in their errors.
genome_grid <- function(largest, error, most = 6) {
  largest <- max(largest, 2 * error)
  steps <- min(most - 1, max(2, ceiling(log2(largest / (0.3 * error)))))
  largest * 2^-(steps:0)
}

# What users give as `prior`: NULL for canonical matrices, covariances without scales, or a prior
# that knows its scales.
start_prior <- function(prior, regions, null_weight = 0.95) {
  conditions <- regions$conditions
  R <- length(conditions)
  if (!is.null(prior) && !are_covariances(prior)) {
    prior <- prior_for(prior_of(prior), conditions, R)
    if (identical(prior$units, "z")) {
      stop_mnmash("units", "`prior` is of z-scores: regressions need one of effects")
    }
    return(prior)
  }
  if (is.null(prior)) {
    named <- list(conditions, conditions)
    prior <- lapply(canonical_start(R, conditions), `dimnames<-`, named)
  } else {
    prior <- regression_prior(list(prior = prior), conditions, R)$S0
    prior <- lapply(prior, `dimnames<-`, list(conditions, conditions))
  }
  sizes <- regions$sizes
  genome_prior(prior, genome_grid(sizes[["largest"]], sizes[["error"]]), null_weight)
}

canonical_start <- function(R, conditions) {
  cov_canonical(mash_set_data(
    matrix(0, 1L, R, dimnames = list("unit", conditions)), matrix(1, 1L, R)
  ))
}

# The prior in the conditions numbered `at`, as the core takes it: components in the order
# list(null, matrices), whatever their margins are.
core_margin <- function(prior, at) {
  R <- length(at)
  S0 <- c(list(null = matrix(0, R, R)), lapply(prior$U, \(U) unname(U[at, at, drop = FALSE])))
  groups <- group_multiples(S0)
  weights <- c(prior$null_weight, prior$w)
  list(groups = groups, prior = grouped_prior(groups, weights), weights = weights)
}

# The same prior with other weights: the null first.
reweighted <- function(prior, pi) {
  prior$null_weight <- pi[1L]
  prior$w[] <- pi[-1L]
  prior
}

# One matrix for each shape, with its mean scale: what a model that estimates scales itself wants.
collapsed_prior <- function(prior) {
  keep <- prior$w > 1e-3 * sum(prior$w)
  if (!any(keep)) keep <- prior$w >= max(prior$w)
  groups <- group_multiples(prior$U[keep])
  order <- core_groups(groups$scales)
  w <- prior$w[keep][groups$index]
  scales <- numeric(length(w))
  for (k in seq_along(groups$scales)) scales[order == k] <- groups$scales[[k]]
  total <- as.double(tapply(w, order, sum))
  size <- as.double(tapply(w * scales, order, sum)) / total
  conditions <- dimnames(prior$U[[1L]])
  U <- Map(\(U, s) `dimnames<-`(U / max(diag(U)) * s, conditions), groups$matrices, size)
  names(U) <- sub("[.][0-9]+$", "", names(groups$matrices))
  found <- new_prior(
    U, total * (1 - prior$null_weight) / sum(total), prior$null_weight, units = "effect",
    learnt = prior$learnt
  )
  found$standardized <- "X"
  found
}
