# Data for regressions with many responses.

#' Simulate a regression with many responses
#'
#' Correlated predictors, of which a few have effects; effects that are shared among responses; and
#' correlated errors, scaled so that the predictors explain a given part of the variance.
#'
#' Rows of `X` are drawn from a multivariate normal distribution with correlation `X_cor` between
#' all predictors (`X_pattern = "equal"`), or `X_cor^|i - j|` (`"ar1"`, like neighbouring variants).
#' Each of the `p_causal` predictors with effects draws one of the groups of responses in
#' `r_causal` (with probabilities `w`), and its effects on these from a multivariate normal
#' distribution with standard deviations `B_scale` and correlations `B_cor` (each may differ by
#' group); its effects on the other responses are zero. Errors have correlation `V_cor`, and for
#' each response the variance that makes the predictors explain `pve` of it; of responses without
#' any effect the variance is 1. With one and the same effect everywhere (`B_cor = 1`), the errors
#' of all responses have about the same variance.
#'
#' @param n,p,r numbers of samples, predictors and responses.
#' @param p_causal number of predictors with effects.
#' @param r_causal list of sets of responses (numbers); default: one set of all.
#' @param intercepts intercepts, one or r.
#' @param pve proportion of the variance of each response that the predictors explain, in `[0, 1)`:
#'   one or r numbers.
#' @param B_cor,B_scale correlation and standard deviation of the effects of one predictor: one
#'   number, or one for each set in `r_causal`.
#' @param w probabilities of the sets in `r_causal`.
#' @param X_cor correlation of the predictors, at least 0.
#' @param X_pattern `"equal"` or `"ar1"`.
#' @param X_scale standard deviation of the predictors, one or p.
#' @param V_cor correlation of the errors among responses.
#' @inheritParams shared_arguments
#'
#' @return A list of `X` (n x p), `Y` (n x r), the effects `B` (p x r), the error covariance `V`
#'   (r x r), `intercepts`, and `causal`: a data frame of the predictors with effects and their
#'   sets.
#' @export
#' @examples
#' sim <- simulate_mr_mash(
#'   n = 100, p = 50, p_causal = 5, r = 4, r_causal = list(1:2, 1:4), w = c(0.5, 0.5), seed = 1
#' )
#' sim$causal
#' round(sim$B[sim$causal$predictor, ], 2)
simulate_mr_mash <- function(n, p, p_causal, r, r_causal = list(seq_len(r)), intercepts = 1,
                             pve = 0.2, B_cor = 1, B_scale = 1, w = NULL, X_cor = 0,
                             X_pattern = c("equal", "ar1"), X_scale = 1, V_cor = 0, seed = NULL,
                             ...) {
  take_dots(...)
  n <- check_few(n, 2, 1e8)
  p <- check_few(p, 1, 1e8)
  r <- check_few(r, 1, 1e4)
  check_cells(c(n = n, p = p))
  check_cells(c(n = n, r = r))
  check_cells(c(p = p, r = r))
  p_causal <- check_count(p_causal, 0)
  if (p_causal > p) stop_mnmash("argument", "`p_causal` must be at most `p` (", p, ")")
  r_causal <- check_response_sets(r_causal, r)
  groups <- length(r_causal)
  w <- if (is.null(w)) rep(1, groups) else check_each(w, groups, 0)
  if (!any(w > 0)) stop_mnmash("value", "`w` must not be zero everywhere")
  B_cor <- check_each(B_cor, groups, -1, 1)
  B_scale <- check_each(B_scale, groups, 0, 1e100)
  intercepts <- check_each(intercepts, r)
  pve <- check_each(pve, r, 0, 1)
  if (any(pve >= 1)) stop_mnmash("argument", "`pve` must be less than 1")
  X_scale <- check_each(X_scale, p, 0, 1e100)
  X_pattern <- match_choice(X_pattern, c("equal", "ar1"))
  X_cor <- check_number(X_cor, 0, 1)
  V_cor <- check_number(V_cor, -1, 1)
  if (!is.null(seed)) {
    return(with_own_seed(seed, simulate_mr_mash(
      n, p, p_causal, r, r_causal, intercepts, pve, B_cor, B_scale, w, X_cor, X_pattern, X_scale,
      V_cor
    )))
  }
  X <- correlated_columns(n, p, X_cor, X_pattern) * rep(X_scale, each = n)
  causal <- data.frame(
    predictor = sort(sample.int(p, p_causal)), set = sample.int(groups, p_causal, TRUE, w)
  )
  B <- matrix(0, p, r)
  for (i in seq_len(p_causal)) {
    set <- causal$set[i]
    columns <- r_causal[[set]]
    root <- equal_correlation_root(length(columns), B_cor[set], "B_cor")
    B[causal$predictor[i], columns] <- B_scale[set] * drop(root %*% stats::rnorm(length(columns)))
  }
  signal <- X %*% B
  explained <- apply(signal, 2L, stats::var)
  sd <- ifelse(explained > 0 & pve > 0, sqrt(explained * (1 - pve) / pve), 1)
  root <- sd * equal_correlation_root(r, V_cor, "V_cor")
  E <- matrix(stats::rnorm(n * r), n) %*% t(root)
  # A response without a signal where one was asked for has nothing but noise.
  signal[, pve == 0] <- 0
  B[, pve == 0] <- 0
  rownames <- paste0("sample_", seq_len(n))
  predictors <- paste0("predictor_", seq_len(p))
  responses <- paste0("response_", seq_len(r))
  Y <- signal + E + rep(intercepts, each = n)
  dimnames(X) <- list(rownames, predictors)
  dimnames(Y) <- list(rownames, responses)
  dimnames(B) <- list(predictors, responses)
  list(
    X = X, Y = Y, B = B, V = structure(tcrossprod(root), dimnames = list(responses, responses)),
    intercepts = intercepts, causal = causal
  )
}

check_response_sets <- function(sets, r) {
  right <- is.list(sets) && length(sets) &&
    all(vapply(sets, \(s) is.numeric(s) && length(s) && all(s %in% seq_len(r)), NA))
  if (!right) {
    stop_mnmash("argument", "`r_causal` must be a list of sets of responses, numbers from 1 to ", r)
  }
  lapply(sets, unique)
}

# A root of the r x r matrix with ones on the diagonal and `cor` elsewhere.
equal_correlation_root <- function(r, cor, name) {
  if (r > 1 && cor < -1 / (r - 1)) {
    stop_mnmash(
      "argument", as_typed(name), " must be at least -1 / ", r - 1, " for ", r, " responses"
    )
  }
  # I - J/r and J/r are projections, with eigenvalues 1 - cor and 1 + (r - 1) cor.
  mean <- matrix(1 / r, r, r)
  sqrt(max(1 - cor, 0)) * (diag(r) - mean) + sqrt(max(1 + (r - 1) * cor, 0)) * mean
}

correlated_columns <- function(n, p, cor, pattern) {
  X <- matrix(stats::rnorm(n * p), n)
  if (cor == 0) return(X)
  if (pattern == "equal") return(sqrt(cor) * stats::rnorm(n) + sqrt(1 - cor) * X)
  for (j in seq_len(p)[-1L]) X[, j] <- cor * X[, j - 1L] + sqrt(1 - cor^2) * X[, j]
  X
}

# Evaluates `code` with random numbers of its own; R's own stream is put back.
with_own_seed <- function(seed, code) {
  seed <- check_set_seed(seed)
  global <- globalenv()
  old <- get0(".Random.seed", global, inherits = FALSE)
  on.exit(if (is.null(old)) {
    rm(list = ".Random.seed", envir = global)
  } else {
    assign(".Random.seed", old, envir = global)
  })
  set.seed(seed)
  code
}
