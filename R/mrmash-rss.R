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
#' Signs must refer to the same allele in the statistics and in `LD`. With an `LD` of N other people
#' (`LD_samples`) `V` is not estimated unless that is asked for: errors of correlations look like
#' effects, and what is estimated falls towards zero. Default then: `covY`, times
#' `1 + q (n / N - 1)` where `n > N` (see [mr_ash_rss()]).
#'
#' @param Bhat,Shat p x r univariate effects and their standard errors, as from
#'   [univariate_sumstats()]; no missing values.
#' @param Z p x r z-scores, in place of `Bhat` and `Shat`.
#' @param n number of samples: one number, or one for each response (by name, if it has names).
#' @param covY r x r covariance of the responses, matched to the columns of the statistics by name.
#' @param V r x r residual covariance to start from, or to use, matched to the columns of the
#'   statistics by name. Default: `covY`.
#' @param X_colmeans,Y_colmeans means of predictors and responses (p and r numbers), for an
#'   intercept.
#' @param order `"consecutive"`, or a permutation of 1, ..., p: the order of the updates.
#' @inheritParams mr_ash_rss
#' @inheritParams mr_mash
#' @inheritParams shared_arguments
#'
#' @return As [mr_mash()], without `fitted`, `residuals`, `Y`, `G` and `pve`, and with `intercept`
#'   only if the means are given; and with `check` (see [finemap()], section Contradictions).
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
#' fit <- mr_mash_rss(s$Bhat, s$Shat, LD = cor(X), n = n, covY = cov(Y), prior = prior, grid = grid)
#' all.equal(fit$mu1, mr_mash(X, Y, prior, grid = grid)$mu1, tolerance = 1e-6)
mr_mash_rss <- function(Bhat = NULL, Shat = NULL, Z = NULL, LD, n, covY = NULL, prior = NULL,
                        S0 = NULL, w0 = NULL, grid = NULL, V = NULL,
                        residual = c("full", "diagonal", "lowrank", "factor", "identity", "known"),
                        rank = NULL, update_w0 = TRUE, update_V = is.null(LD_samples),
                        w0_method = c("convex", "em"), w0_penalty = 1, w0_threshold = 0,
                        standardize = NULL, order = "consecutive", B_init = NULL,
                        covariance = c("diagonal", "none", "full"), plugin = FALSE,
                        X_colmeans = NULL, Y_colmeans = NULL, LD_shrink = 0, check_LD = TRUE,
                        LD_samples = NULL, contradiction = c("stop", "warn"),
                        tol = 1e-6, tol_w0 = 1e-3, max_iter = 1000, e = 0, w1 = FALSE,
                        n_threads = NULL, ...) {
  call <- match.call()
  peers <- take_dots(..., also = names(mash_peers), words = own_synonyms$mr_mash)
  peer_arguments(peers, mash_peers)
  settings <- mash_settings(mget(names(mash_table)))
  if (missing(n)) stop_mnmash("argument", as_typed("n"), ", the number of samples, is needed")
  contradiction <- match_choice(contradiction, c("stop", "warn"))
  stats <- as_sumstats(Bhat, Shat, Z)
  conditions <- colnames(stats$z)
  r <- ncol(stats$z)
  if (!is.null(V)) V <- unname(check_covariance(V, r, conditions = conditions))
  data <- mash_rss_products(stats, n, covY, V)
  if (data$unequal) {
    if (is.null(V)) {
      stop_mnmash(
        "argument", "sample sizes that differ need the residual covariance ", as_typed("V")
      )
    }
    settings$update_V <- FALSE
  }
  if (is.null(V) && settings$residual != "identity") {
    V <- data$covY
    if (!is.null(LD_samples)) V <- V * ld_noise(ld_samples(LD_samples), stats$z, data$samples)
  }
  p <- length(data$norms)
  sd <- sqrt(data$norms / (data$samples - 1))
  units <- regression_units(
    list(prior = prior, S0 = S0, w0 = w0, grid = grid), standardize,
    list(names = conditions, r = r),
    list(x = if (data$known) common_scale(sd) else NA_real_,
         y = if (data$known) sqrt(diag(data$covY)) else NA_real_, n = data$n),
    if (data$known) "X" else "both"
  )
  standardize <- units$standardize
  settings$lfsr_map <- map_of_prior(units$given$prior)
  given <- with_own_grid(units$given, \() marginal_effects(stats$z, data, if (!standardize) sd))
  problem <- regression_problem(
    regression_prior(given, conditions, r), V, conditions, r, settings
  )
  # Effects are fitted times the root of their share of samples, and so is their prior.
  share <- sqrt((data$n - 1) / (data$samples - 1))
  if (data$unequal) {
    problem$groups <- group_multiples(lapply(problem$S0, \(U) U * outer(share, share)))
    problem$prior <- grouped_prior(problem$groups, problem$w0)
  }
  order <- rss_order(order, p)
  LD <- as_ld(LD, p, data$names, LD_shrink, check_flag(check_LD))
  settings$slack <- ld_slack(LD_samples, n, LD_shrink)
  predictors <- if (is.null(data$names)) LD$names else data$names
  scale <- if (standardize) ifelse(sd > 0, sd, 1) else rep(1, p)
  # Exactly the same for all, where they are standardized: they then share computations.
  root <- if (standardize) sqrt((data$samples - 1) * (sd > 0)) else sqrt(data$norms)
  xtx <- ld_products(LD, root, order)
  xty <- data$products / scale
  design <- core_products(xtx, data$samples)
  start <- start_coefficients(B_init, predictors, p, conditions, r, "B_init")
  if (!is.null(start)) start <- start * scale * rep(share, each = p)
  responses <- core_responses(xty, data$total)
  found <- core_mr_mash(design, responses, start, order, FALSE, problem, settings)
  fit <- regression_fit(found, problem, scale, list(predictors, conditions), settings)
  fit$check <- data_check(
    found$check, c(fit$ELBO, if (data$unequal) NA else largest_loglik(found$V, data$samples)),
    list(
      Z = stats$z, V = found$V, LD = LD$matrix, Shat = stats$Shat, predictors = predictors,
      conditions = conditions, typed = typed_data(stats$kind)
    ), contradiction
  )
  if (data$unequal) fit <- unshare(fit, share)
  fit$standardize <- standardize
  fit$known <- data$known
  fit$n <- data$n
  fit$intercept <- rss_intercept(fit$mu1, X_colmeans, Y_colmeans)
  fit$call <- call
  structure(fit, class = c("mr_mash_rss", "mr_mash"))
}

# Sums of squares of predictors (p), products with responses (p x r) and total (r x r), all for
# `samples` samples; n by response, the names of the predictors, and whether the units are `known`.
mash_rss_products <- function(stats, n, covY, V) {
  r <- ncol(stats$z)
  conditions <- colnames(stats$z)
  n <- rep_len(samples_of(n, stats$z, as_typed(stats$kind)), r)
  known <- stats$kind == "Bhat" && !is.null(covY)
  if (!is.null(covY)) covY <- response_covariance(covY, conditions, r)
  if (!known) {
    given <- if (is.null(covY)) V else covY
    if (is.null(given)) {
      stop_mnmash(
        "argument", "z-scores need ", as_typed("covY"), ", or ", as_typed("V"),
        ", for the correlation of the responses"
      )
    }
    covY <- stats::cov2cor(given)
    stats$Shat <- NULL
  }
  samples <- max(n)
  parts <- lapply(seq_len(r), \(i) {
    one <- lapply(stats[c("effects", "Shat", "z")], \(x) if (!is.null(x)) x[, i, drop = FALSE])
    rss_products(one, n[i], if (known) covY[i, i])
  })
  each <- (samples - 1) / (n - 1)
  norms <- vapply(parts, \(part) part$norms, numeric(nrow(stats$z)))
  products <- vapply(parts, \(part) drop(part$products), numeric(nrow(stats$z)))
  dim(norms) <- dim(products) <- dim(stats$z)
  list(
    norms = rowMeans(norms * rep(each, each = nrow(norms))),
    products = products * rep(sqrt(each), each = nrow(norms)),
    total = outer(sqrt(n - 1), sqrt(n - 1)) * covY, covY = covY, n = n, samples = samples,
    unequal = any(n != n[1L]), names = rownames(stats$z), known = known
  )
}

# Effects of single predictors and their standard errors, in the units of the coefficients: of
# predictors of variance one, or of these with standard deviations `sd`.
marginal_effects <- function(z, data, sd = NULL) {
  unit <- rep(sqrt(diag(data$covY)), each = nrow(z)) / (if (is.null(sd)) 1 else sd)
  Shat <- unit / sqrt(z^2 + rep(data$n, each = nrow(z)) - 2)
  list(Bhat = z * Shat, Shat = Shat)
}

rss_order <- function(order, p) {
  if (identical(order, "consecutive")) return(seq_len(p))
  if (!is.numeric(order) || !identical(as.integer(sort(order)), seq_len(p))) {
    stop_mnmash(
      "argument", as_typed("order"), " must be \"consecutive\" or a permutation of 1, ..., ", p
    )
  }
  as.integer(order)
}

# D^{1/2} LD D^{1/2}, in the order of updates: list(x), or list(x, starts, rows).
ld_products <- function(LD, root, order) {
  if (is.null(LD$starts)) {
    values <- LD$x * outer(root, root)
    if (is.unsorted(order)) values <- values[order, order, drop = FALSE]
    return(list(x = unname(values)))
  }
  if (is.unsorted(order)) {
    LD$matrix <- compressed(LD$matrix[order, order])
    root <- root[order]
    LD[c("x", "starts", "rows")] <- list(LD$matrix@x, LD$matrix@p, LD$matrix@i)
  }
  column <- rep(seq_along(root), diff(LD$starts))
  list(
    x = LD$x * root[LD$rows + 1L] * root[column], starts = as.integer(LD$starts),
    rows = as.integer(LD$rows)
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

# The intercepts that follow from the means of predictors and responses, or NULL.
rss_intercept <- function(B, X_colmeans, Y_colmeans) {
  if (is.null(X_colmeans) || is.null(Y_colmeans)) return(NULL)
  x <- known_means(X_colmeans, rownames(B), nrow(B), "X_colmeans", "predictor")
  y <- known_means(Y_colmeans, colnames(B), ncol(B), "Y_colmeans", "condition")
  stats::setNames(y - drop(x %*% B), colnames(B))
}

known_means <- function(x, names, n, name, kind) {
  if (!is.numeric(x) || !all(is.finite(x))) {
    stop_mnmash("argument", as_typed(name), " must have ", n, " finite numbers")
  }
  as.double(align_vector(x, names, n, name, kind))
}
