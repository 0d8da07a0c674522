# Sets of conditions that effects seem to share, from a tree of the conditions.

#' Prior covariances for sets of conditions, from a tree of them
#'
#' Clusters the conditions by where strong effects are found, and returns a matrix for each branch
#' of the tree, and for what is outside of it: effects in these conditions only. Where a pattern is
#' shared by some conditions and exactly zero in the others, few strong units suffice to find the
#' set, while a covariance learnt from them still has noise in the others.
#'
#' Two conditions are close where the same units have effects in both, of whatever sign: the
#' distance is one less Spearman's correlation of `log(1 + (z^2 - 1)+)` over the chosen units, ranks
#' taken once among the observed cells of each condition, and pairs by the units that have both.
#' Clusters are joined by average distance. Conditions with names are taken in the order of their
#' names, so that the result does not depend on their order in the data.
#'
#' @param data data from [mash_set_data()].
#' @param subset rows to use, usually the units with the strongest effects: numbers, names or a
#'   logical vector. Default: all.
#' @param rho correlation of the effects in the conditions of a set, from 0 to 1.
#' @param smallest a set has at least this many conditions, and lacks at least half as many.
#'   Default: 2; with more than 30 conditions 4, which makes for fewer matrices.
#' @inheritParams shared_arguments
#'
#' @return A named list of R x R matrices, 1 on the diagonal and `rho` off it among the conditions
#'   of the set, and 0 elsewhere: `branch_1`, ... in the order in which branches are joined, and
#'   `outside_1`, ... for the conditions that a branch lacks; each set once. With fewer than 3
#'   conditions the list is empty.
#' @seealso [learn_prior()], which uses it; [cov_canonical()], [cov_mask()]
#' @export
#' @examples
#' set.seed(1)
#' b <- rnorm(200, sd = 3) %o% c(1, 1, 1, 0, 0) + rnorm(200, sd = 3) %o% c(0, 0, 0, 1, 1)
#' data <- mash_set_data(b + rnorm(1000))
#' cov_tree(data)[["branch_2"]]
cov_tree <- function(data, subset = NULL, rho = 0.5, smallest = NULL, ...) {
  take_dots(...)
  check_mash_data(data)
  rows <- check_subset(subset, data$Bhat)
  rho <- check_number(rho, 0, 1)
  R <- ncol(data$Bhat)
  if (is.null(smallest)) smallest <- if (R > 30) 4 else 2
  smallest <- check_count(smallest, 2)
  if (R < 3) return(list())
  names <- colnames(data$Bhat)
  at <- if (is.null(names)) seq_len(R) else order(names, method = "radix")
  sets <- lapply(condition_sets(data, rows, at), \(set) sort(at[set]))
  size <- lengths(sets)
  sets <- sets[size >= smallest & R - size >= smallest / 2]
  lapply(sets[!duplicated(sets)], \(set) {
    U <- matrix(0, R, R, dimnames = if (!is.null(names)) list(names, names))
    U[set, set] <- rho
    U[cbind(set, set)] <- 1
    U
  })
}

# Branches of the tree of the conditions `at`, as places in `at`, and what each lacks.
condition_sets <- function(data, rows, at) {
  z <- data$Bhat[rows, at, drop = FALSE] / data$Shat[rows, at, drop = FALSE]
  inside <- matrix(1, nrow(z), ncol(z))
  if (!is.null(data$missing)) inside[data$missing[rows, at, drop = FALSE]] <- 0
  size <- log1p(pmax(z^2 - 1, 0))
  for (r in seq_along(at)) {
    observed <- inside[, r] > 0
    size[observed, r] <- rank(size[observed, r])
  }
  moments <- call_core("pairwise_moments", cells = list(z = unname(size), inside = inside))
  spread <- sqrt(pmax(moments$var * t(moments$var), 0))
  # Differences of rounding are none: they would choose among ties.
  distance <- round(1 - ifelse(spread > 0, moments$cov / spread, 0), 10)
  joined <- stats::hclust(stats::as.dist(distance), "average")$merge
  branches <- vector("list", nrow(joined))
  for (k in seq_len(nrow(joined))) {
    branches[[k]] <- sort(unlist(lapply(joined[k, ], \(i) if (i < 0) -i else branches[[i]])))
  }
  numbers <- seq_along(branches)
  outside <- lapply(branches, \(set) setdiff(seq_along(at), set))
  c(
    stats::setNames(branches, paste0("branch_", numbers)),
    stats::setNames(outside, paste0("outside_", numbers))
  )
}
