# Variants that are not in linkage disequilibrium with each other.

#' Keep variants that are nearly independent
#'
#' Picks variants (columns of dosages) of which no two have a correlation of `threshold` or more in
#' absolute value.
#'
#' `"greedy"` goes through the variants in their order and keeps one unless it is correlated with
#' one kept before, so that those named first in `variants` are preferred. `"cluster"` keeps the
#' first variant of each group of variants that are linked by a chain of such correlations (single
#' linkage), as the mixture-prior workflows do: it may leave one variant of a long region in which
#' only neighbours are correlated.
#'
#' @param X dosages, samples x variants, `NA` where missing (the variant's mean takes their place):
#'   a matrix, a sparse matrix of package Matrix, a function that returns blocks of columns
#'   ([genotype_blocks()]), or the name of a file for [read_genotypes()].
#' @param threshold correlations of this size or more are too large.
#' @param variants names or numbers of the variants to choose from, best first. Default: all.
#' @param method `"greedy"` or `"cluster"`.
#' @inheritParams shared_arguments
#'
#' @return Names of the variants that were kept, or their numbers where there are no names. Variants
#'   without variance are correlated with none.
#' @seealso [feature_score()]; `independent` of [mash_input()].
#' @export
#' @examples
#' set.seed(1)
#' X <- matrix(rbinom(200 * 4, 2, 0.3), 200)
#' X <- cbind(X, X[, 2])
#' colnames(X) <- paste0("v", 1:5)
#' ld_prune(X)
#' ld_prune(X, variants = c("v5", "v1", "v2"))
ld_prune <- function(X, threshold = 0.45, variants = NULL, method = c("greedy", "cluster"), ...) {
  take_dots(...)
  method <- match_choice(method, c("greedy", "cluster"))
  threshold <- check_number(threshold, 0, 1)
  check_variants(variants)
  X <- dosages(X, variants, "X")
  if (!is.null(variants) && ncol(X) < length(variants)) {
    stop_mnmash(
      "names", "`variants` must be variants of `X`: \"",
      if (is.numeric(variants)) max(variants) else setdiff(variants, colnames(X))[1L],
      "\" is none", and_more(length(variants) - ncol(X))
    )
  }
  kept <- prune_columns(X, threshold, method)
  if (!is.null(colnames(X))) return(colnames(X)[kept])
  if (is.null(variants)) kept else variants[kept]
}

# Column numbers of a matrix without missing values.
prune_columns <- function(X, threshold, method) {
  Z <- X - rep(colMeans(X), each = nrow(X))
  length <- sqrt(colSums(Z^2))
  constant <- length <= 1e-10 * (1 + abs(colMeans(X))) * sqrt(nrow(X))
  Z <- Z / rep(ifelse(constant, Inf, length), each = nrow(Z))
  # A copy of a variant has a correlation of one but for rounding.
  threshold <- threshold - 1e-12
  if (method == "greedy") greedy_prune(Z, threshold) else first_of_clusters(Z, threshold)
}

greedy_prune <- function(Z, threshold, size = 512L) {
  kept <- integer()
  for (block in split(seq_len(ncol(Z)), (seq_len(ncol(Z)) - 1L) %/% size)) {
    block <- block[!correlated_with(Z, block, kept, threshold)]
    close <- abs(crossprod(Z[, block, drop = FALSE])) >= threshold
    free <- rep(TRUE, length(block))
    for (i in seq_along(block)) {
      if (!free[i]) next
      later <- seq_along(block) > i
      free[later & close[, i]] <- FALSE
    }
    kept <- c(kept, block[free])
  }
  kept
}

first_of_clusters <- function(Z, threshold) {
  kept <- integer()
  left <- seq_len(ncol(Z))
  while (length(left)) {
    kept <- c(kept, left[1L])
    newest <- left[1L]
    left <- left[-1L]
    while (length(newest) && length(left)) {
      reached <- correlated_with(Z, left, newest, threshold)
      newest <- left[reached]
      left <- left[!reached]
    }
  }
  kept
}

# Which of some columns are correlated with any of the others.
correlated_with <- function(Z, columns, others, threshold, size = 1024L) {
  found <- logical(length(columns))
  if (!length(columns)) return(found)
  own <- Z[, columns, drop = FALSE]
  for (part in split(others, (seq_along(others) - 1L) %/% size)) {
    found <- found | colSums(abs(crossprod(Z[, part, drop = FALSE], own)) >= threshold) > 0
  }
  found
}

# Samples x variants as a matrix without missing values: the wanted variants that are there, in the
# order in which they are wanted.
dosages <- function(X, variants, name) {
  if (is_file_name(X)) X <- read_genotypes(X, variants)
  if (is_sparse(X)) {
    check_valid(X, name)
  } else if (!is.function(X)) {
    X <- as_numeric_matrix(X, name = name)
  }
  X <- if (is.function(X)) columns_of_blocks(X, variants, name) else wanted_columns(X, variants)
  X <- as.matrix(X)
  if (!ncol(X)) return(X)
  X <- as_numeric_matrix(X, name = name)
  check_finite(X, name = name)
  if (anyNA(X)) put_in_means(X) else X
}

# Of each block only what is wanted stays in memory.
columns_of_blocks <- function(chunk, variants, name) {
  parts <- list()
  numbers <- integer()
  seen <- 0L
  i <- 1L
  while (!is.null(block <- chunk(i))) {
    block <- as_numeric_matrix(block, name = name)
    own <- seen + seq_len(ncol(block))
    take <- if (is.null(variants)) {
      rep(TRUE, length(own))
    } else if (is.numeric(variants)) {
      own %in% variants
    } else {
      colnames(block) %in% variants
    }
    parts[[i]] <- block[, take, drop = FALSE]
    numbers <- c(numbers, own[take])
    seen <- seen + ncol(block)
    i <- i + 1L
  }
  if (!seen) stop_mnmash("dimension", as_typed(name), " has no blocks")
  X <- do.call(cbind, parts)
  if (!is.numeric(variants)) return(wanted_columns(X, variants))
  X[, match(variants[variants %in% numbers], numbers), drop = FALSE]
}
