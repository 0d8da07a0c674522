# m&m regression from summary statistics.

#' Multivariate multiple regression from summary statistics
#'
#' [mr_mash()] where only univariate effects and the correlations of the predictors are known. With
#' the correlations of the same samples, their number, and the covariance of the responses, the fit
#' is that of the individual data.
#'
#' With `z = Bhat / Shat`, the share of the variance that a predictor explains alone is
#' `z^2 / (z^2 + n - 2)`, from which sums of squares and products follow. What is fitted depends on
#' what is given:
#' - `Bhat`, `Shat` and `covY`: everything is known, and the fit is `mr_mash(X, Y)`. The sum of
#'   squares of a predictor is averaged over the responses, which agree on it if all have the same
#'   samples;
#' - `Z`, or `Bhat` and `Shat` without `covY`: predictors and responses as if scaled to variance 1,
#'   with `V` (as a correlation matrix) in place of the correlation of the responses. Effects are in
#'   standard deviations of the response per standard deviation of the predictor.
#'
#' **Sample sizes that differ.** `n` may have one number for each response. Response `i` then
#' contributes `(n_i - 1)` times its covariances, and `V` is the covariance of its noise scaled to
#' the largest `n`: for a diagonal `V` that is exact; else `cov2cor(V)` is the correlation of
#' z-scores that overlapping samples cause. `V` must then be given, and stays as it is; the bound
#' has an unknown constant.
#'
#' Signs must refer to the same allele in the statistics and in `R`. With an `R` of other samples,
#' the estimate of `V` may fail or mislead: consider `update_V = FALSE`.
#'
#' @param Bhat,Shat p x r univariate effects and their standard errors, as from
#'   [univariate_sumstats()]; no missing values.
#' @param Z p x r z-scores, in place of `Bhat` and `Shat`.
#' @param n number of samples: one number, or one for each response.
#' @param covY r x r covariance of the responses.
#' @param V r x r residual covariance to start from, or to use. Default: `covY`.
#' @param X_colmeans,Y_colmeans means of predictors and responses (p and r numbers), for an
#'   intercept.
#' @param order `"consecutive"`, or a permutation of 1, ..., p: the order of the updates.
#' @inheritParams mr_ash_rss
#' @inheritParams mr_mash
#'
#' @return As [mr_mash()], without `fitted`, `residuals`, `Y`, `G` and `pve`, and with `intercept`
#'   only if the means are given.
#' @references Zou, Carbonetto, Xie, Wang and Stephens (2026), Nature Genetics 58, 454-462 (sums
#'   of squares from z-scores).
#' @export
#' @examples
#' set.seed(1)
#' n <- 150; p <- 12; r <- 2
#' X <- matrix(rnorm(n * p), n)
#' Y <- X[, 1:2] %*% matrix(0.5, 2, r) + matrix(rnorm(n * r), n)
#' s <- univariate_sumstats(X, Y)
#' prior <- list(shared = matrix(1, r, r), independent = diag(r))
#' grid <- c(0.1, 0.5)
#' fit <- mr_mash_rss(s$Bhat, s$Shat, R = cor(X), n = n, covY = cov(Y), prior = prior, grid = grid)
#' all.equal(fit$mu1, mr_mash(X, Y, prior, grid = grid)$mu1, tolerance = 1e-6)
mr_mash_rss <- function(Bhat = NULL, Shat = NULL, Z = NULL, R, n, covY = NULL, prior = NULL,
                        S0 = NULL, w0 = NULL, grid = NULL, V = NULL,
                        residual = c("full", "diagonal", "lowrank", "factor", "identity", "known"),
                        rank = NULL, update_w0 = TRUE, update_V = TRUE,
                        w0_method = c("convex", "em"), w0_penalty = 1, w0_threshold = 0,
                        standardize = TRUE, order = "consecutive", B_init = NULL,
                        covariance = c("diagonal", "none", "full"), plugin = FALSE,
                        X_colmeans = NULL, Y_colmeans = NULL, R_shrink = 0, check_R = TRUE,
                        tol = 1e-6, tol_w0 = 1e-3, max_iter = 1000, e = 0, n_threads = NULL) {
  standardize <- check_flag(standardize)
  covariance <- match_choice(covariance, c("diagonal", "none", "full"))
  n_threads <- resolve_threads(n_threads)
  data <- mash_rss_products(Bhat, Shat, Z, n, covY, V)
  conditions <- if (is.null(data$conditions)) as.character(seq_along(data$n)) else data$conditions
  if (data$unequal) {
    if (is.null(V)) {
      stop_mnmash("argument", "sample sizes that differ need the residual covariance `V`")
    }
    update_V <- FALSE
  }
  if (is.null(V) && !identical(residual, "identity")) V <- data$covY
  problem <- regression_problem(
    conditions, prior, S0, w0, grid, V, residual, rank, update_w0, update_V, w0_method, w0_penalty,
    w0_threshold, plugin, tol, tol_w0, max_iter, e
  )
  # Effects are fitted times the root of their share of samples, and so is their prior.
  share <- sqrt((data$n - 1) / (data$samples - 1))
  if (data$unequal) {
    problem$groups <- group_multiples(lapply(problem$S0, \(U) U * outer(share, share)))
    problem$prior <- core_prior(problem$groups, problem$w0, problem$penalty)
  }
  p <- length(data$norms)
  order <- rss_order(order, p)
  R <- as_ld(R, p, R_shrink, check_flag(check_R))
  predictors <- if (is.null(data$names)) R$names else data$names
  sd <- sqrt(data$norms / (data$samples - 1))
  scale <- if (standardize) ifelse(sd > 0, sd, 1) else rep(1, p)
  # Exactly the same for all, where they are standardized: they then share computations.
  root <- if (standardize) sqrt((data$samples - 1) * (sd > 0)) else sqrt(data$norms)
  xtx <- ld_products(R, root, order)
  xty <- data$products / scale
  design <- c(list(kind = "gram", samples = data$samples, total = data$total), xtx)
  start <- check_start(B_init, p, length(data$n))
  if (!is.null(start)) start <- start * scale * rep(share, each = p)
  found <- with_progress("mr_mash_rss", problem$sweeps * p, \(progress) {
    from_rust(rust_mr_mash(
      design, xty, order, FALSE, start, problem$prior, problem$residual, problem$update,
      problem$control, n_threads, progress
    ))
  })
  fit <- regression_fit(found, problem, scale, predictors, data$conditions, covariance, n_threads)
  if (data$unequal) fit <- unshare(fit, share)
  fit$standardize <- standardize
  fit$n <- data$n
  if (!is.null(X_colmeans) && !is.null(Y_colmeans)) {
    means <- rss_means(X_colmeans, Y_colmeans, dim(fit$mu1))
    fit$intercept <- stats::setNames(means$y - drop(means$x %*% fit$mu1), data$conditions)
  }
  fit$call <- match.call()
  structure(fit, class = c("mr_mash_rss", "mr_mash"))
}

# Sums of squares of predictors (p), products with responses (p x r) and total (r x r), all for
# `samples` samples; n by response, and names.
mash_rss_products <- function(Bhat, Shat, Z, n, covY, V) {
  effects <- if (is.null(Z)) Bhat else Z
  if (is.null(Z) == is.null(Bhat)) stop_mnmash("argument", "give `Z`, or `Bhat` and `Shat`")
  effects <- as_numeric_matrix(effects, name = if (is.null(Z)) "Bhat" else "Z")
  check_complete_effects(effects, if (is.null(Z)) "Bhat" else "Z")
  r <- ncol(effects)
  if (!is.null(Shat)) {
    Shat <- as_numeric_matrix(Shat)
    if (!identical(dim(Shat), dim(effects))) {
      stop_mnmash("dimension", "`Shat` must have the dimensions of `Bhat` (", describe_dim(effects),
                  "), not ", describe_dim(Shat))
    }
    check_complete_effects(Shat, "Shat")
  }
  n <- check_each(n, r, 3)
  known <- is.null(Z) && !is.null(covY)
  if (is.null(Z) && is.null(Shat)) stop_mnmash("argument", "`Bhat` needs `Shat`")
  if (!is.null(covY)) covY <- check_response_covariance(covY, r, "covY")
  if (!known) {
    if (is.null(Z)) effects <- effects / Shat
    given <- if (is.null(covY)) check_residual_covariance(V, r) else covY
    if (is.null(given)) {
      stop_mnmash("argument", "z-scores need `covY`, or `V`, for the correlation of the responses")
    }
    covY <- stats::cov2cor(given)
  }
  samples <- max(n)
  parts <- lapply(seq_len(r), \(i) {
    if (known) {
      rss_products(effects[, i], Shat[, i], NULL, n[i], covY[i, i])
    } else {
      rss_products(NULL, NULL, effects[, i], n[i], NULL)
    }
  })
  each <- (samples - 1) / (n - 1)
  norms <- vapply(parts, \(part) part$norms, numeric(nrow(effects)))
  products <- vapply(parts, \(part) drop(part$products), numeric(nrow(effects)))
  dim(norms) <- dim(products) <- dim(effects)
  list(
    norms = rowMeans(norms * rep(each, each = nrow(effects))),
    products = products * rep(sqrt(each), each = nrow(effects)),
    total = outer(sqrt(n - 1), sqrt(n - 1)) * covY, covY = covY, n = n, samples = samples,
    unequal = any(n != n[1L]), names = rownames(effects), conditions = colnames(effects)
  )
}

check_response_covariance <- function(covY, r, name) {
  covY <- as_numeric_matrix(covY, name = name)
  if (nrow(covY) != r || ncol(covY) != r) {
    stop_mnmash("dimension", "`", name, "` must be ", r, " x ", r, ", not ", describe_dim(covY))
  }
  check_finite(covY, name = name, na_ok = FALSE)
  if (max(abs(covY - t(covY))) > 1e-8 * max(abs(covY)) || any(diag(covY) <= 0)) {
    stop_mnmash("value", "`", name, "` must be symmetric, with positive variances")
  }
  unname(covY)
}

rss_order <- function(order, p) {
  if (identical(order, "consecutive")) return(seq_len(p))
  if (!is.numeric(order) || !identical(as.integer(sort(order)), seq_len(p))) {
    stop_mnmash("argument", "`order` must be \"consecutive\" or a permutation of 1, ..., ", p)
  }
  as.integer(order)
}

# D^{1/2} R D^{1/2}, in the order of updates: list(x), or list(x, starts, rows).
ld_products <- function(R, root, order) {
  if (is.null(R$starts)) {
    values <- R$x * outer(root, root)
    if (is.unsorted(order)) values <- values[order, order, drop = FALSE]
    return(list(x = unname(values)))
  }
  if (is.unsorted(order)) {
    R$matrix <- compressed(R$matrix[order, order])
    root <- root[order]
    R[c("x", "starts", "rows")] <- list(R$matrix@x, R$matrix@p, R$matrix@i)
  }
  column <- rep(seq_along(root), diff(R$starts))
  list(
    x = R$x * root[R$rows + 1L] * root[column], starts = as.integer(R$starts),
    rows = as.integer(R$rows)
  )
}

# Effects in their own units again.
unshare <- function(fit, share) {
  p <- nrow(fit$mu1)
  by <- rep(share, each = p)
  fit$mu1 <- fit$mu1 / by
  if (!is.null(fit$psd)) fit$psd <- fit$psd / by
  if (!is.null(fit$S1)) fit$S1 <- fit$S1 / as.vector(outer(share, share))
  fit
}

rss_means <- function(x, y, dims) {
  for (what in c("X_colmeans", "Y_colmeans")) {
    value <- if (what == "X_colmeans") x else y
    length <- if (what == "X_colmeans") dims[1L] else dims[2L]
    if (!is.numeric(value) || length(value) != length || !all(is.finite(value))) {
      stop_mnmash("argument", "`", what, "` must have ", length, " finite numbers")
    }
  }
  list(x = as.double(x), y = as.double(y))
}
