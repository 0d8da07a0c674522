# Effects of one predictor at a time.

#' Univariate regressions of every response on every predictor
#'
#' The slopes of all simple linear regressions (with an intercept and, if given, covariates) and
#' their standard errors, by matrix products: what `lm()` gives for each pair, hundreds of times
#' faster. The result is data for [mash_set_data()].
#'
#' Each pair uses the samples that have both: missing values of `X` and of `Y` leave out only the
#' regressions they belong to. With covariates, samples without some value of `X` are an error, and
#' responses with the same samples are regressed together.
#'
#' @param X predictors, n samples x p: a numeric matrix or data frame (`NA` where missing), a sparse
#'   matrix of package Matrix, or a function that returns blocks of columns (see
#'   [genotype_blocks()]).
#' @param Y responses, n x r: a matrix, data frame, or vector; `NA` where missing.
#' @param standardize scale predictors to standard deviation 1 (over the samples of each pair), so
#'   that effects are per standard deviation.
#' @inheritParams shared_arguments
#'
#' @return A list of p x r matrices: `Bhat`, slopes in the units of Y per unit of X; `Shat`, their
#'   standard errors; `n`, the number of samples. Both are `NA` where a pair has a constant
#'   predictor or no more than two samples (beyond the covariates).
#' @seealso [mash_set_data()], [deconvolve()] for effects of one predictor given all others.
#' @export
#' @examples
#' sim <- simulate_mr_mash(n = 50, p = 10, p_causal = 2, r = 3, seed = 1)
#' Y <- sim$Y
#' Y[1:5, 2] <- NA
#' s <- univariate_sumstats(sim$X, Y)
#' s$Bhat[4, 2]
#' coef(lm(Y[, 2] ~ sim$X[, 4]))[[2]]
univariate_sumstats <- function(X, Y, covariates = NULL, standardize = FALSE, ...) {
  peer_arguments(take_dots(..., also = names(univariate_peers)), univariate_peers)
  check_flag(standardize)
  if (is.function(X)) return(sumstats_of_blocks(X, Y, covariates, standardize))
  sparse <- is_sparse(X)
  if (sparse) {
    check_valid(X, "X")
  } else {
    X <- as_numeric_matrix(zero_one(X), name = "X")
    check_finite(X)
  }
  Y <- as_responses(Y, nrow(X), samples = rownames(X))
  samples <- if (is.null(rownames(X))) rownames(Y) else rownames(X)
  Z <- as_covariates(covariates, nrow(X), samples)$x
  found <- if (is.null(Z) && !sparse) {
    pair_moments(X, Y)
  } else {
    moments_by_pattern(as_predictors(X), Y, Z)
  }
  slopes(found, standardize, list(colnames(X), colnames(Y)))
}

# Arguments of mr.mash.alpha's function without a counterpart.
univariate_peers <- list(
  standardize.response = only(FALSE, "effects are in the units of `Y`: give scale(Y) for others"),
  mc.cores = changes_nothing("all pairs are computed at once")
)

sumstats_of_blocks <- function(chunk, Y, covariates, standardize) {
  parts <- list()
  repeat {
    block <- chunk(length(parts) + 1L)
    if (is.null(block)) break
    parts[[length(parts) + 1L]] <- univariate_sumstats(block, Y, covariates, standardize)
  }
  if (!length(parts)) stop_mnmash("dimension", "`X` has no blocks")
  lapply(stats::setNames(nm = names(parts[[1L]])), \(what) {
    do.call(rbind, lapply(parts, `[[`, what))
  })
}

# Corrected sums of squares and products of every pair over its own samples: x, y, xy, n (p x r),
# and how many degrees of freedom are not for the error.
pair_moments <- function(X, Y) {
  # Close to the means, so that nothing is lost when their part is taken off.
  Y <- sweep(Y, 2L, colMeans(Y, na.rm = TRUE))
  here <- (!is.na(Y)) + 0
  Y[is.na(Y)] <- 0
  parts <- lapply(column_blocks(ncol(X), nrow(X)), \(j) {
    block_moments(X[, j, drop = FALSE], Y, here)
  })
  found <- lapply(stats::setNames(nm = names(parts[[1L]])), \(what) {
    do.call(rbind, lapply(parts, `[[`, what))
  })
  c(found, list(used = 2))
}

block_moments <- function(X, Y, here) {
  X <- sweep(X, 2L, colMeans(X, na.rm = TRUE))
  p <- ncol(X)
  if (anyNA(X)) {
    present <- (!is.na(X)) + 0
    X[is.na(X)] <- 0
    n <- crossprod(present, here)
    sum_y <- crossprod(present, Y)
    squares_y <- crossprod(present, Y^2)
  } else {
    n <- matrix(colSums(here), p, ncol(Y), byrow = TRUE)
    sum_y <- matrix(colSums(Y), p, ncol(Y), byrow = TRUE)
    squares_y <- matrix(colSums(Y^2), p, ncol(Y), byrow = TRUE)
  }
  sum_x <- crossprod(X, here)
  raw <- crossprod(X^2, here)
  x <- raw - sum_x^2 / n
  x[x <= 1e-12 * raw] <- 0
  list(x = x, y = squares_y - sum_y^2 / n, xy = crossprod(X, Y) - sum_x * sum_y / n, n = n)
}

# The same with covariates, for responses with the same samples together.
moments_by_pattern <- function(X, Y, Z) {
  found <- list()
  for (what in c("x", "y", "xy", "n")) found[[what]] <- matrix(0, X$p, ncol(Y))
  used <- matrix(0, X$p, ncol(Y))
  for (pattern in response_patterns(Y)) {
    rows <- pattern$rows
    space <- covariate_space(Z[rows, , drop = FALSE], length(rows), TRUE)
    m <- marginal_products(
      if (length(rows) < X$n) predictor_rows(X, rows) else X, space,
      Y[rows, pattern$columns, drop = FALSE]
    )
    found$x[, pattern$columns] <- m$norms
    found$xy[, pattern$columns] <- m$products
    found$y[, pattern$columns] <- rep(m$total, each = X$p)
    found$n[, pattern$columns] <- length(rows)
    used[, pattern$columns] <- space$rank + 1L
  }
  c(found, list(used = used))
}

# Responses grouped by the samples they have: list of list(rows, columns).
response_patterns <- function(Y) {
  observed <- !is.na(Y)
  key <- apply(observed, 2L, \(o) paste(which(!o), collapse = ","))
  unname(lapply(split(seq_len(ncol(Y)), factor(key, unique(key))), \(columns) {
    list(rows = which(observed[, columns[1L]]), columns = columns)
  }))
}

slopes <- function(m, standardize, dimnames) {
  b <- m$xy / m$x
  free <- m$n - m$used
  s <- sqrt(pmax(m$y - b * m$xy, 0) / free / m$x)
  if (standardize) {
    scale <- sqrt(m$x / (m$n - 1))
    b <- b * scale
    s <- s * scale
  }
  unusable <- m$x <= 0 | free <= 0
  b[unusable] <- s[unusable] <- NA
  n <- m$n
  dimnames(b) <- dimnames(s) <- dimnames(n) <- dimnames
  list(Bhat = b, Shat = s, n = n)
}
