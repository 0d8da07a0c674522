# Multivariate multiple regression with a mixture-of-normals prior.

#' Multivariate multiple regression with adaptive shrinkage
#'
#' Regresses r responses on p predictors together, `Y = X B + E`, where the rows of `E` are
#' independent `N(0, V)` and the rows of `B` have a mixture of multivariate normal distributions as
#' their prior, `sum_k w0[k] N(0, S0[[k]])`: the model of mr.mash. Weights and residual covariance
#' are estimated with the coefficients, by variational inference.
#'
#' The posterior is approximated by independent rows of `B`. Each sweep replaces each row by its
#' exact posterior given the others, in turn, so that the evidence lower bound (`ELBO`) never falls
#' (but see `plugin`); for a single predictor, or orthogonal ones, it is the log-density of the
#' data. Nothing is left out of the bound: it is higher than that of the package mr.mash.alpha by
#' `log(n) / 2`, for the centred data that both use.
#'
#' The prior covariances may have any rank, zero included: nothing is added to them. Matrices that
#' are multiples of one another share their computations, so that a grid of scales is cheap.
#'
#' @section Residual covariance:
#' - `"full"`, `"diagonal"`: as the names say;
#' - `"lowrank"`: `s^2 I + W W'` with `rank` columns in `W` (probabilistic principal components, in
#'   closed form); `plugin = TRUE` leaves out the uncertainty of the coefficients, as a plug-in
#'   estimate does: residual variances come out too small, and the bound may fall;
#' - `"factor"`: `diag(psi) + W W'` with `rank` columns (factor analysis);
#' - `"identity"`: the identity matrix; `"known"`: `V` as it is.
#'
#' @section Missing responses:
#' `NA` in `Y` is missing at random. The missing values of a sample given the others are part of the
#' approximate posterior; samples that miss the same responses share the computations. `Y` of the
#' result has expected values in their places.
#'
#' @param X predictors, n samples x p: a numeric matrix or data frame, a sparse matrix of package
#'   Matrix (which stays sparse), or a function that returns blocks of columns
#'   ([genotype_blocks()]). Without missing values. Constant columns get the coefficient 0.
#' @param Y n x r matrix of responses (a vector if r = 1); `NA` where missing.
#' @param prior list of r x r covariance matrices, a fit of [mash()], or anything that [as_prior()]
#'   takes. Covariances refer to coefficients of standardized predictors if `standardize`.
#' @param S0 list of r x r covariance matrices, or an r x r x K array, in place of `prior`.
#' @param w0 K starting weights of the components. Default: those of `prior`, or equal.
#' @param grid scales (standard deviations): each matrix, scaled to have a largest variance of 1, is
#'   used times the square of each scale, and a component of exactly zero effects is added.
#' @param V r x r residual covariance to start from, or to use if `residual = "known"`. Default:
#'   the covariance of `Y` (given `B_init`).
#' @param residual structure of the residual covariance, see below.
#' @param rank number of columns of `W`, for `"lowrank"` and `"factor"`.
#' @param update_w0,update_V whether to estimate weights and residual covariance.
#' @param w0_method `"convex"`: expectation maximisation and, once a sweep gains little, steps
#'   towards the solution of the convex problem that the weights solve at convergence, as far as the
#'   bound does not fall. `"em"`: expectation maximisation only, as mr.mash does, which stops short
#'   of the optimum. The bound has several optima where predictors are strongly correlated, and the
#'   two may end in different ones.
#' @param w0_penalty K Dirichlet parameters of at least 1, or one for all: a penalty on the weights.
#' @param w0_threshold from sweep 16 on, weights below this are set to zero.
#' @param standardize divide predictors by their standard deviations (about what intercept and
#'   covariates explain). Coefficients are returned for
#'   `X` as given; `S0`, `w0` refer to standardized predictors.
#' @param intercept centre `X` and `Y`, which integrates an intercept out (up to a constant).
#' @param order order of the updates: `"consecutive"`; `"decreasing_logBF"` or
#'   `"increasing_logBF"`, by the Bayes factors of the predictors alone; `"random"`; or a
#'   permutation of 1, ..., p.
#' @param B_init p x r coefficients to start from. Default: zero.
#' @param covariance which posterior (co)variances of coefficients to return: standard deviations
#'   and local false sign rates (`"diagonal"`), nothing (`"none"`), or also all r x r x p
#'   covariances (`"full"`).
#' @param plugin see the section on the residual covariance.
#' @param tol converged when a sweep raises the bound by at most `tol` per value of `Y`, and no
#'   weights would raise the log-likelihood of the deconvolved effects (see [deconvolve()]) by more
#'   than 5e-7 (`"em"`: no weight changes by more than `tol_w0`). With both 0, `max_iter` sweeps are
#'   made.
#' @param tol_w0 see `tol`.
#' @param max_iter most sweeps.
#' @param e number added to the diagonals of all prior matrices. mr.mash adds 1e-8.
#' @param covariates n x q: a matrix, a data frame (factors are expanded), or a vector for one
#'   covariate; may be collinear. They are regressed out of `X` and, given the coefficients, of `Y`.
#'   `X`, `Y` and the covariates are matched by their row names where they have some.
#' @param n_threads number of threads. Default: the option `mnmash.threads`, or all cores. Results
#'   do not depend on it.
#'
#' @return An object of class `mr_mash`, a list of
#' - `mu1`: p x r posterior means of the coefficients; `intercept`: r numbers; `covariates`: q x r
#'   coefficients of the covariates, and `terms`, how their columns are made of new values;
#' - `psd`, `lfsr`: p x r posterior standard deviations and local false sign rates; `S1`: r x r x p
#'   posterior covariances (each as `covariance` asks);
#' - `V`: residual covariance; `loadings`, `unique`: its parts `W` and `s^2` or `psi`;
#' - `w0`, `S0`: weights and covariances of the prior; `w1_colsums`: posterior weights of the
#'   components, summed over predictors;
#' - `fitted`, `residuals`: n x r; `G`: covariance of what the predictors
#'   contribute to the fitted values; `pve`: proportions of
#'   variance explained, `diag(G) / (diag(G) + diag(V))`; `Y`: completed responses, if some were
#'   missing;
#' - `ELBO`, and `trace`: data frame of `iteration` and `elbo`, the bound after each sweep (plus the
#'   log-density of the weights if `w0_penalty` is not 1);
#' - `convergence`: list of `converged`, `iterations`, `message`, and of the last sweep
#'   `elbo_change` (per value of `Y`), `w0_change`, `mu1_change` (standardized); `proposals`: how
#'   many were kept and not.
#' @references
#' Morgante, Carbonetto, Wang, Zou, Sarkar and Stephens (2023), PLOS Genetics 19, e1010539.
#'
#' Tipping and Bishop (1999), Journal of the Royal Statistical Society B 61, 611-622 (`"lowrank"`).
#'
#' Rubin and Thayer (1982), Psychometrika 47, 69-76 (`"factor"`).
#' @seealso [mr_mash_rss()] for summary statistics, `coef()`, `predict()` and others in
#'   [mr_mash-methods]
#' @export
#' @examples
#' set.seed(1)
#' n <- 100; p <- 20; r <- 3
#' X <- matrix(rnorm(n * p), n)
#' B <- matrix(0, p, r)
#' B[1:2, ] <- 1
#' Y <- X %*% B + matrix(rnorm(n * r), n)
#' prior <- list(shared = matrix(1, r, r), independent = diag(r))
#' fit <- mr_mash(X, Y, prior, grid = c(0.1, 0.5, 1))
#' fit
#' round(coef(fit)[1:4, ], 2)
mr_mash <- function(X, Y, prior = NULL, S0 = NULL, w0 = NULL, grid = NULL, V = NULL,
                    residual = c("full", "diagonal", "lowrank", "factor", "identity", "known"),
                    rank = NULL, update_w0 = TRUE, update_V = TRUE,
                    w0_method = c("convex", "em"), w0_penalty = 1, w0_threshold = 0,
                    standardize = TRUE, intercept = TRUE,
                    order = c("consecutive", "decreasing_logBF", "increasing_logBF", "random"),
                    B_init = NULL, covariance = c("diagonal", "none", "full"), plugin = FALSE,
                    tol = 1e-6, tol_w0 = 1e-3, max_iter = 1000, e = 0, covariates = NULL,
                    n_threads = NULL, ...) {
  take_dots(...)
  data <- regression_data(X, Y, covariates)
  X <- data$X
  if (X$n < 2L) stop_mnmash("dimension", "`X` must have at least two rows (samples)")
  Y <- response_matrix(data$Y)
  standardize <- check_flag(standardize)
  intercept <- check_flag(intercept)
  covariance <- match_choice(covariance, c("diagonal", "none", "full"))
  n_threads <- resolve_threads(n_threads)
  problem <- regression_problem(
    colnames_or_numbers(Y), prior, S0, w0, grid, V, residual, rank, update_w0, update_V, w0_method,
    w0_penalty, w0_threshold, plugin, tol, tol_w0, max_iter, e
  )
  space <- covariate_space(data$Z$x, X$n, intercept)
  design <- list(
    kind = X$kind, x = X$x, basis = space$basis, starts = X$starts, rows = X$rows
  )
  start <- check_start(B_init, X$p, ncol(Y))
  order <- update_order(order, design, X$p, Y, standardize, problem, n_threads)
  found <- with_progress("mr_mash", problem$sweeps * X$p, \(progress) {
    from_rust(rust_mr_mash(
      design, Y, order, standardize, start, problem$prior, problem$residual, problem$update,
      problem$control, n_threads, progress
    ))
  })
  scale <- if (standardize) found$scale else rep(1, X$p)
  fit <- regression_fit(found, problem, scale, X$names, colnames(Y), covariance, n_threads)
  fit <- add_fitted(fit, X, Y, space, found)
  fit$terms <- data$Z$terms
  fit$standardize <- standardize
  fit$n <- X$n
  fit$call <- match.call()
  structure(fit, class = "mr_mash")
}

# All that does not depend on the kind of data, checked, in the form the core wants.
regression_problem <- function(conditions, prior, S0, w0, grid, V, residual, rank, update_w0,
                               update_V, w0_method, w0_penalty, w0_threshold, plugin, tol, tol_w0,
                               max_iter, e) {
  R <- length(conditions)
  mixture <- regression_prior(prior, S0, w0, grid, conditions)
  e <- check_number(e, 0)
  if (e > 0) mixture$S0 <- lapply(mixture$S0, \(U) U + diag(e, R))
  groups <- group_multiples(mixture$S0)
  K <- length(mixture$S0)
  if (is.numeric(w0_penalty) && length(w0_penalty) == 1L) w0_penalty <- rep(w0_penalty, K)
  penalty <- dirichlet_parameters(w0_penalty, K, 1)
  update_w0 <- check_flag(update_w0)
  w0_method <- match_choice(w0_method, c("convex", "em"))
  residual <- residual_structure(residual, rank, V, R, check_flag(update_V), plugin)
  max_iter <- check_count(max_iter)
  control <- c(
    check_number(w0_threshold, 0, 1), check_number(tol, 0),
    check_number(tol_w0, 0), max_iter
  )
  list(
    conditions = conditions, S0 = mixture$S0, w0 = mixture$w0, groups = groups,
    prior = core_prior(groups, mixture$w0, penalty), penalty = penalty, residual = residual,
    update = if (update_w0) w0_method else "fixed", control = as.double(control), sweeps = max_iter
  )
}

# list(structure, rank, V or NULL).
residual_structure <- function(residual, rank, V, R, update_V, plugin) {
  choices <- c("full", "diagonal", "lowrank", "factor", "identity", "known")
  residual <- match_choice(residual, choices)
  V <- check_residual_covariance(V, R)
  if (residual == "identity") {
    if (!is.null(V)) stop_mnmash("argument", "`residual = \"identity\"` leaves no use for `V`")
    return(list("known", 0L, diag(R)))
  }
  if (residual == "known" && is.null(V)) {
    stop_mnmash("argument", "`residual = \"known\"` needs the residual covariance `V`")
  }
  plugin <- check_flag(plugin)
  if (plugin && residual != "lowrank") {
    stop_mnmash("argument", "`plugin` is for `residual = \"lowrank\"`")
  }
  if (residual %in% c("lowrank", "factor")) {
    if (is.null(rank)) stop_mnmash("argument", "`residual = \"", residual, "\"` needs `rank`")
    rank <- check_count(rank)
    if (rank >= R) {
      stop_mnmash("argument", "`rank` must be less than the number of responses, ", R)
    }
  } else if (!is.null(rank)) {
    stop_mnmash("argument", "`rank` is for `residual = \"lowrank\"` and \"factor\"")
  }
  if (plugin) {
    warn_mnmash(
      "biased", "`plugin = TRUE` ignores the uncertainty of the coefficients: residual variances ",
      "are underestimated, and the bound may fall"
    )
  }
  structure <- if (plugin) "plugin" else residual
  if (!update_V) {
    structure <- "known"
    if (residual == "diagonal" && !is.null(V)) V <- diag(diag(V), R)
  }
  list(structure, as.integer(if (is.null(rank)) 0L else rank), V)
}

check_residual_covariance <- function(V, R) {
  if (is.null(V)) return(NULL)
  V <- as_numeric_matrix(V)
  if (nrow(V) != R || ncol(V) != R) {
    stop_mnmash("dimension", "`V` must be ", R, " x ", R, ", as there are ", R,
                " responses, not ", describe_dim(V))
  }
  check_finite(V, na_ok = FALSE)
  if (max(abs(V - t(V))) > 1e-8 * max(abs(V))) {
    stop_mnmash("asymmetric", "`V` must be symmetric")
  }
  smallest <- min(eigen(V, symmetric = TRUE, only.values = TRUE)$values)
  if (smallest <= 0) {
    stop_mnmash("not_psd", "`V` must be positive definite: its smallest eigenvalue is ",
                format(smallest, digits = 4))
  }
  unname(V)
}

response_matrix <- function(Y) {
  known <- colSums(!is.na(Y))
  if (any(known < 2L)) {
    stop_mnmash("missing", "`Y` must have at least two values in ",
                describe_index("column", which(known < 2L)[1L], colnames(Y)))
  }
  Y[is.na(Y)] <- NaN
  Y
}

check_start <- function(B, p, R, name = "B_init") {
  if (is.null(B)) return(NULL)
  B <- as_numeric_matrix(B, name = name)
  if (nrow(B) != p || ncol(B) != R) {
    stop_mnmash("dimension", "`", name, "` must be ", p, " x ", R, ", not ", describe_dim(B))
  }
  unname(check_finite(B, name = name, na_ok = FALSE))
}

colnames_or_numbers <- function(Y) {
  if (is.null(colnames(Y))) as.character(seq_len(ncol(Y))) else colnames(Y)
}

# The predictors in the order of updates.
update_order <- function(order, design, p, Y, standardize, problem, n_threads) {
  if (is.numeric(order)) {
    if (!identical(as.integer(sort(order)), seq_len(p))) {
      stop_mnmash("argument", "`order` must be a permutation of 1, ..., ", p)
    }
    return(as.integer(order))
  }
  choices <- c("consecutive", "decreasing_logBF", "increasing_logBF", "random")
  order <- match_choice(order, choices)
  if (order == "consecutive") return(seq_len(p))
  if (order == "random") return(sample.int(p))
  log_bf <- from_rust(rust_mr_mash_log_bf(
    design, Y, standardize, problem$prior, problem$residual, n_threads
  ))
  base::order(log_bf, decreasing = order == "decreasing_logBF")
}

# What individual and summary data have in common, with coefficients per unit of X as it was given:
# `scale` is what its columns were divided by.
regression_fit <- function(found, problem, scale, predictors, conditions, covariance, n_threads) {
  names <- list(predictors, conditions)
  groups <- problem$groups
  residual <- list("known", 0L, found$V)
  final <- problem$prior
  final[[3L]] <- found$weights
  weights <- stats::setNames(from_core_order(found$weights, groups), names(problem$S0))
  colsums <- stats::setNames(from_core_order(found$responsibilities, groups), names(problem$S0))
  by_condition <- list(problem$conditions, problem$conditions)
  fit <- list(
    mu1 = `dimnames<-`(found$mean / scale, names), intercept = NULL,
    V = `dimnames<-`(found$V, list(conditions, conditions)), w0 = weights,
    S0 = lapply(problem$S0, `dimnames<-`, by_condition), w1_colsums = colsums,
    ELBO = found$elbo,
    trace = data.frame(iteration = seq_along(found$trace), elbo = found$trace),
    convergence = list(
      converged = found$converged, iterations = length(found$trace),
      message = if (found$converged) "converged" else "reached the limit of sweeps",
      elbo_change = found$rise, w0_change = found$weight_change,
      mu1_change = found$coefficient_change,
      proposals = stats::setNames(found$proposals, c("kept", "refused"))
    ),
    loadings = found$loadings, unique = if (length(found$unique)) found$unique,
    residual = problem$residual[[1L]], update_w0 = problem$update != "fixed",
    statistics = found$statistics, precision = found$precision, scale = scale
  )
  if (covariance != "none") {
    full <- covariance == "full"
    fit <- c(fit, row_posteriors(found, final, residual, scale, names, full, n_threads))
  }
  fit
}

# Posterior standard deviations, signs and covariances. A predictor without variance keeps its
# prior.
row_posteriors <- function(found, prior, residual, scale, names, full, n_threads) {
  p <- nrow(found$mean)
  R <- ncol(found$mean)
  varies <- found$precision > 0
  rows <- from_rust(rust_mr_mash_posterior(
    found$statistics[varies, , drop = FALSE], found$precision[varies], prior, residual, full,
    n_threads
  ))
  second <- prior_second_moment(prior, R)
  sd <- matrix(rep(sqrt(diag(second)), each = p), p)
  sd[varies, ] <- rows$sd
  lfsr <- matrix(0.5, p, R)
  lfsr[varies, ] <- rows$lfsr
  out <- list(psd = `dimnames<-`(sd / scale, names), lfsr = `dimnames<-`(lfsr, names))
  if (full) {
    S1 <- array(second, c(R, R, p))
    S1[, , varies] <- rows$covariance
    S1 <- S1 / rep(scale^2, each = R * R)
    dimnames(S1) <- list(names[[2L]], names[[2L]], names[[1L]])
    out$S1 <- S1
  }
  out
}

# sum_k w_k U_k of a prior in the form of the core.
prior_second_moment <- function(prior, R) {
  weights <- relist_like(prior[[3L]], prior[[2L]])
  moments <- Map(\(U, scales, w) sum(scales * w) * matrix(U, R), prior[[1L]], prior[[2L]], weights)
  Reduce(`+`, moments)
}

relist_like <- function(x, list) {
  unname(split(x, rep(seq_along(list), lengths(list))))
}

# The intercepts (zero if there are none) and the coefficients of the covariates, if there are any.
level_coefficients <- function(space, explained, conditions) {
  r <- ncol(explained)
  found <- if (ncol(space$W)) qr.coef(space$qr, explained) else matrix(0, 0L, r)
  found <- matrix(found, ncol = r, dimnames = list(colnames(space$W), conditions))
  constant <- rownames(found) %in% "(Intercept)"
  intercept <- if (any(constant)) found[constant, ] else numeric(r)
  list(
    stats::setNames(intercept, conditions),
    if (!all(constant)) found[!constant, , drop = FALSE]
  )
}

# Intercept and covariates, fitted values and residuals, the share of variance explained, and
# completed responses.
add_fitted <- function(fit, X, Y, space, found) {
  missing <- is.nan(Y)
  signal <- predictor_values(X, fit$mu1)
  explained <- space$basis %*% (found$level - crossprod(space$basis, signal))
  residuals <- found$residuals
  dimnames(residuals) <- dimnames(Y)
  fit$fitted <- `dimnames<-`(signal + explained, dimnames(Y))
  fit[c("intercept", "covariates")] <- level_coefficients(space, explained, colnames(Y))
  if (any(missing)) {
    Y[missing] <- (fit$fitted + residuals)[missing]
    fit$Y <- Y
    residuals[missing] <- NA
  }
  fit$residuals <- residuals
  fit$G <- stats::cov(signal)
  dimnames(fit$G) <- list(colnames(Y), colnames(Y))
  fit$pve <- diag(fit$G) / (diag(fit$G) + diag(fit$V))
  fit
}
